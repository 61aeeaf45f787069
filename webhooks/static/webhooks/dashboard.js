// Keeps the start page's figures fresh, and whoever reads it where they are. Without it the page
// is as it was when it was opened.
"use strict";
(() => {
  const board = document.getElementById("dashboard");
  if (!board) return;
  const every = Number(board.dataset.refresh) * 1000;
  const trouble = document.getElementById("board-trouble");
  const pause = document.getElementById("board-pause");
  const find = (id) => document.getElementById(id);
  const parts = (root) => [...root.querySelectorAll("[data-part]")];
  // What the server has sent last: the page itself has been changed by scripts since.
  const sent = new Map(parts(board).map((part) => [part.id, part.outerHTML]));
  let timer = 0;
  let isPaused = false;
  let isAsking = false;

  const say = (text) => {
    // The same words again would be read out again.
    if (trouble.textContent !== text) trouble.textContent = text;
  };

  const schedule = () => {
    clearTimeout(timer);
    if (!isPaused && !document.hidden) timer = setTimeout(refresh, every);
  };

  const isBeingRead = (part) => {
    const selection = document.getSelection();
    return selection && !selection.isCollapsed && part.contains(selection.anchorNode);
  };

  // A chart that is there already gets the new values, and stays where it is.
  const keepCharts = (old, fresh) => {
    for (const place of fresh.querySelectorAll("[data-chart]")) {
      const kept = old.querySelector(`[data-chart="${place.dataset.chart}"]`);
      const canvas = kept?.querySelector("canvas");
      const chart = canvas && window.Chart && window.Chart.getChart(canvas);
      if (!chart) return false;
      const data = JSON.parse(place.querySelector("canvas").dataset.value);
      chart.data.labels = data.labels;
      data.datasets.forEach((series, number) => {
        chart.data.datasets[number].data = series.data;
      });
      place.replaceWith(kept);
      chart.update("none");
    }
    return true;
  };

  const replace = (old, fresh) => {
    const open = [...old.querySelectorAll("details[open]")].map((details) => details.id);
    const scrolled = [...old.querySelectorAll(".sb-scroll")].map((region) => region.scrollLeft);
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const focusable = "a, summary, [tabindex]";
    const place = focused && [...old.querySelectorAll(focusable)].indexOf(focused);
    const href = focused?.getAttribute("href");
    if (!keepCharts(old, fresh)) return false;
    old.replaceWith(fresh);
    for (const id of open) if (find(id)) find(id).open = true;
    fresh.querySelectorAll(".sb-scroll").forEach((region, number) => {
      region.scrollLeft = scrolled[number] || 0;
    });
    if (focused) {
      const candidates = [...fresh.querySelectorAll(focusable)];
      const same = candidates.find((element) => href && element.getAttribute("href") === href);
      (same || candidates[place] || fresh.querySelector("h2"))?.focus({ preventScroll: true });
    }
    return true;
  };

  const show = (html) => {
    const received = new DOMParser().parseFromString(html, "text/html");
    const fresh = parts(received);
    const known = parts(board).map((part) => part.id);
    if (fresh.map((part) => part.id).join() !== known.join()) return false;
    for (const part of fresh) {
      const markup = part.outerHTML;
      const old = find(part.id);
      if (sent.get(part.id) === markup || isBeingRead(old)) continue;
      if (!replace(old, document.adoptNode(part))) return false;
      sent.set(part.id, markup);
    }
    return true;
  };

  const refresh = async () => {
    if (isAsking) return;
    isAsking = true;
    try {
      const answer = await fetch(board.dataset.refreshUrl, {
        credentials: "same-origin",
        redirect: "manual",
        signal: AbortSignal.timeout(every),
      });
      if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) {
        say("You are not logged in any more: refresh the page to log in. The figures are old.");
        stop();
      } else if (answer.status !== 200) {
        throw new Error(String(answer.status));
      } else if (show(await answer.text())) {
        say("");
      } else {
        // Something has come or gone altogether, such as the first source.
        location.reload();
      }
    } catch {
      say("The figures could not be refreshed and are from the time that is shown. Trying again.");
    } finally {
      isAsking = false;
      schedule();
    }
  };

  const stop = () => {
    isPaused = true;
    pause.textContent = "Refresh by itself";
  };

  pause.hidden = false;
  pause.addEventListener("click", () => {
    if (isPaused) {
      isPaused = false;
      pause.textContent = "Pause";
      refresh();
    } else {
      stop();
      schedule();
    }
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || isPaused) schedule();
    else refresh();
  });
  schedule();
})();

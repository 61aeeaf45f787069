// A run's page shows how far it is, without being loaded anew; without this a link does it.
"use strict";
(() => {
  const run = document.getElementById("run");
  if (!run) return;
  const said = document.getElementById("run-said");
  const FAILED = 10;
  const SLOWEST = 60;
  let failures = 0;

  const find = (selector) => run.querySelector(selector);
  const hideLink = () => find("[data-look-again]")?.remove();

  const wait = () => {
    const seconds = Number(find("[data-refresh]")?.dataset.refresh);
    hideLink();
    if (!seconds) return;
    setTimeout(look, 1000 * Math.min(SLOWEST, seconds + failures * FAILED));
  };

  const look = async () => {
    if (document.hidden) {
      document.addEventListener("visibilitychange", look, { once: true });
      return;
    }
    try {
      const answer = await fetch(run.dataset.url, { credentials: "same-origin", redirect: "error" });
      if (!answer.ok) throw new Error(answer.statusText);
      show(await answer.text());
      failures = 0;
    } catch {
      failures += 1;
    }
    wait();
  };

  const show = (html) => {
    const before = find("[data-said]").dataset.said;
    const wasUnderWay = find("[data-under-way]") !== null;
    // Somebody is on a link in there: it stays under their fingers until the next look.
    if (run.contains(document.activeElement)) return;
    run.innerHTML = html;
    if (wasUnderWay && !find("[data-under-way]")) {
      // It has become its record, of which this is only a part.
      location.reload();
      return;
    }
    const now = find("[data-said]").dataset.said;
    // A screen reader hears of what is new, and not of each row.
    if (now !== before) said.textContent = now;
  };

  wait();
})();

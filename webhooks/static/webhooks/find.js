// "/" leads to the search box of every page, and times say anew how long ago they were.
"use strict";
(() => {
  const isTyping = (element) =>
    element.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(element.tagName);

  // Before unfold's own, which leads to the box of the list.
  window.addEventListener(
    "keydown",
    (event) => {
      const box = document.getElementById("find");
      const plain = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey;
      if (!box || !plain || isTyping(document.activeElement)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      box.focus();
      box.select();
    },
    true,
  );

  const STEPS = [
    [60, 1, "s"],
    [3600, 60, "min"],
    [172800, 3600, "h"],
    [Infinity, 86400, "days"],
  ];
  const sayAge = (seconds) => {
    const [, unit, name] = STEPS.find(([below]) => Math.abs(seconds) < below);
    const number = Math.floor(Math.abs(seconds) / unit);
    return seconds < 0 ? `in ${number} ${name}` : `${number} ${name} ago`;
  };
  // Counted from the page's own time: the clocks of browser and server may differ.
  const begun = performance.now();
  setInterval(() => {
    const passed = Math.floor((performance.now() - begun) / 1000);
    for (const age of document.querySelectorAll("[data-age]")) {
      age.textContent = sayAge(Number(age.dataset.age) + passed);
    }
  }, 15000);
})();

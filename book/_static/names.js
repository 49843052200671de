// Names and stops that the theme and the widgets leave out, for those who read by ear or by keyboard.
(() => {
  const all = (selector, mend) => document.querySelectorAll(selector).forEach(mend);

  function mend() {
    // A slider is named by the word beside it.
    all(".repro-frames .noUi-handle:not([aria-label])", (handle) => {
      const label = handle.closest(".jupyter-widgets, .widget-slider").querySelector(".widget-label");
      handle.setAttribute("aria-label", label.textContent);
    });
    // The arrow that unfolds a part of the table of contents is named by that part.
    all(".toctree-toggle", (arrow) => {
      const [summary, link] = [arrow.closest("summary"), arrow.closest("li").querySelector("a")];
      summary.setAttribute("aria-label", `Pages of “${link.textContent.trim()}”`);
    });
    // Their own words ("Show code cell source", "Search Ctrl+K") say more than the label that hides them.
    all("summary[aria-label='Toggle hidden content'], .search-button-field[aria-label]", (button) => {
      button.removeAttribute("aria-label");
    });
    // Entries of a list that is none to a screen reader without them.
    all(".citation-list > .citation", (entry) => entry.setAttribute("role", "listitem"));
    // What scrolls by itself is scrolled with the arrow keys, once one gets there.
    all(".bd-article :is(table, div.math)", (wide) => {
      if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
      else wide.removeAttribute("tabindex");
    });
  }

  window.addEventListener("load", () => {
    mend();
    new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
    // Fonts that come late and parts that unfold change what is too wide, too.
    const sizes = new ResizeObserver(mend);
    all(".bd-article :is(table, div.math, tbody)", (part) => sizes.observe(part));
    document.fonts.ready.then(mend);
  });
  window.addEventListener("resize", mend);
})();

// Labels and tab stops that the theme and the widgets lack, for readers with a screen reader or a keyboard.
(() => {
  const all = (selector, mend) => document.querySelectorAll(selector).forEach(mend);

  function mend() {
    // A slider is labelled with the text beside it.
    all(".repro-frames .noUi-handle:not([aria-label])", (handle) => {
      const label = handle.closest(".jupyter-widgets, .widget-slider").querySelector(".widget-label");
      handle.setAttribute("aria-label", label.textContent);
    });
    // The arrow that unfolds a part of the table of contents is labelled with that part.
    all(".toctree-toggle", (arrow) => {
      const [summary, link] = [arrow.closest("summary"), arrow.closest("li").querySelector("a")];
      summary.setAttribute("aria-label", `Pages of “${link.textContent.trim()}”`);
    });
    // Their own text ("Show code cell source", "Search Ctrl+K") says more than the label that overrides it.
    all("summary[aria-label='Toggle hidden content'], .search-button-field[aria-label]", (button) => {
      button.removeAttribute("aria-label");
    });
    // To a screen reader, a list without list items is no list.
    all(".citation-list > .citation", (entry) => entry.setAttribute("role", "listitem"));
    // What scrolls by itself has to be focusable, so that the arrow keys can scroll it.
    all(".bd-article :is(table, div.math)", (wide) => {
      if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
      else wide.removeAttribute("tabindex");
    });
  }

  window.addEventListener("load", () => {
    mend();
    new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
    // Fonts that load late and parts that unfold also change what is too wide.
    const sizes = new ResizeObserver(mend);
    all(".bd-article :is(table, div.math, tbody)", (part) => sizes.observe(part));
    document.fonts.ready.then(mend);
  });
  window.addEventListener("resize", mend);
})();

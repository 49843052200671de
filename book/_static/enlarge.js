// On a phone, a plot as wide as a desktop's page is shrunk until its text is unreadable. A button below it shows it at
// a readable size, to be scrolled sideways.
(() => {
  const WIDE = 704; // pixels: the width at which its words are as large as the page's, as in repro.css
  const READABLE = 0.7; // of that

  // The element that scrolls: for a slider the one with all its pictures, otherwise one made for the picture.
  function holderOf(image) {
    const slider = image.closest(".repro-frames");
    if (slider) return slider.querySelector(":scope > :nth-child(2)");
    if (image.parentElement.matches(".repro-picture")) return image.parentElement;
    const holder = document.createElement("div");
    holder.className = "repro-picture";
    image.replaceWith(holder);
    holder.append(image);
    return holder;
  }

  function offer(holder) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "repro-enlarge";
    const say = (large) => {
      button.textContent = large ? "Show the whole picture" : "Enlarge the picture";
      // what scrolls by itself has to be focusable, so that the arrow keys can scroll it
      if (large) holder.tabIndex = 0;
      else holder.removeAttribute("tabindex");
    };
    button.addEventListener("click", () => say(holder.classList.toggle("repro-enlarged")));
    say(false);
    holder.after(button);
  }

  function look() {
    document.querySelectorAll(".bd-article .cell_output img").forEach((image) => {
      if (image.closest(".repro-curtain, .repro-eyes, .repro-pictures")) return;
      const small = image.clientWidth > 0 && image.clientWidth < READABLE * Math.min(image.naturalWidth, WIDE);
      if (!small) return;
      const holder = holderOf(image);
      if (!holder.nextElementSibling?.matches(".repro-enlarge")) offer(holder);
    });
  }

  window.addEventListener("load", () => {
    look();
    document.addEventListener("load", look, true); // pictures of sliders come later, one by one
  });
  window.addEventListener("resize", look);
})();

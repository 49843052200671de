// A file that is dropped on a button of class "drop-here" goes in as one that was chosen. ipywidgets' FileUpload keeps
// its <input> to itself, out of the page, and clicks it when the button is clicked: that click is answered here with the
// file that was dropped, in the place of the dialogue.
(() => {
  if (window.reproDrop) return;
  window.reproDrop = true;
  const under = (event) => event.target.closest?.("button.drop-here");
  const answer = (button, file) => {
    const click = HTMLInputElement.prototype.click;
    HTMLInputElement.prototype.click = function () {
      const chosen = new DataTransfer();
      chosen.items.add(file);
      this.files = chosen.files;
      this.dispatchEvent(new Event("change"));
    };
    try {
      button.click();
    } finally {
      HTMLInputElement.prototype.click = click;
    }
  };
  const on = (name, act) =>
    document.addEventListener(
      name,
      (event) => {
        const button = under(event);
        if (!button) return;
        event.preventDefault();
        event.stopPropagation();
        act(button, event);
      },
      true,
    );
  on("dragover", (button) => button.classList.add("over"));
  on("dragleave", (button) => button.classList.remove("over"));
  on("drop", (button, event) => {
    button.classList.remove("over");
    const file = event.dataTransfer?.files[0];
    if (file) answer(button, file);
  });
})();

// Shared by the windows that encode in the page: reading a picture from a file, the encoder in its Worker, the
// browser's own JPEG files, numbers as text. Nothing leaves the page: it has no address to send anything to.
(() => {
  if (globalThis.bookLive) return;

  /** Larger photos are shrunk, if the reader agrees: phones lack memory for more, some for more than the second. */
  const [MOST_PIXELS, FEWER_PIXELS] = [24e6, 16e6];

  function element(tag, attributes = {}, ...inside) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...inside);
    return node;
  }

  const number = (value, digits = 0) =>
    value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

  /** As "87.3 kB" or "1.24 MB". */
  const size = (bytes) => (bytes < 1e6 ? `${number(bytes / 1e3, 1)} kB` : `${number(bytes / 1e6, 2)} MB`);

  /** An EncoderClient (assets/encoder/client.js) on a new Worker, started from the script in the page. */
  function client() {
    const text = document.getElementById("book-encoder").textContent;
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const { EncoderClient } = globalThis.bookEncoder;
    try {
      return new EncoderClient(new Worker(url));
    } catch {
      const dead = new EncoderClient({});
      dead.fail(new Error("this browser does not let the page start the encoder"));
      return dead;
    }
  }

  /**
   * { canvas, data, width, height, url, shrunk } of an image file (Blob), upright, on white, in sRGB. `url` shows the
   * same picture; `shrunk` says whether it was made smaller, to at most `shrinkTo` pixels. Throws a RangeError if there
   * are too many pixels, with their number, `pixels`, and `most`, which can be passed as `shrinkTo`; an Error if the
   * browser cannot read the file or has no room for the picture.
   */
  async function read(file, shrinkTo = null) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      throw new Error("this browser cannot read it as a picture; a JPEG, PNG or WebP file will do");
    }
    const pixels = bitmap.width * bitmap.height;
    const tooLarge = (most) => Object.assign(new RangeError("too large"), { pixels, most });
    if (!shrinkTo && pixels > MOST_PIXELS) {
      bitmap.close();
      throw tooLarge(MOST_PIXELS);
    }
    const scale = Math.min(1, Math.sqrt((shrinkTo ?? pixels) / pixels));
    const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.floor(side * scale)));
    const canvas = element("canvas", { width, height });
    const data = drawn(canvas, bitmap);
    bitmap.close();
    if (!data && width * height > FEWER_PIXELS) throw tooLarge(FEWER_PIXELS);
    if (!data) throw new Error(`this browser has no room for ${number(width)} × ${number(height)} pixels`);
    // the file itself only if nothing in it can be transparent or animated
    const shown = scale === 1 && file.type === "image/jpeg" ? file : await blob(canvas, "image/png");
    return { canvas, data, width, height, url: URL.createObjectURL(shown), shrunk: scale < 1 };
  }

  /** The RGBA bytes of `bitmap` on white, drawn to fill `canvas`; null if the browser has no room for so many. */
  function drawn(canvas, bitmap) {
    const { width, height } = canvas;
    try {
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.fillStyle = "#fff";
      context.imageSmoothingQuality = "high";
      context.fillRect(0, 0, width, height);
      context.drawImage(bitmap, 0, 0, width, height);
      const { data } = context.getImageData(0, 0, width, height);
      return data[3] === 255 ? data : null; // some browsers say nothing, and leave it empty
    } catch {
      return null;
    }
  }

  function blob(canvas, type, quality) {
    const failed = new Error(`this browser could not make a picture file of ${canvas.width} × ${canvas.height} pixels`);
    return new Promise((resolve, reject) => {
      canvas.toBlob((made) => (made ? resolve(made) : reject(failed)), type, quality);
    });
  }

  /** The browser's own JPEG file of `canvas`, at the highest of 100 qualities that gives at most `bytes`, or null. */
  async function browsersOwn(canvas, bytes) {
    let best = null;
    for (let low = 1, high = 100; low <= high; ) {
      const middle = (low + high) >> 1;
      const found = await blob(canvas, "image/jpeg", middle / 100);
      if (found.size <= bytes) [best, low] = [found, middle + 1];
      else high = middle - 1;
    }
    return best;
  }

  /** The Blob of an image that is inside the page as a data URL, without any request. */
  function inPage(image) {
    const [head, body] = image.src.split(",");
    const bytes = Uint8Array.from(atob(body), (letter) => letter.charCodeAt(0));
    return new Blob([bytes], { type: head.slice(5).split(";")[0] });
  }

  /**
   * Put a picture of `photo` into the curtain of `root` under `name`, once the browser has decoded it, so that nothing
   * flickers. `said` is the text for it.
   */
  async function place(root, photo, name, url, said) {
    const figure = root.querySelector(`figure[data-name="${name}"]`);
    const image = figure.querySelector("img");
    const caption = figure.querySelector("figcaption");
    const before = image.src;
    if (before === url && caption.dataset.words === said) return;
    image.src = url;
    [image.width, image.height] = [photo.width, photo.height];
    image.style = `width: ${photo.width}px; height: ${photo.height}px`;
    caption.dataset.words = said;
    await image.decode().catch(() => {}); // a newer one took its place
    if (before.startsWith("blob:") && ![url, photo.url].includes(before)) URL.revokeObjectURL(before);
    root.querySelector(".repro-curtain").curtain.show();
  }

  /**
   * { zone, refuse }: `zone` is the element for choosing a photo, which can also be dropped anywhere on `root`; either
   * calls `take(file, name)`. `refuse(...words)` says there why a photo is not taken, until the next one is chosen.
   */
  function chooser(root, id, take) {
    const input = element("input", { type: "file", accept: "image/*", id: `${id}-file` });
    const refused = element("p", { class: "refused", role: "alert" });
    const chosen = (file) => {
      if (!file) return;
      refused.replaceChildren();
      take(file, file.name);
    };
    input.addEventListener("change", () => chosen(input.files[0]));
    input.addEventListener("click", () => (input.value = "")); // or the same file, chosen again, would be no change
    const on = (name, act) =>
      root.addEventListener(name, (event) => {
        event.preventDefault();
        event.stopPropagation();
        act(event);
      });
    on("dragover", () => root.classList.add("over"));
    on("dragleave", () => root.classList.remove("over"));
    on("drop", (event) => {
      root.classList.remove("over");
      input.value = ""; // it would name another photo, and not take that one again
      chosen(event.dataTransfer?.files[0]);
    });
    const zone = element(
      "div",
      { class: "zone" },
      element("label", { for: input.id }, "Choose a photo, or drop one here"),
      input,
      element("p", {}, "Your photo does not leave this page."),
      refused,
    );
    return { zone, refuse: (...words) => refused.replaceChildren(...words) };
  }

  globalThis.bookLive = { element, number, size, client, read, browsersOwn, inPage, place, chooser };
})();

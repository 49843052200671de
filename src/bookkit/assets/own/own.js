// The window of bookkit.live.own_photo: the reader's own photo, encoded in the page as a slider moves.
(() => {
  const { element, number, size, client, read, browsersOwn, inPage, place: placeIn, chooser } = globalThis.bookLive;
  const [ORIGINAL, OURS, BROWSERS] = ["original", "this encoder", "browser's JPEG"];
  /** What a map can show: name → [plane, band of the weights] or [plane, "bits"]. */
  const MAPS = {
    "what errors are worth: luma DC": [0, 0],
    "what errors are worth: luma, coarse detail": [0, 1],
    "what errors are worth: luma, middle detail": [0, 2],
    "what errors are worth: luma, fine detail": [0, 3],
    "what errors are worth: luma, finest detail": [0, 4],
    "what errors are worth: blue–yellow (Cb)": [1, 1],
    "what errors are worth: red–green (Cr)": [2, 1],
    "bits: luma": [0, "bits"],
    "bits: blue–yellow (Cb)": [1, "bits"],
    "bits: red–green (Cr)": [2, "bits"],
  };
  /** Viridis at nine equidistant places, from dark to bright. */
  const COLOURS = ["440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "addc30", "fde725"].map((hex) =>
    [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)),
  );

  function colour(share) {
    const place = Math.min(Math.max(share, 0), 1) * (COLOURS.length - 1);
    const [low, part] = [Math.min(Math.floor(place), COLOURS.length - 2), place % 1];
    const mix = place >= COLOURS.length - 1 ? 1 : part;
    return COLOURS[low].map((value, i) => value + mix * (COLOURS[low + 1][i] - value));
  }

  function raise(root) {
    root.dataset.ready = "";
    const id = `book-own-${Math.random().toString(36).slice(2)}`;
    const encoder = client();
    const figure = (name) => root.querySelector(`figure[data-name="${name}"]`);

    const { zone, refuse } = chooser(root, id, take);
    const quality = element("input", { type: "range", min: 1, max: 100, step: 1, value: 75, id: `${id}-quality` });
    const told = element("output", { for: `${id}-quality` }, "75");
    const most = element("input", { type: "number", min: 1, step: "any", inputmode: "decimal", id: `${id}-size` });
    const settings = element(
      "div",
      { class: "settings" },
      element("label", { for: `${id}-quality` }, "Quality"),
      quality,
      told,
      element("label", { for: `${id}-size` }, "or at most, in kB"),
      most,
    );
    const line = element("p", { class: "line", role: "status" });
    const progress = element("progress", { max: 1, value: 0, "aria-label": "Encoding" });
    const download = element("a", { class: "download", hidden: "" });
    const asked = element("select", { id: `${id}-map` }, ...Object.keys(MAPS).map((name) => element("option", {}, name)));
    const map = element("canvas", { class: "map", role: "img" });
    const scale = element("div", { class: "scale" });
    const seen = element(
      "div",
      { class: "seen", hidden: "" },
      element("label", { for: `${id}-map` }, "Map of the blocks: "),
      asked,
      map,
      scale,
      element("p", {}, "Click a place in the map to see it above."),
    );
    const curtain = root.querySelector(".repro-curtain");
    root.prepend(zone, settings, progress, line, download);
    root.append(seen);

    let photo = null; // what `read` returns, and its name and bytes
    let shown = null; // the latest result of the encoder for it
    let [taken, turn] = [0, 0]; // count photos and settings, so that what is late is not shown

    function say(words, role = "status") {
      line.setAttribute("role", role);
      line.textContent = words;
    }

    async function take(blob, name, shrinkTo = null) {
      const mine = ++taken;
      progress.removeAttribute("value");
      try {
        const found = await read(blob, shrinkTo);
        if (mine !== taken) return URL.revokeObjectURL(found.url);
        if (photo) URL.revokeObjectURL(photo.url);
        photo = { ...found, name, bytes: blob.size };
        download.hidden = seen.hidden = true; // of the photo before, whose file is not kept
        shown = null;
        curtain.curtain.reset();
        place(ORIGINAL, photo.url, `${photo.width} × ${photo.height} pixels${photo.shrunk ? ", made smaller" : ""}`);
        for (const other of [OURS, BROWSERS]) place(other, photo.url, "not coded yet");
        encode(true);
      } catch (error) {
        if (mine !== taken) return;
        progress.value = 0;
        if (!error.most) return refuse(`${name}: ${error.message}.`);
        const smaller = element("button", { type: "button" }, `Make it ${number(error.most / 1e6)} megapixels, and go on`);
        smaller.addEventListener("click", () => {
          refuse();
          quality.focus(); // the button is gone
          take(blob, name, error.most);
        });
        refuse(`${name} has ${number(error.pixels / 1e6, 1)} megapixels, more than this page can hold. `, smaller);
      }
    }

    function place(name, url, said) {
      figure(name).querySelector("img").alt = `${photo.name}, ${name}`;
      return placeIn(root, photo, name, url, said);
    }

    const words = (bytes) => `${size(bytes)}, ${number((8 * bytes) / (photo.width * photo.height), 3)} bits per pixel`;

    async function encode(isNew = false) {
      const [mine, coded] = [++turn, photo];
      const bytes = most.value ? { size: Math.floor(1000 * Number(most.value) + 1e-6) } : { quality: Number(quality.value) };
      const onProgress = ({ share }) => (progress.value = share);
      try {
        const options = { ...bytes, details: "maps", latest: true, onProgress };
        const result = encoder.encode(isNew ? photo : null, options);
        photo.data = null; // the encoder has it
        const found = await result;
        if (!found || coded !== photo) return; // while the slider moves, what it passed is shown, too
        shown = found;
        tell();
        draw();
        if (mine !== turn) return;
        const own = await browsersOwn(photo.canvas, found.bytes.length);
        if (mine !== turn) return;
        if (own) place(BROWSERS, URL.createObjectURL(own), words(own.size));
        else place(BROWSERS, photo.url, "its lowest quality is larger than this file");
      } catch (error) {
        if (mine !== turn) return;
        const told = error.message.replace(/(\d+) bytes/g, (_, n) => `${n / 1000} kB`); // as they are asked for
        say(`${photo.name}: ${told}.`, "alert");
      } finally {
        if (mine === turn) progress.value = 0;
      }
    }

    /** Describe the file, and put it into the curtain and behind the download link. */
    function tell() {
      const url = URL.createObjectURL(new Blob([shown.bytes], { type: "image/jpeg" }));
      place(OURS, url, words(shown.bytes.length));
      const level = number(shown.quality, Number.isInteger(shown.quality) ? 0 : 1);
      if (most.value) [quality.value, told.value] = [shown.quality, level];
      say(
        `${photo.name}: ${photo.width} × ${photo.height} pixels, ${size(photo.bytes)} before; now ` +
          `${words(shown.bytes.length)}, at quality ${level} (λ = ${Number(shown.lam.toPrecision(2))}), ` +
          `chroma ${shown.subsampling}, in ${number(shown.seconds, 1)} s.`,
      );
      download.download = `${photo.name.replace(/\.\w+$/, "")}-q${level}.jpg`;
      download.href = url;
      download.textContent = `Download ${download.download}`;
      download.hidden = seen.hidden = false;
    }

    /** Draw the chosen map: a colour for each block, by the logarithm of its weight or the square root of its bits. */
    function draw() {
      const [index, what] = MAPS[asked.value];
      const { rows, cols, bits, weights } = shown.planes[index];
      const value = what === "bits" ? (n) => Math.sqrt(bits[n]) : (n) => Math.log2(weights.ofBand[weights.bands * n + what]);
      let [low, high] = [Infinity, -Infinity];
      for (let n = 0; n < rows * cols; n++) [low, high] = [Math.min(low, value(n)), Math.max(high, value(n))];
      [map.width, map.height] = [cols, rows];
      const context = map.getContext("2d");
      const image = context.createImageData(cols, rows);
      for (let n = 0; n < rows * cols; n++) {
        image.data.set([...colour((value(n) - low) / (high - low || 1)), 255], 4 * n);
      }
      context.putImageData(image, 0, 0);
      map.style.aspectRatio = `${photo.width} / ${photo.height}`;
      map.setAttribute("aria-label", `${asked.value}, a square for each block of ${photo.name}`);
      const ends = what === "bits" ? [low ** 2, high ** 2] : [2 ** low, 2 ** high];
      const say = what === "bits" ? (v) => `${number(v)} bits` : (v) => `× ${number(v, 2)}`;
      const bar = element("span", { class: "bar", "aria-hidden": "true" });
      scale.replaceChildren(element("span", {}, say(ends[0])), bar, element("span", {}, say(ends[1])));
    }

    map.addEventListener("click", (event) => {
      const box = map.getBoundingClientRect();
      const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      curtain.curtain.look(x * photo.width, y * photo.height);
    });
    asked.addEventListener("change", () => shown && draw());
    quality.addEventListener("input", () => {
      told.value = quality.value;
      most.value = "";
      if (photo) encode();
    });
    most.addEventListener("change", () => {
      if (!most.value) told.value = quality.value;
      if (photo) encode();
    });

    take(inPage(figure(ORIGINAL).querySelector("img")), root.dataset.name);
  }

  document.querySelectorAll(".repro-own:not([data-ready])").forEach(raise);
})();

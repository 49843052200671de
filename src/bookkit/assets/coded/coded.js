// The window of bookkit.live.coded_curtain: a curtain whose picture "ours" is encoded at the rate that the reader sets.
(() => {
  const { element, number, client, read, inPage, place } = globalThis.bookLive;
  const [ORIGINAL, OURS] = ["original", "ours"];
  /** Bits per pixel at the slider's ends; the scale between them is logarithmic. */
  const [LEAST, MOST] = [0.25, 2];

  async function raise(root) {
    root.dataset.ready = "";
    const id = `book-coded-${Math.random().toString(36).slice(2)}`;
    const encoder = client();
    const figure = (name) => root.querySelector(`figure[data-name="${name}"]`);
    const stored = [...root.querySelectorAll("img[data-of]")];
    const peers = [...new Set(stored.map((image) => image.dataset.of))];

    const attributes = { type: "range", min: 0, max: 100, step: 1, value: root.dataset.value, id: `${id}-rate` };
    const slider = element("input", attributes);
    const told = element("output", { for: slider.id });
    const label = element("label", { for: slider.id }, "Bits per pixel");
    const line = element("p", { class: "line", role: "status" });
    const progress = element("progress", { max: 1, value: 0, "aria-label": "Encoding" });
    root.prepend(element("div", { class: "settings" }, label, slider, told), progress, line);

    function refuse(error) {
      progress.value = 0;
      line.setAttribute("role", "alert");
      line.textContent = `${error.message}.`;
    }

    let photo;
    try {
      photo = await read(inPage(figure(ORIGINAL).querySelector("img")));
    } catch (error) {
      return refuse(error);
    }
    const pixels = photo.width * photo.height;
    const rate = () => LEAST * (MOST / LEAST) ** (slider.value / 100);
    const words = (bytes) => `${number((8 * bytes) / pixels, 3)} bpp, ${number(bytes)} bytes`;

    /** Show, for each peer, the file nearest in size. */
    function placePeers() {
      const off = ({ dataset }) => Math.abs(Math.log((8 * dataset.bytes) / pixels / rate()));
      for (const peer of peers) {
        const nearest = stored.filter(({ dataset }) => dataset.of === peer).reduce((a, b) => (off(b) < off(a) ? b : a));
        place(root, photo, peer, nearest.src, words(Number(nearest.dataset.bytes)));
      }
    }

    async function encode(isNew = false) {
      told.value = number(rate(), 2);
      slider.setAttribute("aria-valuetext", `${told.value} bits per pixel`);
      placePeers();
      const onProgress = ({ share }) => (progress.value = share);
      try {
        const asked = { size: Math.floor((rate() * pixels) / 8), latest: true, onProgress };
        const found = await encoder.encode(isNew ? photo : null, asked);
        if (!found) return; // a later rate took its place
        progress.value = 0;
        line.setAttribute("role", "status");
        line.textContent =
          `${words(found.bytes.length)}, coded in this page at quality ${number(found.quality, 1)} ` +
          `(λ = ${Number(found.lam.toPrecision(2))}), chroma ${found.subsampling}.`;
        const url = URL.createObjectURL(new Blob([found.bytes], { type: "image/jpeg" }));
        place(root, photo, OURS, url, `${words(found.bytes.length)}, quality ${number(found.quality, 1)}`);
      } catch (error) {
        refuse(error);
      }
    }

    await place(root, photo, OURS, photo.url, "not coded yet");
    slider.addEventListener("input", () => encode());
    encode(true);
  }

  document.querySelectorAll(".repro-coded:not([data-ready])").forEach(raise);
})();

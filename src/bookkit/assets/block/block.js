// The window of bookkit.live.one_block: a photo, one block of it, and what becomes of that block on its way into the file.
(() => {
  const { element, number, size, client, read, inPage, chooser } = globalThis.bookLive;
  const { ZIGZAG } = globalThis.bookEncoder;
  /** Larger photos are shrunk to this, so that the file keeps up with the slider even on a phone. */
  const MOST_PIXELS = 1e6;
  const ZOOMS = [1, 2, 4, 8];
  const PLANES = ["luma (Y)", "blue–yellow (Cb)", "red–green (Cr)"];
  /** For Y, Cb and Cr: the factors of R, G and B, and what is added. */
  const YCBCR = [
    [0.299, 0.587, 0.114, 0],
    [-0.168735892, -0.331264108, 0.5, 128],
    [0.5, -0.418687589, -0.081312411, 128],
  ];
  const EIGHT = [0, 1, 2, 3, 4, 5, 6, 7];

  /** As `number`, but with a true minus sign, and without a sign if the value rounds to zero. */
  const signed = (value, digits = 0) => number(value, digits).replace(/^-(?=[0.]+$)/, "").replace("-", "−");
  const choice = (id, options) =>
    element("select", { id }, ...options.map(([value, words]) => element("option", { value }, words)));

  /** A table of 8 × 8 numbers, and a function to fill it: `fill(values, words, look)`, with 64 values row by row. */
  function grid(caption) {
    const cells = Array.from({ length: 64 }, () => element("td"));
    const heads = EIGHT.map((column) => element("th", { scope: "col" }, `${column}`));
    const rows = EIGHT.map((row) =>
      element("tr", {}, element("th", { scope: "row" }, `${row}`), ...cells.slice(8 * row, 8 * row + 8)),
    );
    const table = element(
      "table",
      { class: "grid" },
      element("caption", {}, caption),
      element("thead", {}, element("tr", {}, element("td"), ...heads)),
      element("tbody", {}, ...rows),
    );
    const fill = (values, words, look) =>
      cells.forEach((cell, i) => {
        cell.textContent = words(values[i]);
        look(cell, values[i]);
      });
    return { table, fill };
  }

  function asGrey(cell, value) {
    const level = Math.round(value);
    cell.style.background = `rgb(${level}, ${level}, ${level})`;
    cell.style.color = level < 118 ? "#fff" : "#000";
  }

  /** Coloured by sign and, on a logarithmic scale up to `most`, by magnitude. */
  const byMagnitude = (most) => (cell, value) => {
    cell.className = value < 0 ? "minus" : "plus";
    cell.style.setProperty("--much", Math.min(Math.log1p(Math.abs(value)) / Math.log1p(most), 1));
  };

  function raise(root) {
    root.dataset.ready = "";
    const id = `book-block-${Math.random().toString(36).slice(2)}`;
    const encoder = client();
    const given = root.querySelector("img");
    const [row, col] = root.dataset.block.split(" ").map(Number);
    const at = { row, col };

    const { zone, refuse } = chooser(root, id, take);
    const quality = element("input", { type: "range", min: 1, max: 100, step: 1, value: 50, id: `${id}-quality` });
    const told = element("output", { for: `${id}-quality` }, "50");
    const tables = choice(`${id}-tables`, [
      ["annex-k", "Annex K's"],
      ["learned", "learned"],
    ]);
    const shows = choice(`${id}-shows`, [
      ["file", "the file"],
      ["photo", "the original"],
    ]);
    const zoom = choice(`${id}-zoom`, ZOOMS.map((times) => [times, `${times}×`]));
    zoom.value = 4;
    const plane = choice(`${id}-plane`, PLANES.map((name, i) => [i, name]));
    const labelled = (words, input) => element("span", {}, element("label", { for: input.id }, words), input);
    const label = element("label", { for: quality.id }, "Quality");
    const settings = element("div", { class: "settings" }, label, quality, told);
    const choices = element(
      "div",
      { class: "settings" },
      labelled("Tables", tables),
      labelled("Plane", plane),
      labelled("Shown", shows),
      labelled("Zoom", zoom),
    );
    const line = element("p", { class: "line", role: "status" });
    const progress = element("progress", { max: 1, value: 0, "aria-label": "Encoding" });

    const [before, after] = [0, 1].map(() => {
      const canvas = element("canvas", { role: "img" });
      return { canvas, context: canvas.getContext("2d", { willReadFrequently: true }) };
    });
    const frame = element("div", { class: "frame" });
    const stage = element("div", { class: "stage" }, before.canvas, after.canvas, frame);
    const name = "Picture; arrow keys choose the next block";
    const view = element("div", { class: "view", role: "group", tabindex: "0", "aria-label": name }, stage);

    const grids = {
      before: grid("Samples of the photo, 0–255"),
      F: grid("Coefficients F: down by vertical, across by horizontal frequency"),
      Q: grid("Steps Q of the table"),
      z: grid("Whole numbers Ẑ in the file: F divided by Q, and rounded"),
      after: grid("Samples that a decoder shows"),
    };
    const count = element("caption");
    const rows = element("tbody");
    const heads = ["symbol", "place", "code", "value"].map((words) => element("th", { scope: "col" }, words));
    const list = element("table", {}, count, element("thead", {}, element("tr", {}, ...heads)), rows);
    const symbols = element("div", { class: "symbols", role: "region", tabindex: "0", "aria-label": "Symbols" }, list);
    const numbers = element("div", { class: "numbers" }, ...Object.values(grids).map(({ table }) => table), symbols);
    given.remove();
    root.prepend(zone, settings, choices, progress, view, line, numbers);

    let photo = null; // what `read` returns, and its name
    let file = null; // the encoder's latest result for it
    let block = null; // what the encoder told of the chosen block last
    let turn = 0; // counts photos, so that what is late is not shown
    let [files, drawn] = [0, 0]; // counts files: those that came, and the one in the picture

    const cols = () => Math.ceil(photo.width / 8);
    const lines = () => Math.ceil(photo.height / 8);

    function say(words, role = "status") {
      line.setAttribute("role", role);
      line.textContent = words;
    }

    async function take(blob, called) {
      const mine = ++turn;
      progress.removeAttribute("value");
      try {
        const found = await read(blob, MOST_PIXELS);
        URL.revokeObjectURL(found.url);
        if (mine !== turn) return;
        const first = !photo;
        photo = { ...found, name: called };
        [file, block] = [null, null];
        if (!first) [at.row, at.col] = [lines() >> 1, cols() >> 1];
        for (const { canvas, context } of [before, after]) {
          [canvas.width, canvas.height] = [photo.width, photo.height];
          context.drawImage(photo.canvas, 0, 0);
        }
        before.canvas.setAttribute("aria-label", `${called}, the original`);
        after.canvas.setAttribute("aria-label", `${called} as the file shows it`);
        layOut();
        encode(true);
      } catch (error) {
        if (mine !== turn) return;
        progress.value = 0;
        refuse(`${called}: ${error.message}.`);
      }
    }

    /** Encode with the current settings. Files come in the order in which they were requested. */
    async function encode(isNew = false) {
      const of = photo;
      const onProgress = ({ share }) => (progress.value = share);
      const asked = { quality: Number(quality.value), plain: tables.value };
      try {
        const found = await encoder.encode(isNew ? of : null, { ...asked, subsampling: "4:4:4", latest: true, onProgress });
        if (!found || photo !== of) return;
        const mine = ++files;
        file = { ...found, ...asked };
        progress.value = 0;
        ask();
        const bitmap = await createImageBitmap(new Blob([found.bytes], { type: "image/jpeg" }));
        if (photo === of && mine > drawn) {
          drawn = mine;
          after.context.drawImage(bitmap, 0, 0);
          fillSamples();
        }
        bitmap.close();
      } catch (error) {
        if (photo !== of) return;
        progress.value = 0;
        say(`${of.name}: ${error.message}.`, "alert");
      }
    }

    /** Ask for the chosen block of the latest file. */
    async function ask() {
      if (!file) return;
      const [of, which] = [photo, Number(plane.value)];
      const index = at.row * cols() + at.col;
      const found = await encoder.block(which, index).catch(() => null); // what is wrong, `encode` says
      if (!found || photo !== of || which !== Number(plane.value) || index !== at.row * cols() + at.col) return;
      block = found;
      fillNumbers();
    }

    function fillNumbers() {
      const [F, z] = [new Float32Array(64), new Int16Array(64)];
      ZIGZAG.forEach((natural, place) => ([F[natural], z[natural]] = [block.F[place], block.z[place]]));
      // whole numbers from 100 on: on a phone, nine columns leave no room for more digits
      grids.F.fill(F, (value) => signed(value, Math.abs(value) < 99.95 ? 1 : 0), byMagnitude(1024));
      grids.Q.fill(block.table, String, byMagnitude(255));
      grids.z.fill(z, signed, byMagnitude(64));
      const found = block.symbols.map(({ kind, position, run, value, code, following }) => {
        const zeros = run === 1 ? "a zero, then " : `${run} zeros, then `;
        const words = {
          DC: `DC: ${signed(value)} more than in the block before`,
          AC: `${run ? zeros : ""}${signed(value)}`,
          ZRL: "sixteen zeros",
          EOB: "only zeros from here on",
        }[kind];
        const place = kind === "DC" || kind === "AC" ? `${ZIGZAG[position] >> 3}, ${ZIGZAG[position] & 7}` : "";
        const bits = [code, following].map((text) => element("td", {}, element("code", {}, text)));
        return element("tr", {}, element("th", { scope: "row" }, words), element("td", {}, place), ...bits);
      });
      rows.replaceChildren(...found);
      count.textContent = `The block's ${number(bitsOf(block))} bits, symbol by symbol (place: row, column)`;
      tell();
    }

    const bitsOf = ({ symbols: all }) => all.reduce((sum, { code, following }) => sum + code.length + following.length, 0);

    /** 64 samples of the chosen block and plane. Beyond the picture's edge, its last samples are repeated. */
    function samples({ context }) {
      const { data } = context.getImageData(8 * at.col, 8 * at.row, 8, 8);
      const [r, g, b, more] = YCBCR[plane.value];
      return Array.from({ length: 64 }, (_, i) => {
        const y = Math.min(i >> 3, photo.height - 8 * at.row - 1);
        const x = Math.min(i & 7, photo.width - 8 * at.col - 1);
        const place = 4 * (8 * y + x);
        return r * data[place] + g * data[place + 1] + b * data[place + 2] + more;
      });
    }

    function fillSamples() {
      for (const [which, of] of Object.entries({ before, after })) {
        // pure blue's Cb is 255.5, which JPEG stores as 255
        grids[which].fill(samples(of), (value) => number(Math.min(value, 255)), asGrey);
      }
      tell();
    }

    function tell() {
      if (!file || !block) return;
      const bytes = file.bytes.length;
      const [was, is] = [before, after].map(samples);
      const off = Math.sqrt(was.reduce((sum, value, i) => sum + (value - is[i]) ** 2, 0) / 64);
      const left = block.z.reduce((sum, value) => sum + (value !== 0), 0);
      say(
        `${photo.name}${photo.shrunk ? `, made smaller: ${photo.width} × ${photo.height} pixels` : ""}, at quality ` +
          `${file.quality} with ${tables.selectedOptions[0].text} tables: ${size(bytes)}, ` +
          `${number((8 * bytes) / (photo.width * photo.height), 2)} bits per pixel. ` +
          `Block in row ${at.row}, column ${at.col}: ${left} of 64 coefficients left, ${number(bitsOf(block))} bits, ` +
          `off by ${number(off, 1)} levels (RMS).`,
      );
    }

    /** Enlarge the picture, with the chosen block in the middle. */
    function layOut() {
      const times = Number(zoom.value);
      for (const node of [stage, before.canvas, after.canvas]) {
        [node.style.width, node.style.height] = [`${times * photo.width}px`, `${times * photo.height}px`];
      }
      view.style.maxWidth = `${times * photo.width}px`;
      view.style.height = `min(22rem, ${times * photo.height}px)`;
      before.canvas.hidden = shows.value === "file";
      after.canvas.hidden = !before.canvas.hidden;
      frame.style.width = frame.style.height = `${8 * times}px`;
      select(at.row, at.col, true);
    }

    function select(toRow, toCol, centre = false) {
      at.row = Math.min(Math.max(toRow, 0), lines() - 1);
      at.col = Math.min(Math.max(toCol, 0), cols() - 1);
      const side = 8 * Number(zoom.value);
      const [x, y] = [side * at.col, side * at.row];
      frame.style.transform = `translate(${x}px, ${y}px)`;
      const inside = (start, from, seen) => start >= from && start + side <= from + seen;
      const seen = inside(x, view.scrollLeft, view.clientWidth) && inside(y, view.scrollTop, view.clientHeight);
      if (centre || !seen) {
        view.scrollLeft = x + (side - view.clientWidth) / 2;
        view.scrollTop = y + (side - view.clientHeight) / 2;
      }
      fillSamples();
      ask();
    }

    stage.addEventListener("click", (event) => {
      if (!photo) return;
      const box = stage.getBoundingClientRect();
      const side = 8 * Number(zoom.value);
      select(Math.floor((event.clientY - box.top) / side), Math.floor((event.clientX - box.left) / side));
    });
    view.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!step || !photo || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation(); // or a notebook would go to another cell
      select(at.row + step[0], at.col + step[1]);
    });
    quality.addEventListener("input", () => {
      told.value = quality.value;
      if (photo) encode();
    });
    tables.addEventListener("change", () => photo && encode());
    plane.addEventListener("change", () => photo && select(at.row, at.col));
    for (const one of [shows, zoom]) one.addEventListener("change", () => photo && layOut());

    new ResizeObserver(() => photo && select(at.row, at.col)).observe(view);
    take(inPage(given), root.dataset.name);
  }

  document.querySelectorAll(".repro-block:not([data-ready])").forEach(raise);
})();

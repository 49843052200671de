// The curtain of bookkit.curtain: two pictures on top of each other, and a handle that sets how much of each is shown.
// It takes over the figures in the page, which are simply shown one after the other if no script runs. After changing
// them, call `root.curtain.show()`. `root.curtain.look(x, y)` shows the pictures around a point, enlarged.
(() => {
  const ZOOMS = [1, 2, 4, 8];

  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  function element(tag, attributes = {}, ...inside) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...inside);
    return node;
  }

  function chooser(label, names, chosen) {
    const select = element("select", {}, ...names.map((name) => element("option", { value: name }, name)));
    select.value = chosen;
    return [element("label", {}, `${label} `, select), select];
  }

  function raise(root) {
    const figures = [...root.querySelectorAll("figure")];
    const tallest = Number(root.dataset.tallest) || Infinity; // of what is seen, in pixels
    const unique = (key) => [...new Set(figures.map((figure) => figure.dataset[key]))];
    const [photos, names] = [unique("photo"), unique("name")];
    const id = `repro-curtain-${Math.random().toString(36).slice(2)}`; // of several on a page each its own
    // `at`: the handle's place, 0 (only the right picture is shown) to 100; (x, y): the point in the middle of the view
    const state = { zoom: 1, at: 50, x: null, y: null };

    const [photoLabel, photo] = chooser("Photo", photos, photos[0]);
    const [leftLabel, left] = chooser("Left", names, root.dataset.left);
    const [rightLabel, right] = chooser("Right", names, root.dataset.right);
    const zooms = ZOOMS.map((zoom) => element("button", { type: "button" }, `${zoom}×`));
    const zoomGroup = element("div", { role: "group", "aria-label": "Zoom", class: "zoom" }, ...zooms);
    const controls = element("div", { class: "controls" }, leftLabel, rightLabel, zoomGroup);
    if (photos.length > 1) controls.prepend(photoLabel);

    const layers = [element("div", { class: "layer" }), element("div", { class: "layer" })];
    const tags = ["left", "right"].map((side) => element("span", { class: `tag ${side}`, "aria-hidden": "true" }));
    const handle = element("div", {
      class: "handle",
      role: "slider",
      tabindex: "0",
      "aria-label": "Curtain between the left and the right picture",
      "aria-controls": id,
      "aria-orientation": "horizontal",
      "aria-valuemin": "0",
      "aria-valuemax": "100",
    });
    const view = element(
      "div",
      { class: "view", id, role: "group", tabindex: "0", "aria-label": "Pictures; arrow keys move them when enlarged, + and − zoom" },
      ...layers,
      ...tags,
      handle,
    );
    const words = ["left", "right"].map((side) => element("p", { class: side }));
    const told = element("div", { class: "told", "aria-live": "polite" }, ...words);

    let size = { width: 1, height: 1 };
    const sides = [left, right];

    // Show the chosen pictures.
    function show() {
      sides.forEach((side, i) => {
        const figure = figures.find((one) => one.dataset.photo === photo.value && one.dataset.name === side.value);
        const image = figure.querySelector("img");
        size = { width: image.width, height: image.height };
        layers[i].replaceChildren(image.cloneNode());
        tags[i].textContent = side.value;
        const name = element("strong", {}, `${i ? "Right" : "Left"}: ${side.value}`);
        words[i].replaceChildren(name, element("span", {}, figure.querySelector("figcaption").dataset.words));
      });
      view.style.maxWidth = `${size.width}px`;
      view.style.height = `${Math.min(size.height, tallest)}px`;
      place();
    }

    // Put pictures and handle where `state` says.
    function place() {
      const [width, height] = [view.clientWidth, view.clientHeight];
      if (!width) return; // not laid out yet; the observer below calls again
      const middle = (value, all, seen) => (seen >= all ? all / 2 : clamp(value, seen / 2, all - seen / 2));
      if (state.x === null) [state.x, state.y] = [size.width / 2, size.height / 2];
      state.x = middle(state.x, size.width, width / state.zoom);
      state.y = middle(state.y, size.height, height / state.zoom);
      const [x, y] = [Math.round(width / 2 - state.x * state.zoom), Math.round(height / 2 - state.y * state.zoom)];
      const edge = Math.round((state.at / 100) * width);
      layers[1].style.left = `${edge}px`; // not clip-path, which blends the pictures where it ends within a pixel
      layers.forEach((layer, i) => {
        layer.firstChild.style.transform = `translate(${x - i * edge}px, ${y}px) scale(${state.zoom})`;
      });
      handle.style.left = `${edge}px`;
      tags[0].style.visibility = edge > 0 ? "" : "hidden";
      tags[1].style.visibility = edge < width ? "" : "hidden";
      const percent = Math.round(state.at);
      handle.setAttribute("aria-valuenow", percent);
      handle.setAttribute("aria-valuetext", `${percent} % ${left.value}, ${100 - percent} % ${right.value}`);
      zooms.forEach((button, i) => button.setAttribute("aria-pressed", ZOOMS[i] === state.zoom));
      view.classList.toggle("movable", movable());
      view.classList.toggle("enlarged", state.zoom > 1);
    }

    const movable = () => size.width * state.zoom > view.clientWidth || size.height * state.zoom > view.clientHeight;

    function set(changes) {
      Object.assign(state, changes);
      state.at = clamp(state.at, 0, 100);
      place();
    }

    function move(right, down) {
      set({ x: state.x + right / state.zoom, y: state.y + down / state.zoom });
    }

    function zoomBy(steps) {
      set({ zoom: ZOOMS[clamp(ZOOMS.indexOf(state.zoom) + steps, 0, ZOOMS.length - 1)] });
    }

    photo.addEventListener("change", () => {
      Object.assign(state, { x: null, y: null });
      show();
    });
    const before = [left.value, right.value];
    sides.forEach((side, i) =>
      side.addEventListener("change", () => {
        if (left.value === right.value) sides[1 - i].value = before[i]; // a picture beside itself tells nothing: swap
        [before[0], before[1]] = [left.value, right.value];
        show();
      }),
    );
    zooms.forEach((button, i) => button.addEventListener("click", () => set({ zoom: ZOOMS[i] })));

    handle.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return; // the browser's own, as going back
      const step = event.shiftKey ? 10 : 2;
      const to = {
        ArrowLeft: state.at - step,
        ArrowDown: state.at - step,
        ArrowRight: state.at + step,
        ArrowUp: state.at + step,
        PageDown: state.at - 10,
        PageUp: state.at + 10,
        Home: 0,
        End: 100,
      }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      set({ at: to });
    });
    view.addEventListener("keydown", (event) => {
      const step = Math.round(view.clientWidth / 8);
      const to = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
      const zoom = { "+": 1, "=": 1, "-": -1, "−": -1 }[event.key];
      if (event.ctrlKey || event.metaKey || event.altKey || !(zoom || (to && movable()))) return;
      event.preventDefault();
      event.stopPropagation(); // or a notebook would go to another cell
      if (zoom) zoomBy(zoom);
      else move(...to);
    });

    // The handle can always be dragged, and from anywhere in the view if the pictures cannot be moved.
    let last = null;
    view.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      const handled = event.target === handle || !movable();
      if (handled && event.target !== handle) {
        set({ at: ((event.clientX - view.getBoundingClientRect().left) / view.clientWidth) * 100 });
      }
      last = { handled, id: event.pointerId, x: event.clientX, y: event.clientY };
      view.setPointerCapture(event.pointerId);
      (handled ? handle : view).focus({ preventScroll: true });
      event.preventDefault();
    });
    view.addEventListener("pointermove", (event) => {
      if (event.pointerId !== last?.id) return;
      const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
      Object.assign(last, { x: event.clientX, y: event.clientY });
      if (last.handled) set({ at: state.at + (dx / view.clientWidth) * 100 });
      else move(-dx, -dy);
    });
    for (const end of ["pointerup", "pointercancel"]) view.addEventListener(end, () => (last = null));

    for (const figure of figures) figure.hidden = true;
    root.append(controls, view, told);
    root.dataset.ready = "";
    show();
    new ResizeObserver(place).observe(view);
    root.curtain = {
      show,
      look: (x, y) => set({ x, y, zoom: Math.max(state.zoom, 4) }),
      reset: () => Object.assign(state, { x: null, y: null, zoom: 1 }),
    };
  }

  document.querySelectorAll(".repro-curtain:not([data-ready])").forEach(raise);
})();

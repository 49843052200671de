// The plot of bookkit.points: each point says what it is when it is pointed at or reached with the arrow keys. If no
// script runs, there is still the table of the means.
(() => {
  const EDGE = { left: 54, right: 12, top: 12, bottom: 42 };
  const EVERY = "every photo";

  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const plain = (text) => String(text).replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);

  function html(text) {
    const holder = document.createElement("template");
    holder.innerHTML = text.trim();
    return holder.content.firstElementChild;
  }

  // Round numbers from `low` to `high`, about `count` of them, as [value, text]; on a logarithmic scale 1, 2, 5, 10, …
  function ticks(low, high, count, log) {
    const powers = Array.from({ length: 12 }, (_, i) => 10 ** (i - 6));
    const round = powers.flatMap((power) => [power, 2 * power, 5 * power]).filter((one) => one >= low && one <= high);
    if (log && round.length > 2) return round.map((one) => [one, String(Number(one.toPrecision(3)))]);
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((times) => times * power >= rough * 0.999);
    const first = Math.ceil(low / step - 1e-9);
    const every = Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    return every.map((one) => [one, one.toFixed(digits)]);
  }

  function raise(root) {
    const { series, photos, metrics, rates, points } = JSON.parse(root.querySelector("script").textContent);
    const option = (name, value) => `<option value="${plain(value)}">${plain(name)}</option>`;
    const controls = html(`<div class="controls">
      <label>Photo <select>${option(EVERY, EVERY)}${photos.map((name, i) => option(name, i)).join("")}</select></label>
      <label>Metric <select>${metrics.map((metric, i) => option(metric.label, i)).join("")}</select></label></div>`);
    const [photo, metric] = controls.querySelectorAll("select");
    const card = html(`<div class="card"><fieldset><legend>Encoders</legend>${series
      .map((one, i) => `<label><input type="checkbox" value="${i}" checked>
        <svg viewBox="-12 -8 24 16" width="24" height="16" aria-hidden="true">${line(one, "M-12 0H12")}${mark(one, 0, 0, 9)}</svg>
        ${plain(one.label)}</label>`)
      .join("")}</fieldset>
      <div class="view" role="application" tabindex="0" aria-label="Points of the plot. Left and right arrow: along a
        curve. Up and down arrow: to another encoder. Page up and page down: to another photo."><svg aria-hidden="true"></svg>
        <div class="tip" role="status"></div></div></div>`);
    const [view, tip] = [card.querySelector(".view"), card.querySelector(".tip")];
    const [svg, boxes] = [view.querySelector("svg"), [...card.querySelectorAll("input")]];
    let [shown, current, x, y] = [[], null];

    function line(one, d, width = 1.5) {
      return `<path d="${d}" fill="none" stroke="${one.color}" stroke-width="${width}" stroke-dasharray="${one.dash}"/>`;
    }

    function mark(one, across, down, size) {
      const paint = one.filled ? `fill="${one.color}"` : `fill="none" stroke="${one.color}"`;
      return `<path d="${one.marker}" transform="translate(${across} ${down}) scale(${size})" stroke-width="${1.6 / size}" ${paint}/>`;
    }

    const value = (point) => point[4 + Number(metric.value)];
    const curve = (of, who) => shown.filter((point) => point[0] === of && point[1] === who);
    const near = (found, to) => found.reduce((a, b) => (Math.abs(b[3] - to[3]) < Math.abs(a[3] - to[3]) ? b : a), found[0]);

    // One photo's curve by one encoder: its markers, and a line through them if `width` is given.
    function drawn(of, who, size, width) {
      const at = curve(of, who).map((point) => [x(point[3]), y(value(point))]);
      const marks = at.map(([across, down]) => mark(series[of], across, down, size)).join("");
      return (width && at.length ? line(series[of], `M${at.map((one) => one.join(" ")).join("L")}`, width) : "") + marks;
    }

    const curves = (photos, ...how) => series.flatMap((_, of) => photos.map((who) => drawn(of, who, ...how))).join("");

    function draw() {
      const [width, height] = [view.clientWidth, clamp(view.clientWidth * 0.62, 320, 440)];
      if (!width) return; // not laid out yet; the observer below calls again
      const every = photo.value === EVERY;
      const on = boxes.map((box) => box.checked);
      shown = points.filter((p) => on[p[0]] && (every ? p[1] > 0 : p[1] === Number(photo.value)) && value(p) !== null);
      const { label, better } = metrics[metric.value];
      const log = better === "lower"; // an error: photos differ by factors
      const [scale, back] = log ? [Math.log, Math.exp] : [Number, Number];
      const values = shown.length ? shown.map((point) => scale(value(point))) : [0, 1];
      let [low, high] = [Math.min(...values), Math.max(...values)];
      const room = 0.05 * (high - low) || 1;
      [low, high] = [low - room, high + room];
      const [right, bottom] = [width - EDGE.right, height - EDGE.bottom];
      x = (rate) => EDGE.left + ((rate - rates[0]) / (rates[1] - rates[0])) * (right - EDGE.left);
      y = (of) => bottom - ((scale(of) - low) / (high - low)) * (bottom - EDGE.top);
      const across = ticks(...rates, width / 90).map(([at, text]) => `<path d="M${x(at)} ${EDGE.top}V${bottom}"/>
        <text x="${x(at)}" y="${bottom + 16}" text-anchor="middle">${text}</text>`);
      const down = ticks(back(low), back(high), 5, log).map(([at, text]) => `<path d="M${EDGE.left} ${y(at)}H${right}"/>
        <text x="${EDGE.left - 6}" y="${y(at) + 4}" text-anchor="end">${text}</text>`);
      const middle = (EDGE.top + bottom) / 2;
      const seen = every ? photos.map((_, i) => i).slice(1) : [Number(photo.value)];
      svg.setAttribute("height", height);
      svg.innerHTML = `<g class="grid">${across.join("")}${down.join("")}</g>
        <text x="${(EDGE.left + right) / 2}" y="${height - 6}" text-anchor="middle">bits per pixel</text>
        <text transform="translate(13 ${middle}) rotate(-90)" text-anchor="middle">${plain(label)} (${better} is better)</text>
        <g class="all">${every ? curves(seen, 6) : curves(seen, 9, 1.8)}</g><g class="told"></g>`;
      tell(shown.includes(current) ? current : null);
    }

    // Say what `point` is, and bring its photo's curves to the front.
    function tell(point) {
      current = point;
      view.classList.toggle("telling", point !== null);
      const front = svg.querySelector(".told");
      tip.textContent = "";
      if (front) front.innerHTML = "";
      if (!point) return;
      const [of, who, setting, rate] = point;
      const [left, top] = [x(rate), y(value(point))];
      front.innerHTML = `${curves([who], 9, 1.8)}${drawn(of, who, 9, 1.8)}<circle cx="${left}" cy="${top}" r="10"/>`;
      const told = metrics.map((one, i) => (point[4 + i] === null ? "" : `${one.label} ${point[4 + i].toFixed(one.digits)}`));
      const [name, what] = [document.createElement("strong"), document.createElement("span")];
      name.textContent = `${photos[who]}: ${series[of].label}`;
      what.textContent = [`${setting}, ${rate.toFixed(3)} bpp`, ...told.filter(Boolean)].join(" · ");
      tip.append(name, " ", what);
      // on the side of the point that its curve leaves free
      const above = top - tip.offsetHeight - 16;
      const free = metrics[metric.value].better === "lower" ? above >= 0 : top + 16 + tip.offsetHeight > view.clientHeight;
      tip.style.left = `${clamp(left - 12, 0, view.clientWidth - tip.offsetWidth)}px`;
      tip.style.top = `${free ? above : top + 16}px`;
    }

    function next(found, by) {
      return found[clamp(found.indexOf(current) + by, 0, found.length - 1)];
    }

    // The point of the nearest rate on the curve of the next encoder (`key` 0) or photo (`key` 1) that is shown.
    function beside(key, by) {
      const others = [...new Set(shown.map((point) => point[key]))].sort((a, b) => a - b);
      const to = others[(others.indexOf(current[key]) + by + others.length) % others.length];
      const found = key ? curve(current[0], to) : curve(to, current[1]);
      return found.length ? near(found, current) : current;
    }

    view.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const way = {
        ArrowLeft: () => next(curve(current[0], current[1]), -1),
        ArrowRight: () => next(curve(current[0], current[1]), 1),
        ArrowDown: () => beside(0, 1),
        ArrowUp: () => beside(0, -1),
        PageDown: () => beside(1, 1),
        PageUp: () => beside(1, -1),
        Escape: () => null,
      }[event.key];
      if (!way || !shown.length) return;
      event.preventDefault();
      event.stopPropagation(); // or a notebook would go to another cell
      tell(current || event.key === "Escape" ? way() : curve(shown[0][0], shown[0][1])[0]);
    });

    function pointed(event) {
      const box = view.getBoundingClientRect();
      const off = (p) => Math.hypot(x(p[3]) - (event.clientX - box.left), y(value(p)) - (event.clientY - box.top));
      const nearest = shown.reduce((a, b) => (a && off(a) <= off(b) ? a : b), null);
      tell(nearest && off(nearest) < 30 ? nearest : null);
    }
    view.addEventListener("pointermove", pointed);
    view.addEventListener("pointerdown", pointed);
    view.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && tell(null));
    for (const input of [photo, metric, ...boxes]) input.addEventListener("change", draw);

    root.prepend(controls, card);
    root.dataset.ready = "";
    new ResizeObserver(draw).observe(view);
  }

  document.querySelectorAll(".repro-points:not([data-ready])").forEach(raise);
})();

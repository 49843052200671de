// The blind test of bookkit.eyes: which of two pictures is nearer to the original? It removes the page's figures, so
// that nothing there says which is whose. If no script runs, the first of them are shown, with their names.
(() => {
  const SIDES = ["first", "second"];
  const SOON = 300; // milliseconds: nobody has looked at a pair before
  const SWAP = 700; // milliseconds: slower than what may harm, three flashes a second
  const LARGEST = 16; // pixels of the screen for one of the picture

  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const percent = (share) => `${Math.round(100 * share)}\u00a0%`;
  const digits = (value) => (Math.abs(value) < 1 ? value.toFixed(4) : value.toFixed(2));
  const count = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

  function element(tag, attributes = {}, ...inside) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...inside);
    return node;
  }

  function button(words, act, key) {
    const node = element("button", { type: "button" }, words);
    if (key) node.append(" ", element("kbd", { "aria-hidden": "true" }, key));
    node.addEventListener("click", act);
    return node;
  }

  function shuffled(length) {
    const order = Array.from({ length }, (_, i) => i);
    for (let i = length - 1; i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }

  // --- the significance of k out of n

  // The probability of k or more successes in n trials, each with probability p.
  function chance(k, n, p) {
    let [term, sum] = [(1 - p) ** n, 0];
    for (let i = 0; i <= n; i++) {
      if (i >= k) sum += term;
      term *= ((n - i) / (i + 1)) * (p / (1 - p));
    }
    return sum;
  }

  // The share at which k or more of n have a probability of 2.5 %: the lower end of the interval.
  function lowest(k, n) {
    if (!k) return 0;
    let [low, high] = [0, 1];
    for (let i = 0; i < 50; i++) {
      const middle = (low + high) / 2;
      if (chance(k, n, middle) < 0.025) low = middle;
      else high = middle;
    }
    return low;
  }

  // Clopper and Pearson's 95 % interval for the share of k out of n.
  const interval = (k, n) => [lowest(k, n), 1 - lowest(n - k, n)];

  // --- what is kept in the browser

  function memory(key) {
    return {
      read() {
        try {
          return JSON.parse(localStorage.getItem(key));
        } catch {
          return null;
        }
      },
      write(state) {
        try {
          localStorage.setItem(key, JSON.stringify(state));
        } catch {
          // the browser stores nothing: answers last as long as the page
        }
      },
      clear() {
        try {
          localStorage.removeItem(key);
        } catch {
          // nothing was kept
        }
      },
    };
  }

  function fresh(pairs) {
    const sitting = Array.from({ length: 8 }, () => Math.floor(16 * Math.random()).toString(16)).join("");
    return { sitting, order: shuffled(pairs.length), swapped: pairs.map(() => Math.random() < 0.5), at: 0, answers: {} };
  }

  function sound(state, pairs) {
    const order = Array.isArray(state?.order) ? [...state.order].sort((a, b) => a - b) : [];
    const whole = order.length === pairs.length && order.every((value, i) => value === i);
    return whole && state.swapped?.length === pairs.length && state.answers && state.at >= 0 && state.at <= pairs.length;
  }

  // --- the pictures of one pair

  // Two panes, one or both of them visible, each with three pictures on top of each other. `told` is called after each
  // layout.
  function makeStage(told) {
    const panes = SIDES.map((side) => {
      const pictures = Object.fromEntries(
        [side, ...SIDES.filter((one) => one !== side), "original"].map((one) => [
          one,
          element("img", { class: one, draggable: "false", decoding: "sync" }),
        ]),
      );
      const label = element("p", { class: "label" });
      const view = element("div", { class: "view" });
      return { side, pictures, label, view, node: element("div", { class: "pane" }, label, view) };
    });
    const node = element("div", { class: "stage", role: "group", tabindex: "0" }, ...panes.map((pane) => pane.node));
    const stage = { node, width: 1, height: 1, names: {}, at: "first", original: false, beside: false, enlarged: 0 };
    let [x, y] = [0.5, 0.5]; // the point of the picture in the middle of the view, of its width and its height

    stage.put = async (sources, alts, names) => {
      stage.names = names;
      for (const { pictures, view } of panes) {
        for (const [one, image] of Object.entries(pictures)) {
          image.src = sources[one];
          image.alt = alts[one];
        }
        view.replaceChildren(...Object.values(pictures)); // not before: an image without a source is a broken one
      }
      await Promise.all([...node.querySelectorAll("img")].map((image) => image.decode().catch(() => null)));
      const { naturalWidth, naturalHeight } = panes[0].pictures.first;
      Object.assign(stage, { width: naturalWidth || 1, height: naturalHeight || 1 });
      [x, y] = [0.5, 0.5];
      stage.place();
    };

    stage.show = () => {
      panes.forEach(({ side, pictures, label, node: pane }, i) => {
        const shown = stage.original ? "original" : stage.beside ? side : stage.at;
        pane.hidden = i > 0 && !stage.beside;
        label.textContent = stage.names[shown] ?? "";
        for (const [one, image] of Object.entries(pictures)) image.style.visibility = one === shown ? "" : "hidden";
      });
    };

    // How many screen pixels a pixel of the picture takes, across and down: a whole number, so that none is smoothed.
    stage.pixels = () => {
      const room = Math.floor((node.clientWidth * devicePixelRatio) / stage.width);
      const usual = Math.max(1, Math.min(Math.round(devicePixelRatio), room));
      return clamp(Math.floor(usual * 2 ** stage.enlarged), 1, LARGEST);
    };

    stage.place = () => {
      if (!node.clientWidth) return; // not laid out yet; the observer calls again
      const scale = stage.pixels() / devicePixelRatio;
      // layout works in 64ths of a pixel; rounding down would lose the last column
      const [wide, high] = [stage.width, stage.height].map((side) => Math.ceil(64 * side * scale) / 64);
      const whole = (value) => Math.round(value * devicePixelRatio) / devicePixelRatio;
      const width = Math.min(wide, whole(node.clientWidth));
      const height = Math.min(high, whole(Math.max(stage.height, (stage.height / stage.width) * width)));
      x = clamp(x, width / wide / 2, 1 - width / wide / 2);
      y = clamp(y, height / high / 2, 1 - height / high / 2);
      // not by a transform, which blends pixels if it does not end at a screen pixel
      const place = { left: `${whole(width / 2 - x * wide)}px`, top: `${whole(height / 2 - y * high)}px` };
      for (const { view, pictures } of panes) {
        Object.assign(view.style, { width: `${width}px`, height: `${height}px` });
        for (const image of Object.values(pictures)) {
          Object.assign(image.style, { width: `${wide}px`, height: `${high}px`, ...place });
        }
      }
      stage.movable = wide > width + 0.5 || high > height + 0.5;
      node.classList.toggle("movable", stage.movable);
      told();
    };

    stage.move = (right, down) => {
      const scale = stage.pixels() / devicePixelRatio;
      x += right / (stage.width * scale);
      y += down / (stage.height * scale);
      stage.place();
    };

    // A picture larger than its view can be dragged; a tap swaps the pictures.
    let last = null;
    for (const { view } of panes) {
      view.addEventListener("pointerdown", (event) => {
        if (event.button) return;
        last = { id: event.pointerId, x: event.clientX, y: event.clientY, far: 0 };
        node.focus({ preventScroll: true });
        event.preventDefault();
        if (stage.movable) view.setPointerCapture(event.pointerId);
      });
      view.addEventListener("pointermove", (event) => {
        if (event.pointerId !== last?.id) return;
        const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
        Object.assign(last, { x: event.clientX, y: event.clientY, far: last.far + Math.abs(dx) + Math.abs(dy) });
        if (stage.movable) stage.move(-dx, -dy);
      });
      view.addEventListener("pointerup", (event) => {
        if (event.pointerId === last?.id && last.far < 6) stage.tapped();
        last = null;
      });
      view.addEventListener("pointercancel", () => (last = null));
    }
    new ResizeObserver(stage.place).observe(node);
    window.addEventListener("resize", stage.place); // a page that is zoomed, or goes to another screen
    return stage;
  }

  // --- the test

  function raise(root) {
    const { pairs, better } = JSON.parse(root.querySelector("script").textContent);
    const metrics = Object.keys(better);
    const peers = [...new Set(pairs.map((pair) => pair.peer))];
    const rates = [...new Set(pairs.map((pair) => pair.rate))];
    const pictures = {};
    for (const figure of root.querySelectorAll("figure")) pictures[figure.dataset.key] = figure.querySelector("img").src;
    const kept = memory(`repro-eyes-${root.dataset.test}`);
    let state = kept.read();
    if (!sound(state, pairs)) state = fresh(pairs);

    let swapping = 0; // the timer of pictures that swap by themselves
    let began = 0; // when the pair came into view
    let seen = new Set(); // which of the two the reader has looked at
    let revealed = null; // the pair that is looked at again, after the test

    const own = (pair) => SIDES[Number(state.swapped[pairs.indexOf(pair)])]; // which of the two is ours
    const current = () => revealed ?? pairs[state.order[state.at]];
    const answered = () => pairs.filter((pair) => state.answers[pair.name]);

    // The screens: before, during and after.
    const begin = button("Begin", () => go());
    const before = element("div", { class: "before" });
    const title = element("h3", { tabindex: "-1" });
    const bar = element("progress", { max: pairs.length, "aria-label": "Pairs that you have judged" });
    const status = element("p", { class: "status", role: "status" });
    const stage = makeStage(() => zoomed());
    const modes = [
      button("Flicker", () => beside(false), "F"),
      button("Side by side", () => beside(true), "S"),
    ];
    const shows = [
      button("First", () => look("first"), "←"),
      button("Second", () => look("second"), "→"),
      button("Original", () => original(), "O"),
    ];
    const auto = button("Swap automatically", () => swap(!swapping), "A");
    const zooms = [button("−", () => zoom(-1)), button("+", () => zoom(1))];
    const scale = element("span", { class: "scale" });
    const answers = [
      button("First", () => answer("first"), "1"),
      button("Second", () => answer("second"), "2"),
      button("Can’t tell", () => answer("neither"), "0"),
    ];
    const hint = element("p", { class: "hint" });
    const question = element("fieldset", {}, element("legend", {}, "Which is nearer to the original?"), ...answers, hint);
    const back = button("Back one pair", () => go(state.at - 1));
    const stop = button("Stop here and see", () => finish());
    const leave = button("Back to your answers", () => finish());
    const files = element("p", { class: "files" });
    const during = element(
      "div",
      { class: "during" },
      element("div", { class: "head" }, title, bar),
      element("div", { class: "controls" }, group("How to compare", modes, "joined"), auto, group("Size", [...zooms, scale])),
      stage.node,
      element("div", { class: "controls" }, group("Picture that is shown", shows, "joined")),
      files,
      question,
      element("div", { class: "controls" }, back, stop, leave),
      status,
    );
    const after = element("div", { class: "after" });
    zooms[0].setAttribute("aria-label", "Smaller");
    zooms[1].setAttribute("aria-label", "Larger");
    SIDES.concat("neither").forEach((choice, i) => answers[i].setAttribute("aria-keyshortcuts", ["1", "2", "0"][i]));

    function group(label, inside, kind = "") {
      return element("div", { role: "group", "aria-label": label, class: `group ${kind}` }, ...inside);
    }

    function screen(which) {
      for (const one of [before, during, after]) one.hidden = one !== which;
      if (which !== during) swap(false);
    }

    // --- before

    function welcome() {
      const done = answered().length;
      begin.textContent = done ? `Go on with pair ${Math.min(state.at, pairs.length - 1) + 1}` : "Begin";
      const words = done
        ? `You have judged ${done} of ${count(pairs.length, "pair")} in this browser.`
        : `${count(pairs.length, "pair")}. You can stop at any of them, and go on another day.`;
      const more = done ? [button("See your answers", () => finish()), forgetting()] : [];
      begin.hidden = done === pairs.length;
      before.replaceChildren(element("p", {}, words), element("div", { class: "controls" }, begin, ...more));
      screen(before);
    }

    // --- during

    // Go to pair `at` of the order, counted from 0, or to the answers if that was the last.
    function go(at = state.at) {
      revealed = null;
      state.at = clamp(at, 0, pairs.length);
      kept.write(state);
      if (state.at < pairs.length) open();
      else finish();
    }

    async function open() {
      const [pair, number] = [current(), state.at + 1];
      const ours = own(pair);
      const sources = { original: pictures[pair.photo] };
      const names = { original: "Original" };
      for (const side of SIDES) {
        sources[side] = pictures[`${pair.name}/${side === ours ? "ours" : "theirs"}`];
        names[side] = side === "first" ? "First" : "Second";
        if (revealed) names[side] += `: ${side === ours ? "ours" : pair.peer}`;
      }
      const of = revealed ? pair.name : `pair ${number}`;
      const alts = Object.fromEntries(SIDES.map((side) => [side, `${revealed ? names[side] : `${side} picture`} of ${of}`]));
      alts.original = `original of ${of}`;
      title.textContent = revealed ? pair.name : `Pair ${number} of ${pairs.length}`;
      bar.value = answered().length;
      files.textContent = revealed ? described(pair) : "";
      for (const node of [question, back, stop, bar]) node.hidden = Boolean(revealed);
      files.hidden = leave.hidden = !revealed;
      back.hidden ||= state.at <= (state.told ?? 0); // the pair before has shown its names
      stop.hidden ||= !answered().length;
      stage.node.setAttribute("aria-label", `Pictures of ${of}. Left arrow: the first. Right arrow: the second. Space: swap. O: the original.`);
      const old = revealed ? null : state.answers[pair.name];
      const pressed = old && (old.choice === "neither" ? "neither" : old.choice === "ours" ? ours : SIDES[1 - SIDES.indexOf(ours)]);
      answers.forEach((one, i) => one.setAttribute("aria-pressed", [...SIDES, "neither"][i] === pressed));
      Object.assign(stage, { at: "first", original: false });
      seen = new Set();
      stage.node.classList.add("waiting");
      screen(during);
      await stage.put(sources, alts, names);
      if (pair !== current()) return; // the reader was quicker
      stage.node.classList.remove("waiting");
      began = performance.now();
      show();
      status.textContent = title.textContent; // of a stage that has the focus already, nothing else is read out
      stage.node.focus({ preventScroll: true });
    }

    // Bring the buttons in line with what is shown.
    function show() {
      stage.show();
      if (!stage.original) for (const side of stage.beside ? SIDES : [stage.at]) seen.add(side);
      modes.forEach((one, i) => one.setAttribute("aria-pressed", Boolean(i) === stage.beside));
      const shown = stage.original ? "original" : stage.beside ? "" : stage.at;
      shows.forEach((one, i) => one.setAttribute("aria-pressed", [...SIDES, "original"][i] === shown));
      for (const one of [...shows.slice(0, 2), auto]) one.hidden = stage.beside;
      auto.setAttribute("aria-pressed", Boolean(swapping));
      const ready = seen.size === 2;
      for (const one of answers) one.setAttribute("aria-disabled", !ready);
      hint.textContent = ready ? "" : "Look at both first: tap the picture, or press the right arrow.";
    }

    function zoomed() {
      const n = stage.pixels();
      scale.textContent = `each pixel on ${n} × ${n} of the screen’s`;
    }

    function zoom(by) {
      const n = stage.pixels();
      if ((by < 0 && n > 1) || (by > 0 && n < LARGEST)) stage.enlarged += by;
      stage.place();
    }

    function beside(value) {
      Object.assign(stage, { beside: value, original: false });
      if (value) swap(false);
      const focused = document.activeElement;
      show();
      if (focused?.hidden) stage.node.focus({ preventScroll: true }); // or keys would reach nobody
    }

    function look(at) {
      Object.assign(stage, { at, original: false });
      swap(false);
      show();
      say();
    }

    function original() {
      stage.original = !stage.original;
      swap(false);
      show();
      say();
    }

    function say() {
      status.textContent = stage.original ? "Original" : stage.beside ? "First and second" : stage.names[stage.at];
    }

    function other() {
      stage.at = SIDES[1 - SIDES.indexOf(stage.at)];
      stage.original = false;
      show();
    }

    stage.tapped = () => {
      if (stage.beside && !stage.original) return;
      if (stage.beside || stage.original) original();
      else look(SIDES[1 - SIDES.indexOf(stage.at)]);
    };

    function swap(on) {
      clearInterval(swapping);
      swapping = on && !stage.beside ? setInterval(other, SWAP) : 0;
      auto.setAttribute("aria-pressed", Boolean(swapping));
    }

    function answer(choice) {
      const waiting = stage.node.classList.contains("waiting") || performance.now() - began < SOON;
      if (revealed || waiting || seen.size < 2) return;
      const pair = current();
      const ours = own(pair);
      state.answers[pair.name] = {
        choice: choice === "neither" ? choice : choice === ours ? "ours" : "theirs",
        first: ours === "first" ? "ours" : "theirs",
        seconds: Math.round((performance.now() - began) / 100) / 10,
      };
      go(state.at + 1);
    }

    root.addEventListener("keydown", (event) => {
      if (during.hidden || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.repeat && event.key === "Enter") event.preventDefault(); // a button that is held is pressed once
      const step = stage.node.clientWidth / 8;
      const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
      const keys = {
        ArrowLeft: () => !stage.beside && look("first"),
        ArrowRight: () => !stage.beside && look("second"),
        o: original,
        f: () => beside(false),
        s: () => beside(true),
        a: () => swap(!swapping),
        1: () => answer("first"),
        2: () => answer("second"),
        0: () => answer("neither"),
        "+": () => zoom(1),
        "=": () => zoom(1),
        "-": () => zoom(-1),
        "−": () => zoom(-1),
      };
      const moving = event.shiftKey && stage.movable && moves[event.key];
      const act = moving ? () => stage.move(...moving) : event.key === " " ? event.target === stage.node && stage.tapped : keys[event.key.toLowerCase()] ?? keys[event.key];
      if (!act) return;
      event.preventDefault();
      event.stopPropagation(); // or a notebook would go to another cell
      if (!event.repeat || moving || "+=-−".includes(event.key)) act();
    });

    // --- after

    const verdict = (pair) => state.answers[pair.name].choice;

    // Which of the pair a metric finds nearer.
    function found(metric, pair) {
      if (!pair.measures[metric]) return "neither";
      const [ours, theirs] = pair.measures[metric];
      if (ours === theirs) return "neither";
      return ours < theirs === (better[metric] === "lower") ? "ours" : "theirs";
    }

    function tally(of, said) {
      const votes = { ours: 0, theirs: 0, neither: 0 };
      for (const pair of of) votes[said(pair)]++;
      const told = votes.ours + votes.theirs;
      return { ...votes, told, share: told ? votes.ours / told : null, ends: interval(votes.ours, told) };
    }

    const spanned = ([low, high]) => `${Math.round(100 * low)} to ${percent(high)}`;
    const shared = (votes) => (votes.told ? `${percent(votes.share)} (${spanned(votes.ends)})` : "–");

    function table(caption, head, rows) {
      const cells = (tag, row) =>
        row.map((cell, i) => element(i && tag === "td" ? "td" : "th", tag === "th" ? { scope: "col" } : i ? {} : { scope: "row" }, cell));
      return element(
        "table",
        { class: "table repro-table" },
        element("caption", {}, caption),
        element("thead", {}, element("tr", {}, ...cells("th", head))),
        element("tbody", {}, ...rows.map((row) => element("tr", {}, ...cells("td", row)))),
      );
    }

    // A row of the figure: a dot for the share, and its interval.
    function dot(label, votes, kind) {
      const [low, high] = votes.ends;
      const track = element("span", { class: "track" });
      const span = element("i", { class: "span" });
      Object.assign(span.style, { left: `${100 * low}%`, right: `${100 * (1 - high)}%` });
      track.append(span);
      if (votes.told) {
        const mark = element("i", { class: "dot" });
        mark.style.left = `${100 * votes.share}%`;
        track.append(mark);
      }
      return element("div", { class: `mark-row ${kind}` }, element("span", { class: "name" }, label), track);
    }

    function figure(yours, theirs) {
      const words = [...yours, ...theirs].map(([label, votes]) => `${label}: ${shared(votes)}`).join("; ");
      const ends = [0, 0.5, 1].map((share) => element("span", {}, percent(share)));
      const axis = element("div", { class: "mark-row" }, element("span", {}, "ours nearer in"), element("span", { class: "ends" }, ...ends));
      const plot = element(
        "div",
        { class: "plot", role: "img", "aria-label": `How often ours is nearer, with 95\u00a0% intervals. ${words}` },
        element("p", { class: "of" }, "You"),
        ...yours.map(([label, votes]) => dot(label, votes, "you")),
        element("p", { class: "of" }, "The metrics, of the same pairs"),
        ...theirs.map(([label, votes]) => dot(label, votes, "metric")),
        axis,
      );
      const caption = "How often ours was nearer, of the pairs in which one was, with 95\u00a0% intervals, which hold for a number of pairs that was decided beforehand. The line in the middle is a coin’s.";
      return element("figure", {}, plot, element("figcaption", {}, caption));
    }

    function described(pair) {
      const values = Object.keys(pair.measures).map((metric) => `${metric} ${pair.measures[metric].map(digits).join(" and ")}`);
      return `Ours and ${pair.peer}: ${pair.bytes.map((n) => n.toLocaleString("en")).join(" and ")} bytes; ${values.join("; ")}.`;
    }

    function headline(votes, done) {
      const untold = votes.neither ? ` In ${votes.neither} you could not tell.` : "";
      const none = done === 1 ? "You could not tell the pair apart" : `Of ${done} pairs you could tell none apart`;
      if (!votes.told) return `${none}: to your eyes, on this screen, they are equal.`;
      const [low, high] = votes.ends;
      const sure = low > 0.5 ? "So it is more than chance: to your eyes ours is nearer." : high < 0.5 ? "So it is more than chance: to your eyes the peers are nearer." : "The interval holds 50\u00a0%: tossing a coin could have given the same.";
      const found =
        votes.told === 1
          ? `You could tell one pair apart, and found ${votes.ours ? "ours" : "the peer’s"} nearer: for ours ${percent(votes.share)}`
          : `You found ours nearer in ${votes.ours} of the ${votes.told} pairs that you could tell apart: ${percent(votes.share)}`;
      return `${found}, with a 95\u00a0% interval of ${spanned(votes.ends)}.${untold} ${sure}`;
    }

    function finish() {
      revealed = null;
      const done = answered();
      state.at = state.told = done.length; // their names are shown now, so these are not judged again
      kept.write(state);
      const some = (key, value) => done.filter((pair) => pair[key] === value);
      const rows = [["all pairs", done]];
      for (const peer of peers) rows.push([`against ${peer}`, some("peer", peer)]);
      for (const rate of rates) rows.push([`at ${rate}`, some("rate", rate)]);
      const yours = rows.map(([label, of]) => [label, tally(of, verdict)]);
      const theirs = metrics.map((metric) => [metric, tally(done, (pair) => found(metric, pair))]);
      const apart = done.filter((pair) => verdict(pair) !== "neither");
      const agreed = metrics.map((metric) => {
        const judged = apart.filter((pair) => found(metric, pair) !== "neither");
        const k = judged.filter((pair) => found(metric, pair) === verdict(pair)).length;
        return { k, n: judged.length, ends: interval(k, judged.length) };
      });
      const heading = element("h3", { tabindex: "-1" }, `Your answers: ${done.length} of ${count(pairs.length, "pair")}`);
      const left = state.order.findIndex((i) => !state.answers[pairs[i].name]);
      const on = left < 0 ? [] : [button(`Go on with pair ${left + 1}`, () => go(left))];
      const list = element("details", {}, element("summary", {}, "Pair by pair"), byPair(done));
      after.replaceChildren(
        heading,
        element("p", { class: "verdict" }, headline(yours[0][1], done.length)),
        figure(yours, theirs),
        table(
          "What you preferred; shares are of the pairs that you could tell apart",
          ["pairs", "ours", "the peer", "can’t tell", "ours (95\u00a0% interval)"],
          yours.map(([label, votes]) => [label, votes.ours, votes.theirs, votes.neither, shared(votes)]),
        ),
        table(
          "What the metrics say of the same pairs, and how often they agree with you where you could tell",
          ["metric", "ours", "the peer", "agrees with you (95\u00a0% interval)"],
          theirs.map(([label, votes], i) => {
            const { k, n, ends } = agreed[i];
            return [label, votes.ours, votes.theirs, n ? `${k} of ${n} (${spanned(ends)})` : "–"];
          }),
        ),
        list,
        element("div", { class: "controls" }, ...on, button("Save your answers", save), forgetting()),
      );
      screen(after);
      heading.focus({ preventScroll: true });
      const top = root.getBoundingClientRect().top;
      if (top < 0) root.scrollIntoView({ block: "start" });
    }

    function byPair(done) {
      const said = (pair, choice) => ({ ours: "ours", theirs: pair.peer, neither: "can’t tell" })[choice];
      const judges = (pair) => `${metrics.filter((metric) => found(metric, pair) === "ours").length} of ${Object.keys(pair.measures).length}`;
      const again = (pair) => {
        const node = button(pair.name, () => {
          revealed = pair;
          open();
        });
        node.setAttribute("aria-label", `Look again at ${pair.name}`);
        return node;
      };
      const rows = [...state.order].map((i) => pairs[i]).filter((pair) => done.includes(pair));
      return table(
        "Every pair that you judged, and how many metrics found ours nearer; a button shows the pair again, with names",
        ["pair", "you", "metrics"],
        rows.map((pair) => [again(pair), said(pair, verdict(pair)), judges(pair)]),
      );
    }

    function save() {
      const told = answered().map((pair) => ({
        pair: pair.name,
        peer: pair.peer,
        rate: pair.rate,
        ...state.answers[pair.name],
        metrics: Object.fromEntries(metrics.map((metric) => [metric, found(metric, pair)])),
      }));
      const all = {
        format: "repro eyes",
        version: 1,
        test: root.dataset.test,
        sitting: state.sitting,
        pairs: pairs.length,
        viewport: [innerWidth, innerHeight],
        devicePixelRatio,
        answers: told,
      };
      const url = URL.createObjectURL(new Blob([JSON.stringify(all, null, 1)], { type: "application/json" }));
      const link = element("a", { href: url, download: `eyes-${state.sitting}.json` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
    }

    // A button that asks for confirmation itself: the browser's own dialogue does not appear for a notebook in a frame.
    function forgetting() {
      let asked = false;
      const node = button("Forget your answers", () => {
        if (!asked) {
          asked = true;
          node.textContent = "Press again to forget them all";
          return;
        }
        kept.clear();
        state = fresh(pairs);
        welcome();
        begin.focus();
      });
      return node;
    }

    for (const named of root.querySelectorAll(".pictures, script")) named.remove();
    root.append(before, during, after);
    root.dataset.ready = "";
    welcome();
  }

  document.querySelectorAll(".repro-eyes:not([data-ready])").forEach(raise);
})();

// A Plotly chart that stays: made once, then changed in place, so that nothing blinks and the camera is kept.
// The page gives { name, figure: its address, alt, config, picks, draws, library: address of plotly.js }.
//
// window.lossnavPlotly is library.js's, watchForLines line.js's.

const cameras = new Map(); // by chart, so that a chart that is made anew starts from where it was left
const charts = new Set(); // those on the page

// Whether pictures are drawn without a graphics card. Those of twice the screen's points, as plotly.js makes them, take twice as long.
const slow = (() => {
  const context = document.createElement("canvas").getContext("webgl", { failIfMajorPerformanceCaveat: true });
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return !context;
})();

const FINE = 180; // vertices along an axis, up to which a surface is refined
const FLAT = 3; // of fewer vertices, a surface is a pane
const SMALL = { type: "surface", x: [0, 1], y: [0, 1], z: [[0, 0], [0, 0]], showscale: false };
let even = false; // whether surfaces are refined evenly from now on

// plotly.js (3.x, `estimateScale`) refines a surface until its coarsest and its narrowest step are whole multiples of one: where
// a few further rows lie between even ones, 175 × 175 points become 870 × 870, which takes seconds to draw without a graphics
// card. Here the coarse ones alone are refined. Where the name it goes by is another one, all stays as it was.
function refineEvenly(node) {
  const traces = Object.values(node._fullLayout.scene?._scene?.traces ?? {});
  const kind = Object.getPrototypeOf(traces.find((trace) => trace.data?.type === "surface") ?? {});
  if (typeof kind.estimateScale === "function")
    kind.estimateScale = (count) => (count < FLAT ? 1 : Math.max(1, Math.round(FINE / count)));
  even = true;
}

// The camera that the address has under this name: eye, then centre and upward direction where they are not the usual ones.
function cameraIn(name) {
  const text = name && new URLSearchParams(location.search).get(name);
  const found = text ? text.split(",").map(Number) : [];
  if (![3, 6, 9].includes(found.length) || !found.every(Number.isFinite)) return undefined;
  const full = [...found, ...[0, 0, 0, 0, 0, 1].slice(found.length - 3)];
  const part = (k) => ({ x: full[k], y: full[k + 1], z: full[k + 2] });
  return { eye: part(0), center: part(3), up: part(6) };
}

const TRIES = 6;
const LOST = "The picture did not load: reload the page.";
const later = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// Back and Forward: each surface looks from where it did.
addEventListener("popstate", () => {
  for (const chart of charts) chart.restore();
});

const USUAL = { center: { x: 0, y: 0, z: 0 }, up: { x: 0, y: 0, z: 1 } };
const away = (a, b) => ["x", "y", "z"].some((k) => Math.abs(a[k] - b[k]) >= 1e-3);
const same = (a, b) => ["eye", "center", "up"].every((part) => !away(a[part], b[part]));

// How far the training path is drawn: to this checkpoint and with it; undefined: all of it. film.js says so, and waits for the charts.
const film = (window.lossnavFilm ??= { at: undefined });
addEventListener("lossnav-film", ({ detail }) => {
  for (const chart of charts) detail.push(chart.play());
});

// The traces that a film cuts, each with all of its points: the path's lines, and the mark at its end.
function filmed(traces) {
  const line = traces.find((trace) => trace.meta === "path");
  const mine = (trace) => line && ["path", "path's end"].includes(trace.meta);
  return traces.flatMap((trace, index) => {
    if (!mine(trace)) return [];
    const { x, y, z } = line;
    return [{ index, end: trace.meta !== "path", x, y, z, said: trace.hovertemplate }];
  });
}

// What is drawn of such a trace at a checkpoint.
function cut({ end, x, y, z, said }, at = x.length - 1) {
  const part = (all) => (end ? [all[at]] : all.slice(0, at + 1));
  const hover = end && said && at < x.length - 1 ? "the step shown<extra></extra>" : said;
  return { x: part(x), y: part(y), ...(z && { z: part(z) }), ...(said && { hovertemplate: hover }) };
}

class Chart {
  constructor(parent) {
    this.node = parent.querySelector(".lossnav-chart");
    this.resized = new ResizeObserver(() => {
      if (this.made && this.node.offsetWidth) window.Plotly.Plots.resize(this.node);
    });
    this.resized.observe(this.node);
    this.wasDragged = watchForLines(
      this.node,
      () => this.made && this.shown?.data.draws,
      (ends) => this.shown.setTriggerValue("dragged", ends),
    );
    charts.add(this);
  }

  // The newest wish; what came while another was being drawn is left out.
  async show(wish) {
    this.wish = wish;
    if (this.drawing) return;
    this.drawing = true;
    try {
      while (this.wish !== this.shown && !this.removed) await this.draw(this.wish);
    } catch (error) {
      this.clear();
      this.node.textContent = error.message;
    } finally {
      this.drawing = false;
    }
    return this.play();
  }

  // The path as far as the film is: only its own traces are drawn anew.
  async play() {
    if (!this.made || this.drawing || this.playing || !this.path.length) return;
    this.playing = true;
    try {
      while (this.at !== film.at && !this.drawing && !this.removed) {
        this.at = film.at;
        const parts = this.path.map((each) => cut(each, this.at));
        const keys = new Set(parts.flatMap(Object.keys));
        const update = Object.fromEntries([...keys].map((key) => [key, parts.map((part) => part[key])]));
        await window.Plotly.restyle(this.node, update, this.path.map(({ index }) => index));
      }
    } finally {
      this.playing = false;
    }
  }

  async draw(wish) {
    const { figure, alt, library: address } = wish.data;
    const config = slow ? { plotGlPixelRatio: 1, ...wish.data.config } : wish.data.config;
    this.node.setAttribute("aria-label", alt);
    if (figure !== this.figure) {
      const [plotly, found] = await Promise.all([window.lossnavPlotly(address), this.fetched(wish)]);
      if (this.removed || !found) return;
      const { data, layout } = found;
      this.own = layout.scene?.camera;
      this.path = filmed(data);
      this.at = film.at;
      for (const each of this.path) Object.assign(data[each.index], cut(each, this.at));
      const camera = this.camera();
      if (camera && layout.scene) layout.scene.camera = camera;
      this.begun = this.made ? undefined : layout.scene?.camera?.eye;
      if (this.made) await plotly.react(this.node, data, layout, config);
      else await this.make(plotly, data, layout, config);
      this.figure = figure;
    }
    this.shown = wish;
    this.caughtUp();
  }

  // What happened while it was being drawn: another one that it turns together with was turned, or it was itself.
  caughtUp() {
    const { missed } = this;
    this.missed = undefined;
    if (missed) this.follow(missed);
    else if (this.begun && away(this.begun, this.camera().eye)) this.turned();
    this.begun = undefined;
  }

  // The figure; nothing where something newer is wished by then. One that the server no longer has is made there again.
  async fetched(wish) {
    for (let k = 0; k < TRIES && this.wish === wish && !this.removed; k++) {
      const answer = await fetch(wish.data.figure).catch(() => undefined); // the server may be away for a moment
      if (answer?.ok) return answer.json();
      if (answer?.status === 404) wish.setTriggerValue("lost", true);
      await later(250 * 2 ** k);
    }
    if (this.wish === wish && !this.removed) throw new Error(LOST);
  }

  async make(plotly, data, layout, config) {
    this.node.textContent = "";
    this.made = true; // from now on there is something to clear
    if (!even && data[0]?.type === "surface") {
      const small = plotly.newPlot(this.node, [SMALL], layout, config);
      refineEvenly(this.node);
      await Promise.all([small, plotly.react(this.node, data, layout, config)]);
    } else await plotly.newPlot(this.node, data, layout, config);
    if (!this.removed) this.listen();
  }

  get scene() {
    return this.made && this.node._fullLayout.scene?._scene;
  }

  camera() {
    const { scene } = this;
    return scene ? scene.getCamera() : (cameraIn(this.wish.data.address) ?? cameras.get(this.wish.data.name));
  }

  async restore() {
    if (!this.shown?.data.address || !this.made) return;
    const camera = cameraIn(this.shown.data.address) ?? (this.own && { ...USUAL, ...this.own });
    cameras.delete(this.shown.data.name);
    if (!camera || same(camera, this.camera())) return;
    this.led = true;
    await window.Plotly.relayout(this.node, { "scene.camera": structuredClone(camera) });
    this.led = false;
  }

  listen() {
    this.node.on("plotly_click", ({ points: [point] }) => {
      if (this.shown.data.picks && !this.wasDragged()) this.shown.setTriggerValue("picked", [point.x, point.y]);
    });
    this.node.on("plotly_relayout", (changes) => {
      if (!Object.keys(changes).some((key) => key.startsWith("scene.camera"))) return;
      if (this.shown && !this.led) this.turned(); // else another one was turned, and told the page
    });
    if (this.scene) this.node.addEventListener("pointerdown", () => this.hold(), { capture: true });
  }

  // plotly.js tells nothing of a turn that is over before its next frame, as on a busy machine: what was turned is told two frames on.
  hold() {
    this.from = this.camera().eye;
    const frames = (count) => requestAnimationFrame(() => (count ? frames(count - 1) : this.released()));
    addEventListener("pointerup", () => frames(2), { once: true, capture: true });
  }

  released() {
    if (this.made && this.shown && !this.removed && this.from && away(this.from, this.camera().eye)) this.turned();
  }

  turned() {
    const { eye, center, up } = this.camera();
    this.from = eye; // told
    this.lead({ eye, center, up });
    cameras.set(this.shown.data.name, { eye, center, up });
    this.shown.setStateValue("camera", { eye, center, up });
  }

  // Every other surface that turns together with this one looks from where this one does.
  async lead(camera) {
    const word = this.shown.data.together;
    if (!word) return;
    for (const other of charts) {
      if (other === this || other.wish?.data.together !== word) continue;
      if (other.made && other.shown) await other.follow(camera);
      else other.missed = camera; // it is being drawn
    }
  }

  async follow(camera) {
    cameras.set(this.shown.data.name, camera);
    this.led = true;
    await window.Plotly.relayout(this.node, { "scene.camera": structuredClone(camera) });
    this.led = false;
  }

  clear() {
    if (this.made) window.Plotly.purge(this.node);
    this.made = false;
    this.figure = undefined;
  }

  remove() {
    this.removed = true;
    charts.delete(this);
    this.resized.disconnect();
    this.clear();
  }
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const chart = (parentElement.lossnavChart ??= new Chart(parentElement));
  chart.show({ data, setStateValue, setTriggerValue });
  return () => {
    chart.remove();
    delete parentElement.lossnavChart;
  };
}

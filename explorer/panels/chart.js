// A Plotly chart that stays: made once, then changed in place, so that nothing blinks and the camera is kept.
// The page gives { name, figure: JSON text, alt, config, picks, library: address of plotly.js }.

const cameras = new Map(); // by chart, so that a chart that is made anew starts from where it was left
const charts = new Set(); // those on the page

// The camera that the address has under this name: eye, then centre and upward direction where they are not the usual ones.
function cameraIn(name) {
  const text = name && new URLSearchParams(location.search).get(name);
  const found = text ? text.split(",").map(Number) : [];
  if (![3, 6, 9].includes(found.length) || !found.every(Number.isFinite)) return undefined;
  const full = [...found, ...[0, 0, 0, 0, 0, 1].slice(found.length - 3)];
  const part = (k) => ({ x: full[k], y: full[k + 1], z: full[k + 2] });
  return { eye: part(0), center: part(3), up: part(6) };
}

// Back and Forward: each surface looks from where it did.
addEventListener("popstate", () => {
  for (const chart of charts) chart.restore();
});
let loading;

const USUAL = { center: { x: 0, y: 0, z: 0 }, up: { x: 0, y: 0, z: 1 } };
const same = (a, b) =>
  ["eye", "center", "up"].every((part) => ["x", "y", "z"].every((k) => Math.abs(a[part][k] - b[part][k]) < 1e-3));

function library(address) {
  loading ??= new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src: address });
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      loading = undefined; // the next draw tries again
      reject(new Error("The drawing library did not load: reload the page."));
    };
    document.head.append(script);
  });
  return loading;
}

class Chart {
  constructor(parent) {
    this.node = parent.querySelector(".lossnav-chart");
    this.resized = new ResizeObserver(() => {
      if (this.made && this.node.offsetWidth) window.Plotly.Plots.resize(this.node);
    });
    this.resized.observe(this.node);
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
  }

  async draw(wish) {
    const { figure, alt, config, library: address } = wish.data;
    this.node.setAttribute("aria-label", alt);
    if (figure !== this.figure) {
      const plotly = await library(address);
      if (this.removed) return;
      const { data, layout } = JSON.parse(figure);
      const camera = this.camera();
      if (camera && layout.scene) layout.scene.camera = camera;
      if (this.made) await plotly.react(this.node, data, layout, config);
      else await this.make(plotly, data, layout, config);
      this.figure = figure;
    }
    this.shown = wish;
  }

  async make(plotly, data, layout, config) {
    this.node.textContent = "";
    this.made = true; // from now on there is something to clear
    await plotly.newPlot(this.node, data, layout, config);
    if (!this.removed) this.listen();
  }

  camera() {
    const scene = this.made && this.node._fullLayout.scene?._scene;
    return scene ? scene.getCamera() : (cameraIn(this.wish.data.address) ?? cameras.get(this.wish.data.name));
  }

  async restore() {
    if (!this.shown?.data.address || !this.made) return;
    const own = JSON.parse(this.figure).layout.scene?.camera;
    const camera = cameraIn(this.shown.data.address) ?? (own && { ...USUAL, ...own });
    cameras.delete(this.shown.data.name);
    if (!camera || same(camera, this.camera())) return;
    this.led = true;
    await window.Plotly.relayout(this.node, { "scene.camera": structuredClone(camera) });
    this.led = false;
  }

  listen() {
    this.node.on("plotly_click", ({ points: [point] }) => {
      if (this.shown.data.picks) this.shown.setTriggerValue("picked", [point.x, point.y]);
    });
    this.node.on("plotly_relayout", (changes) => {
      if (!Object.keys(changes).some((key) => key.startsWith("scene.camera"))) return;
      const { eye, center, up } = this.camera();
      if (this.led) return; // another one was turned, and told the page
      this.lead({ eye, center, up });
      cameras.set(this.shown.data.name, { eye, center, up });
      this.shown.setStateValue("camera", { eye, center, up });
    });
  }

  // Every other surface that turns together with this one looks from where this one does.
  async lead(camera) {
    const word = this.shown.data.together;
    if (!word) return;
    for (const other of charts) {
      if (other === this || !other.made || other.shown?.data.together !== word) continue;
      cameras.set(other.shown.data.name, camera);
      other.led = true;
      await window.Plotly.relayout(other.node, { "scene.camera": structuredClone(camera) });
      other.led = false;
    }
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

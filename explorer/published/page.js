"use strict";
// Everything that comes from a landscape is text: set by textContent, or escaped where plotly reads markup.
(async () => {
const C = JSON.parse(document.getElementById("content").textContent);
const page = document.getElementById("page");
const state = {
  elevation: C.start.elevation, on: {...C.start.on}, color: C.start.color, ground: C.start.ground,
  camera: C.start.camera, order: Object.keys(C.start.on),
};
const dark = matchMedia("(prefers-color-scheme: dark)");
const ink = () => C.inks[dark.matches ? "dark" : "light"];
const cards = C.roles.flatMap(([, members]) => members);
const card = name => cards.find(c => c.name === name);

function el(tag, attributes = {}, ...children) {
  const found = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) found.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) found.setAttribute(name, value === true ? "" : value);
  }
  found.append(...children.filter(c => c !== null && c !== undefined));
  return found;
}
const escaped = text => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

// ---- numbers as text, as everywhere in lossnav
const SUPER = {"-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹"};
const stripped = text => text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
function exponential(x, after) { // a number half-way between two goes to the even one
  const [, sign, first, rest, power] = x.toExponential(60).match(/^(-?)(\d)\.(\d+)e(.+)$/);
  const kept = first + rest.slice(0, after);
  return /^50*$/.test(rest.slice(after)) && Number(kept.slice(-1)) % 2 === 0
    ? `${sign}${first}${after ? "." : ""}${rest.slice(0, after)}e${power}` : x.toExponential(after);
}
function numberText(x, digits = 3) {
  if (Number.isNaN(x)) return "not finite";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  const [mantissa, exponent] = exponential(x, digits - 1).split("e");
  const power = Number(exponent), size = Math.abs(Number(`${mantissa}e${power}`));
  const text = x === 0 || (size >= 1e-3 && size < 1e5)
    ? stripped(Number(`${mantissa}e${power}`).toFixed(Math.max(digits - 1 - power, 0)))
    : `${stripped(mantissa)}×10${[...String(power)].map(c => SUPER[c]).join("")}`;
  return text === "-0" || text === "0" ? "0" : text.replace(/-/g, "−");
}

// ---- packed arrays
async function unpacked(land) {
  const bytes = Uint8Array.from(atob(land.data), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const all = new Uint8Array(await new Response(stream).arrayBuffer());
  delete land.data;
  const kinds = {f4: Float32Array, f8: Float64Array, u1: Uint8Array, u2: Uint16Array, i8: BigInt64Array};
  const array = entry => {
    const Kind = kinds[entry.type], width = Kind.BYTES_PER_ELEMENT, count = entry.count, out = new Uint8Array(count * width);
    for (let byte = 0; byte < width; byte++)
      for (let k = 0; k < count; k++) out[k * width + byte] = all[entry.at + byte * count + k];
    return new Kind(out.buffer);
  };
  const fill = holder => {
    for (const [name, value] of Object.entries(holder))
      if (value && typeof value === "object" && !Array.isArray(value))
        if ("at" in value && "count" in value && "type" in value) holder[name] = array(value); else fill(value);
  };
  fill({alpha: land}); // the landscape itself is one of its values
  return land;
}

// ---- scales: values to positions
function positions(variable, values) {
  const {kind, low, high, width} = C.readouts[variable].scale, last = C.readouts[variable].labels.length - 1;
  const below = kind === "log" && low !== null && low <= 0 ? null : low;
  return Float64Array.from(values, v => {
    if (!Number.isFinite(v) || (kind === "log" && !(v > 0))) return NaN;
    if (kind === "class") return Math.min(v, last);
    if (below !== null && v < below) v = below;
    if (high !== null && v > high) v = high;
    return kind === "log" ? Math.log10(v) : kind === "symlog" ? Math.sign(v) * Math.log1p(Math.abs(v) / width) / Math.LN10 : v;
  });
}
// Where a readout is infinite and the loss is not, it counts as its largest (smallest) finite value.
function drawnValues(land, variable) {
  const {values, infinite} = land.readouts[variable];
  return Float64Array.from(values, v => v === -Infinity && infinite[0] !== null ? infinite[0]
    : v === Infinity && infinite[1] !== null ? infinite[1] : v);
}
const kept = new WeakMap();
function cached(land, key, make) {
  if (!kept.has(land)) kept.set(land, new Map());
  const mine = kept.get(land);
  if (!mine.has(key)) mine.set(key, make());
  return mine.get(key);
}
const heightsOf = (land, v) => cached(land, `h ${v}`, () => positions(v, land.readouts[v].values));
const colorsOf = (land, v) => cached(land, `c ${v}`, () => positions(v, drawnValues(land, v)));

function place(axis, x) { // fractional index of x, NaN outside
  const last = axis.length - 1, slack = 1e-6 * (axis[last] - axis[0]);
  if (!(x >= axis[0] - slack && x <= axis[last] + slack)) return NaN;
  let low = 0, high = last;
  while (high - low > 1) { const middle = (low + high) >> 1; if (axis[middle] <= x) low = middle; else high = middle; }
  return low + Math.min(1, Math.max(0, (x - axis[low]) / (axis[high] - axis[low])));
}
function between(land, field, i, j) { // linear between grid points, as the surface is
  const n = land.beta.length, a = Math.min(Math.floor(i), land.alpha.length - 2), b = Math.min(Math.floor(j), n - 2);
  const s = i - a, t = j - b, part = (w, k) => w === 0 ? 0 : w * field[k];
  return part((1 - s) * (1 - t), a * n + b) + part((1 - s) * t, a * n + b + 1)
    + part(s * (1 - t), (a + 1) * n + b) + part(s * t, (a + 1) * n + b + 1);
}
const heightAt = (land, variable, alpha, beta) => {
  const i = place(land.alpha, alpha), j = place(land.beta, beta);
  return Number.isNaN(i) || Number.isNaN(j) ? NaN : between(land, heightsOf(land, variable), i, j);
};
const nearest = (axis, x) => axis.reduce((best, v, k) => Math.abs(v - x) < Math.abs(axis[best] - x) ? k : best, 0);

// ---- what is drawn
const arrowsOnly = variable => cards.some(c => c.arrows && c.arrows === variable);
function colorVariable(land) {
  const wanted = state.on[state.color];
  if (wanted && !arrowsOnly(wanted) && wanted in land.readouts) return wanted;
  return state.ground && state.ground in land.readouts ? state.ground : state.elevation;
}
function lineVariables(land) {
  const color = state.on[state.color];
  return cards.map(c => state.on[c.name]).filter(v => v && v !== color && !arrowsOnly(v) && v in land.readouts);
}
const shownArrows = land => Object.keys(land.arrows).filter(name => name in state.on);

function linesOf(land, variable) { // contour lines as [alpha[], beta[]], NaN between lines
  return cached(land, `l ${variable}`, () => {
    const packed = land.readouts[variable].lines, count = packed.length / 2, out = [new Array(count), new Array(count)];
    [land.alpha, land.beta].forEach((axis, d) => {
      const from = axis[0], size = axis[axis.length - 1] - from;
      for (let k = 0; k < count; k++) {
        const p = packed[2 * k + d];
        out[d][k] = p === 65535 ? NaN : from + size * p / 65534;
      }
    });
    return out;
  });
}
function lowest(land) {
  const values = land.readouts[state.elevation].values;
  let best = -1;
  values.forEach((v, k) => { if (Number.isFinite(v) && (best < 0 || v < values[best])) best = k; });
  return best < 0 ? null : [Math.floor(best / land.beta.length), best % land.beta.length];
}

const NOT_MEASURED = "not measured";
function valueText(land, variable, k) {
  const own = land.readouts[variable], labels = C.readouts[variable].labels, value = own.values[k];
  const text = labels.length && Number.isFinite(value) ? labels[Math.min(Math.floor(value), labels.length - 1)] : numberText(value);
  if (Number.isNaN(value) && own.gaps && !land.masks[own.gaps][k]) return NOT_MEASURED;
  if (own.mask && !land.masks[own.mask][k]) return `≈ ${text}`;
  const error = own.se ? own.interval * own.se[k] : NaN; // what a 95 % interval reaches
  if (!(Number.isFinite(value) && error > 0)) return text;
  if (own.side === "both") return `${text} ± ${numberText(error, 2)}`;
  const end = numberText(own.side === "above" ? value + error : value - error);
  return end === text ? text : `${text} (to ${end})`;
}

// ---- colours
function stops(variable) {
  return cached(C, `s ${variable}`, () => C.readouts[variable].colors.map(([at, text]) => [at, text.match(/\d+/g).slice(0, 3).map(Number)]));
}
function lookup(variable) { // 1,024 colours from low to high
  return cached(C, `t ${variable}`, () => {
    const table = new Uint8Array(3 * 1024), given = stops(variable);
    let k = 0;
    for (let n = 0; n < 1024; n++) {
      const at = n / 1023;
      while (k < given.length - 2 && at > given[k + 1][0]) k++;
      const [[a, from], [b, to]] = [given[k], given[k + 1]], share = b > a ? Math.min(1, Math.max(0, (at - a) / (b - a))) : 1;
      for (let c = 0; c < 3; c++) table[3 * n + c] = Math.round(from[c] + share * (to[c] - from[c]));
    }
    return table;
  });
}
const share = (variable, position) => {
  const [low, high] = C.readouts[variable].limits;
  return Math.min(1, Math.max(0, (position - low) / (high - low)));
};

// ---- the surface
function finer(land, variable) { // classes have sharp borders: more vertices, each in the colour of the nearest point
  return cached(land, `f ${variable} ${state.elevation}`, () => {
    const refine = axis => {
      const n = Math.max(1, Math.floor(200 / axis.length)), count = (axis.length - 1) * n + 1;
      return Array.from({length: count}, (_, k) => axis[0] + (axis[axis.length - 1] - axis[0]) * k / (count - 1));
    };
    const x = refine(land.alpha), y = refine(land.beta), color = colorsOf(land, variable), m = land.beta.length;
    const a = x.map(v => nearest(land.alpha, v)), b = y.map(v => nearest(land.beta, v));
    return {x, y, z: y.map(v => x.map(u => heightAt(land, state.elevation, u, v))), surfacecolor: b.map(j => a.map(i => color[i * m + j]))};
  });
}
function rows(land, field) { // (beta, alpha), as plotly has it
  const n = land.beta.length;
  return Array.from(land.beta, (_, j) => Array.from(land.alpha, (_, i) => field[i * n + j]));
}
function hover(land, k, color) {
  const n = land.beta.length, at = `α ${numberText(land.alpha[Math.floor(k / n)])} · β ${numberText(land.beta[k % n])}`;
  return [at, ...[...new Set([state.elevation, color])].map(v => `${C.readouts[v].title} ${valueText(land, v, k)}`)];
}
function surfaceTraces(land) {
  const color = colorVariable(land), about = C.readouts[color], e = state.elevation, colors = ink(), z = heightsOf(land, e);
  const base = about.scale.kind === "class" ? finer(land, color)
    : {x: Array.from(land.alpha), y: Array.from(land.beta), z: rows(land, z), surfacecolor: rows(land, colorsOf(land, color))};
  const text = base.y.map(v => { const j = nearest(land.beta, v); return base.x.map(u =>
    hover(land, nearest(land.alpha, u) * land.beta.length + j, color).map(escaped).join("<br>")); });
  const traces = [{
    type: "surface", ...base, colorscale: about.colors, cmin: about.limits[0], cmax: about.limits[1], showscale: false,
    text, hoverinfo: "text", lighting: C.relief, lightposition: {x: -4000, y: 6000, z: 9000}, name: "terrain",
    contours: {z: {show: false, highlight: false}, x: {highlight: false}, y: {highlight: false}},
  }];
  const [low, high] = C.readouts[e].height, lift = 0.006 * (high - low);
  const line = (x, y, up, shade, width, name) => ({type: "scatter3d", mode: "lines", x, y,
    z: x.map((u, k) => heightAt(land, e, u, y[k]) + up), line: {color: shade, width}, hoverinfo: "skip", name});
  const mark = (x, y, marker, name) => ({type: "scatter3d", mode: "markers", x: [x], y: [y], z: [heightAt(land, e, x, y) + 3 * lift],
    marker, name, text: name, hoverinfo: "text"});
  const floor = C.readouts[e].floor;
  if (floor !== null) {
    const ends = axis => [axis[0], axis[axis.length - 1]];
    traces.push({type: "surface", x: ends(land.alpha), y: ends(land.beta), z: [[floor, floor], [floor, floor]], showscale: false,
      colorscale: [[0, colors.faint], [1, colors.faint]], opacity: 0.28, hoverinfo: "text", name: "floor",
      text: `floor: the data's own entropy, ${C.readouts[e].floor_text} nats`});
  }
  for (const v of lineVariables(land)) {
    const [x, y] = linesOf(land, v);
    if (x.length) traces.push(line(x, y, lift, C.readouts[v].line, 4, escaped(C.readouts[v].title)));
  }
  if (land.path) {
    const [x, y] = walked(land), last = x.length - 1;
    traces.push({...line(x, y, 3 * lift, colors.accent, 7, "training path"), meta: "path"});
    [[0, "circle", "start of training"], [last, "diamond", endOf(land)]].forEach(([k, symbol, name]) => traces.push(
      {...mark(x[k], y[k], {symbol, size: 5, color: colors.accent, line: {color: colors.ground, width: 1}}, name), ...(k || !last ? {meta: "path's end"} : {})}));
  }
  for (const {name, color: shade, place: {alpha, beta}, says, loss} of Object.values(land.walks)) { // projections; what is said is of the places themselves
    const last = alpha.length - 1, whole = {...line(Array.from(alpha), Array.from(beta), 3 * lift, shade, 7, escaped(`${name}, projection`)),
      text: says.map(all => all.map(escaped).join("<br>")), hoverinfo: "text"};
    traces.push(whole, {...mark(alpha[last], beta[last], {symbol: "diamond", size: 5, color: shade, line: {color: colors.ground, width: 1}}, escaped(`${name}, end`)),
      mode: "markers+text", text: loss, hovertext: whole.text[last], textposition: "top center", textfont: {size: 13, color: shade}});
  }
  const low_ = lowest(land);
  if (low_) traces.push(mark(land.alpha[low_[0]], land.beta[low_[1]], {symbol: "cross", size: 6, color: colors.ground}, "lowest point"));
  const [x, y] = [land.alpha[land.cell[0]], land.beta[land.cell[1]]];
  traces.push(mark(x, y, {symbol: "circle", size: 8, color: colors.accent, line: {color: colors.ground, width: 2}}, "picked point"));
  return traces;
}
// ---- the training: its path as far as the slider stands
const walked = land => [land.path.alpha, land.path.beta].map(all => Array.from(all.slice(0, land.at + 1)));
const endOf = land => land.at === land.path.alpha.length - 1 ? "end of training" : "step shown";
function readAt(land, variable, k) { // at a checkpoint's place: linear between grid points, of a class the nearest one's
  const own = land.readouts[variable], {labels, unit} = C.readouts[variable], [a, b] = [land.path.alpha[k], land.path.beta[k]];
  if (Number.isNaN(a) || Number.isNaN(b)) return null;
  const near = own.values[nearest(land.alpha, a) * land.beta.length + nearest(land.beta, b)];
  if (labels.length) return Number.isFinite(near) ? labels[Math.min(Math.floor(near), labels.length - 1)] : numberText(near);
  const i = place(land.alpha, a), j = place(land.beta, b), value = between(land, own.values, i, j);
  return Number.isFinite(value) ? `≈ ${numberText(value)} ${short(unit)}`.trim() : gapText(land, own, i, j);
}
function gapText(land, own, i, j) { // a place around this one is not measured, or not finite
  const n = land.beta.length, a = Math.min(Math.floor(i), land.alpha.length - 2), b = Math.min(Math.floor(j), n - 2);
  const around = [a * n + b, a * n + b + 1, (a + 1) * n + b, (a + 1) * n + b + 1];
  return own.gaps && around.some(k => !land.masks[own.gaps][k]) ? NOT_MEASURED : numberText(NaN);
}
function tellStep(land) {
  if (!land.path) return;
  const {step, says} = land.path, at = land.at, text = `step ${step[at]} of ${step[step.length - 1]}`;
  const read = cards.map(c => state.on[c.name]).filter(v => v && v in land.readouts && v !== "loss")
    .map(v => [C.readouts[v].name, readAt(land, v, at)]).filter(([, value]) => value !== null);
  const said = [...says[at], ...read];
  land.step.textContent = text;
  land.slider.value = at;
  land.slider.setAttribute("aria-valuetext", `${text}: ${said.map(pair => pair.join(" ")).join(", ")}`);
  land.says.replaceChildren(...named(said));
  tellSpectrum(land);
}
// ---- eigenvalues: bars as one path each of bulk and outliers, 100 units high
function barsInto(figure, bars, outer, color, label) {
  const high = bars.map((h, x) => h > 0 ? `M${x} 100v${-h}h1v${h}z` : "");
  figure.replaceChildren(
    svg("path", {d: high.slice(0, outer).join(""), class: "bulk"}), svg("path", {d: high.slice(outer).join(""), style: `fill:${color}`, "data-name": "outliers"}));
  figure.setAttribute("aria-label", label);
}
const barsOf = count => svg("svg", {viewBox: `0 0 ${count} 100`, preserveAspectRatio: "none", role: "img"});
const named = said => said.map(([name, value]) => el("span", {}, `${name} `, el("b", {}, value)));
const spoken = said => said.map(pair => pair.join(" ")).join(", ");
const marksOf = ticks => ticks.map(([at, text]) => el("span", {style: `left:${100 * at}%`}, text));
function spectrumOf(land) {
  if (!land.spectrum) return null;
  const {bars, outer, color, ticks, shares, says, how} = land.spectrum, drawn = barsOf(bars.length);
  barsInto(drawn, bars, outer, color, `Eigenvalue histogram at the trained network: ${spoken(says)}`);
  const sides = shares.map(([height, text]) => el("span", {style: `bottom:${height}%`}, text));
  return el("section", {class: "spectrum"},
    el("h3", {}, "Eigenvalues of the Hessian at the trained network"),
    el("div", {class: "histogram"}, el("div", {class: "sides", "aria-hidden": "true"}, ...sides), drawn, el("div", {class: "marks", "aria-hidden": "true"}, ...marksOf(ticks))),
    el("dl", {class: "readouts"}, ...says.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
    el("p", {class: "how"}, how, " The bars' height is the share of all eigenvalues, logarithmic; outliers have another colour."));
}
function tellSpectrum(land) { // as it was at the step shown, or at the last one before it of which there is one
  if (!land.along) return;
  const k = land.along.at[land.at], {steps, says, bars, outer, color} = land.along;
  land.moving.hidden = k === null;
  if (k === null) return;
  const title = `Spectrum at step ${steps[k]}`;
  barsInto(land.moving.querySelector("svg"), bars[k], outer[k], color, `${title}, eigenvalue histogram: ${spoken(says[k])}`);
  land.moving.querySelector("figcaption").replaceChildren(el("span", {}, title), ...named(says[k]));
}
async function walk(land, at) { // nothing but the path is drawn anew
  land.at = at;
  tellStep(land); drawMap(land); legend(land);
  const traces = land.surface.data, [low, high] = C.readouts[state.elevation].height, lift = 0.018 * (high - low);
  const [x, y] = walked(land), z = x.map((u, k) => heightAt(land, state.elevation, u, y[k]) + lift), last = x.length - 1;
  const places = ["path", "path's end"].map(meta => traces.findIndex(t => t.meta === meta));
  const texts = ["training path", endOf(land)];
  await Plotly.restyle(land.surface, {x: [x, [x[last]]], y: [y, [y[last]]], z: [z, [z[last]]], name: texts, text: texts}, places);
}
async function play(land) { // as many checkpoints as are drawn in time; all of them take six seconds
  if (land.playing) { land.playing = null; return showPlaying(land); }
  const last = land.path.alpha.length - 1, from = land.at < last ? land.at : 0, began = performance.now(), turn = land.playing = {};
  showPlaying(land);
  await walk(land, from);
  while (land.playing === turn && land.at < last) {
    await new Promise(requestAnimationFrame);
    const due = Math.min(last, from + Math.floor((performance.now() - began) / 6000 * last));
    if (land.playing === turn && due > land.at) await walk(land, due);
  }
  if (land.playing === turn) { land.playing = null; showPlaying(land); }
}
function showPlaying(land) {
  land.play.textContent = land.playing ? "❚❚" : "▶";
  land.play.setAttribute("aria-label", land.playing ? "Pause" : "Play the training");
}
function trainingOf(land) {
  if (!land.path) return null;
  const last = land.path.alpha.length - 1;
  land.slider = el("input", {type: "range", min: 0, max: last, step: 1, "aria-label": "Step", oninput: () => { land.playing = null; showPlaying(land); walk(land, Number(land.slider.value)); }});
  land.play = el("button", {class: "play", onclick: () => play(land)});
  land.step = el("b", {class: "step"}); land.says = el("p", {class: "says"});
  showPlaying(land);
  land.moving = !land.along ? null : el("figure", {class: "moving"}, barsOf(land.along.bars[0].length), el("div", {class: "marks", "aria-hidden": "true"}, ...marksOf(land.along.ticks)), el("figcaption"));
  return el("div", {class: "training", role: "group", "aria-label": "The training, step by step"}, land.play, land.slider, land.step, land.moving || "", land.says);
}

function sceneOf(land) {
  const colors = ink(), about = C.readouts[state.elevation], [low, high] = about.height, room = (high - low) / 32;
  const quiet = {showbackground: false, gridcolor: colors.rule, zeroline: false, color: colors.faint, tickfont: {size: 10}, nticks: 5, showspikes: false};
  return {
    xaxis: {...quiet, title: {text: "α"}}, yaxis: {...quiet, title: {text: "β"}}, // the map says what they are: here it would be cut
    zaxis: {...quiet, title: {text: ""}, tickvals: about.ticks[0], showticklabels: false, range: [low - room, high + room]}, // heightText says it
    aspectmode: "manual", aspectratio: {x: 1.15, y: 1.15, z: 0.68}, camera: state.camera, dragmode: "turntable",
  };
}
function heightText(land) { // what the height is, from where to where: a title along its axis is cut at some cameras
  const e = state.elevation, {title, scale} = C.readouts[e], z = heightsOf(land, e), within = v => Math.min(Math.max(v, scale.low ?? -Infinity), scale.high ?? Infinity);
  const spaced = {log: ", logarithmic", symlog: ", symmetric-logarithmic"}[scale.kind] || "";
  const ends = Array.from(land.readouts[e].values).filter((_, k) => Number.isFinite(z[k])).reduce(([a, b], v) => [Math.min(a, within(v)), Math.max(b, within(v))], [Infinity, -Infinity]);
  const range = scale.kind === "class" || ends[0] > ends[1] ? "" : `, ${[...new Set(ends.map(v => numberText(v)))].join(" to ")}`;
  return `Height: ${short(title)}${range}${spaced}`;
}
async function drawSurface(land) {
  const colors = ink(), font = {family: getComputedStyle(document.body).fontFamily, size: 12, color: colors.text};
  const layout = {paper_bgcolor: "rgba(0,0,0,0)", font, margin: {l: 0, r: 0, t: 0, b: 0}, showlegend: false, scene: sceneOf(land),
    annotations: [{name: "height", text: escaped(heightText(land)), showarrow: false, xref: "paper", yref: "paper", x: 0, y: 1, xanchor: "left", yanchor: "top", font: {size: 12, color: colors.faint}}],
    hoverlabel: {bgcolor: colors.ground, bordercolor: colors.faint, font: {...font, color: colors.text}}};
  await Plotly.react(land.surface, surfaceTraces(land), layout, {displayModeBar: false, responsive: true, scrollZoom: true});
  if (land.listening) return;
  land.listening = true;
  land.surface.on("plotly_relayout", change => { if (change["scene.camera"]) turn(land, change["scene.camera"]); });
  land.surface.on("plotly_click", told => {
    const {x, y} = told.points[0];
    if (Number.isFinite(x) && Number.isFinite(y)) pick(land, nearest(land.alpha, x), nearest(land.beta, y));
  });
}
function turn(land, camera) { // one camera: turn one terrain and all turn
  if (JSON.stringify(camera) === JSON.stringify(state.camera)) return; // the others' own word of it
  state.camera = camera;
  for (const other of C.landscapes) if (other !== land) Plotly.relayout(other.surface, {"scene.camera": camera});
}

// ---- the map
const MARGIN = {left: 44, right: 10, top: 8, bottom: 36};
function frame(land) {
  const {width, height} = land.map.getBoundingClientRect();
  const w = Math.max(1, width - MARGIN.left - MARGIN.right), h = Math.max(1, height - MARGIN.top - MARGIN.bottom);
  const ends = axis => [axis[0], axis[axis.length - 1]], [a, b] = [ends(land.alpha), ends(land.beta)];
  return {
    width, height, w, h,
    x: u => MARGIN.left + (u - a[0]) / (a[1] - a[0]) * w, y: v => MARGIN.top + (b[1] - v) / (b[1] - b[0]) * h,
    u: x => a[0] + (x - MARGIN.left) / w * (a[1] - a[0]), v: y => b[1] - (y - MARGIN.top) / h * (b[1] - b[0]),
  };
}
function paint(land, f) {
  const variable = colorVariable(land), field = colorsOf(land, variable), table = lookup(variable), n = land.beta.length;
  const smooth = C.readouts[variable].scale.kind !== "class" && field.every(Number.isFinite);
  const density = Math.min(window.devicePixelRatio || 1, 2), canvas = land.canvas;
  canvas.width = Math.round(f.width * density); canvas.height = Math.round(f.height * density);
  const w = Math.max(1, Math.round(f.w * density)), h = Math.max(1, Math.round(f.h * density));
  const picture = new ImageData(w, h), [low, high] = C.readouts[variable].limits;
  const along = (axis, count, flip) => Array.from({length: count}, (_, k) => {
    const t = (k + 0.5) / count, at = axis[0] + (axis[axis.length - 1] - axis[0]) * (flip ? 1 - t : t);
    return smooth ? place(axis, at) : nearest(axis, at);
  });
  const columns = along(land.alpha, w, false), lines = along(land.beta, h, true);
  for (let q = 0; q < h; q++) for (let p = 0; p < w; p++) {
    const value = smooth ? between(land, field, columns[p], lines[q]) : field[columns[p] * n + lines[q]], at = 4 * (q * w + p);
    if (Number.isNaN(value)) continue; // a gap shows the page
    const c = 3 * Math.round(1023 * Math.min(1, Math.max(0, (value - low) / (high - low))));
    picture.data[at] = table[c]; picture.data[at + 1] = table[c + 1]; picture.data[at + 2] = table[c + 2]; picture.data[at + 3] = 255;
  }
  canvas.getContext("2d").putImageData(picture, Math.round(MARGIN.left * density), Math.round(MARGIN.top * density));
}
const NS = "http://www.w3.org/2000/svg";
function svg(tag, attributes, text) {
  const found = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) found.setAttribute(name, value);
  if (text !== undefined) found.textContent = text;
  return found;
}
function polyline(f, x, y) {
  let d = "", open = false;
  for (let k = 0; k < x.length; k++) {
    if (Number.isNaN(x[k]) || Number.isNaN(y[k])) { open = false; continue; }
    d += `${open ? "L" : "M"}${f.x(x[k]).toFixed(1)} ${f.y(y[k]).toFixed(1)}`;
    open = true;
  }
  return d;
}
function ticks(low, high, count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= rough), found = [];
  for (let k = Math.ceil(low / step - 1e-9); k <= high / step + 1e-9; k++) found.push(Number((k * step).toPrecision(12)));
  return found;
}
function drawMap(land) {
  const f = frame(land), colors = ink(), layer = land.svg, e = state.elevation;
  paint(land, f);
  layer.replaceChildren();
  const line = (x, y, stroke, width, name) => layer.append(svg("path", {d: polyline(f, x, y), fill: "none", stroke, "stroke-width": width, "stroke-linejoin": "round", "data-name": name}));
  if (!C.readouts[e].labels.length) {
    line(...linesOf(land, e), "rgba(0,0,0,0.28)", 1.9, "");
    line(...linesOf(land, e), "rgba(255,255,255,0.75)", 0.9, C.readouts[e].title);
  }
  for (const v of lineVariables(land)) line(...linesOf(land, v), C.readouts[v].line, 2, C.readouts[v].title);
  for (const name of shownArrows(land)) {
    const p = land.arrows[name].points, x = [], y = [];
    for (let k = 0; k < p.length; k += 2) { x.push(p[k]); y.push(p[k + 1]); }
    line(x, y, "rgba(0,0,0,0.45)", 3.4, ""); line(x, y, "white", 1.5, land.arrows[name].label);
  }
  const dot = (a, b, r, fill, stroke, name) => layer.append(svg("circle", {cx: f.x(a), cy: f.y(b), r, fill, stroke, "stroke-width": 1.6, "data-name": name}));
  if (land.path) {
    const [x, y] = walked(land), last = x.length - 1;
    line(x, y, "white", 4.5, ""); line(x, y, colors.accent, 2.2, "training path");
    x.forEach((u, k) => { if (!Number.isNaN(u)) dot(u, y[k], 2.2, colors.accent, "none", ""); });
    if (!Number.isNaN(x[0])) dot(x[0], y[0], 5, colors.accent, "white", "start of training");
    if (!Number.isNaN(x[last])) star(layer, f.x(x[last]), f.y(y[last]), colors.accent, endOf(land));
  }
  const told = (x, y, color, text) => layer.append(svg("text", {x: x + 9, y: y - 6, style: `fill:white;stroke:${color};stroke-width:4px;paint-order:stroke;font-weight:700`, "data-name": "own loss"}, text));
  if (land.path && land.own_loss && land.at === land.path.alpha.length - 1 && !Number.isNaN(land.path.alpha[land.at]))
    told(f.x(land.path.alpha[land.at]), f.y(land.path.beta[land.at]), colors.accent, land.own_loss);
  for (const {name, color, place: {alpha, beta}, loss} of Object.values(land.walks)) {
    const last = alpha.length - 1;
    line(alpha, beta, "white", 4.2, ""); line(alpha, beta, color, 2.2, `${name}, projection`);
    if (Number.isNaN(alpha[last])) continue; // it ends outside
    star(layer, f.x(alpha[last]), f.y(beta[last]), color, `end of ${name}`);
    told(f.x(alpha[last]), f.y(beta[last]), color, loss);
  }
  const low = lowest(land);
  if (low) {
    const [x, y] = [f.x(land.alpha[low[0]]), f.y(land.beta[low[1]])], d = `M${x - 4} ${y - 4}L${x + 4} ${y + 4}M${x + 4} ${y - 4}L${x - 4} ${y + 4}`;
    layer.append(svg("path", {d, stroke: "rgba(0,0,0,0.6)", "stroke-width": 4, fill: "none"}), svg("path", {d, stroke: "white", "stroke-width": 2, fill: "none", "data-name": "lowest point"}));
  }
  const [a, b] = [land.alpha[land.cell[0]], land.beta[land.cell[1]]];
  dot(a, b, 8.2, "none", "black", ""); dot(a, b, 6.6, "none", "white", "picked point");
  layer.append(svg("rect", {x: MARGIN.left, y: MARGIN.top, width: f.w, height: f.h, fill: "none", stroke: colors.rule}));
  for (const u of ticks(land.alpha[0], land.alpha[land.alpha.length - 1], 5)) layer.append(svg("text", {x: f.x(u), y: f.height - 20, "text-anchor": "middle"}, numberText(u)));
  for (const v of ticks(land.beta[0], land.beta[land.beta.length - 1], 5)) layer.append(svg("text", {x: MARGIN.left - 6, y: f.y(v) + 4, "text-anchor": "end"}, numberText(v)));
  layer.append(svg("text", {x: MARGIN.left + f.w / 2, y: f.height - 4, "text-anchor": "middle"}, land.axes[0]));
  layer.append(svg("text", {transform: `translate(10 ${MARGIN.top + f.h / 2}) rotate(-90)`, "text-anchor": "middle"}, land.axes[1]));
}
function star(layer, x, y, color, name) {
  const points = Array.from({length: 10}, (_, k) => { const r = k % 2 ? 3.2 : 7.6, t = Math.PI * (k / 5 - 0.5); return `${x + r * Math.cos(t)},${y + r * Math.sin(t)}`; });
  layer.append(svg("polygon", {points: points.join(" "), fill: color, stroke: "white", "stroke-width": 1.3, "data-name": name}));
}
function under(land, event) { // the grid point nearest to the pointer
  const box = land.map.getBoundingClientRect(), f = frame(land);
  return [nearest(land.alpha, f.u(event.clientX - box.left)), nearest(land.beta, f.v(event.clientY - box.top))];
}
function listen(land) {
  land.map.addEventListener("click", event => pick(land, ...under(land, event)));
  land.map.addEventListener("pointermove", event => {
    const [i, j] = under(land, event), box = land.map.getBoundingClientRect();
    land.tip.replaceChildren(...hover(land, i * land.beta.length + j, colorVariable(land)).map(text => el("div", {}, text)));
    land.tip.style.display = "block";
    const x = event.clientX - box.left;
    land.tip.style.left = `${x > box.width / 2 ? x - land.tip.offsetWidth - 12 : x + 12}px`;
    land.tip.style.top = `${event.clientY - box.top + 12}px`;
  });
  land.map.addEventListener("pointerleave", () => { land.tip.style.display = "none"; });
  land.map.addEventListener("keydown", event => {
    const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key];
    if (!step) return;
    event.preventDefault();
    const within = (v, axis) => Math.min(axis.length - 1, Math.max(0, v));
    pick(land, within(land.cell[0] + step[0], land.alpha), within(land.cell[1] + step[1], land.beta));
  });
}
function pick(land, i, j) {
  land.cell = [i, j];
  state.active = land;
  drawMap(land); moveMark(land); tell(land); values();
}
function moveMark(land) { // the picked point is the last trace
  const x = land.alpha[land.cell[0]], y = land.beta[land.cell[1]], [low, high] = C.readouts[state.elevation].height;
  const z = heightAt(land, state.elevation, x, y) + 0.018 * (high - low);
  Plotly.restyle(land.surface, {x: [[x]], y: [[y]], z: [[z]]}, [land.surface.data.length - 1]);
}

// ---- words
function tell(land) {
  const k = land.cell[0] * land.beta.length + land.cell[1];
  land.picked.textContent = `Grid point (α, β) = (${numberText(land.alpha[land.cell[0]])}, ${numberText(land.beta[land.cell[1]])})`;
  const row = v => el("div", {"data-readout": v, title: land.readouts[v].se_says}, el("dt", {}, C.readouts[v].name),
    el("dd", {}, valueText(land, v, k), " ", el("small", {}, short(C.readouts[v].unit))));
  const first = ["loss", "accuracy", "slope", "shape", state.elevation, ...cards.map(c => state.on[c.name] || c.first)];
  land.main.replaceChildren(...[...new Set(first)].filter(v => v in land.readouts).map(row));
  land.every.replaceChildren(...Object.keys(land.readouts).map(row));
}
const short = unit => Object.entries(C.short_units).reduce((text, [long, brief]) => text.replace(` per ${long}`, `/${brief}`), unit);
function values() {
  const land = state.active, k = land.cell[0] * land.beta.length + land.cell[1];
  for (const c of cards) {
    const v = state.on[c.name] || c.first;
    c.value.textContent = v && v in land.readouts ? valueText(land, v, k) : "unavailable";
    c.value.title = v && v in land.readouts ? C.readouts[v].title : "";
  }
}
function legend(land) {
  const swatch = (color, text) => el("span", {}, el("i", {style: `border-color:${color}`}), text), color = colorVariable(land);
  const named = v => C.readouts[v].title + (C.readouts[v].poles[1] ? `, ${C.readouts[v].poles[0]} … ${C.readouts[v].poles[1]}` : "");
  const said = [...new Set([color, ...lineVariables(land)])].filter(v => land.readouts[v].said && v !== state.elevation);
  land.legend.replaceChildren(
    ...lineVariables(land).map(v => swatch(C.readouts[v].line, named(v))),
    ...shownArrows(land).map(name => swatch("#9AA", `→ ${land.arrows[name].label}`)),
    land.path ? swatch(ink().accent, `training path: ● start, ★ ${endOf(land) === "step shown" ? "step shown" : "end"}`) : "",
    ...Object.values(land.walks).map(({name, color, ends}) => swatch(color, `${name}: projection, ★ end; ${ends}`)),
    swatch("#9AA", `${C.readouts[state.elevation].title}, contours; × lowest`),
    ...said.map(v => el("span", {}, `${C.readouts[v].name}: ${land.readouts[v].said}`)),
    C.readouts[state.elevation].floor === null ? "" : el("span", {}, "pane: the data's own entropy, the best on average"),
  );
}
function bar(land) {
  const v = colorVariable(land), about = C.readouts[v], canvas = el("canvas", {width: 1024, height: 1, "aria-hidden": "true"});
  const picture = new ImageData(1024, 1), table = lookup(v);
  for (let k = 0; k < 1024; k++) { for (let c = 0; c < 3; c++) picture.data[4 * k + c] = table[3 * k + c]; picture.data[4 * k + 3] = 255; }
  canvas.getContext("2d").putImageData(picture, 0, 0);
  const marks = about.bar[0].map((at, k) => el("span", {style: `left:${Math.min(98, Math.max(2, 100 * share(v, at)))}%`}, about.bar[1][k]));
  const [low, high] = about.poles;
  land.bar.replaceChildren(
    el("div", {class: "head"}, el("span", {}, el("b", {}, about.title), el("small", {}, about.notes)), el("span", {class: "poles"}, low || high ? `${low} ← → ${high}` : "")),
    canvas, el("div", {class: "marks"}, ...marks));
}
function chips(land) {
  const options = [...cards.filter(c => c.name in state.on && !arrowsOnly(state.on[c.name])).map(c => c.name), "terrain"];
  land.chips.replaceChildren(...options.map(name => el("button", {
    "aria-pressed": String(name === state.color), "data-color": name, title: "what colours the terrain", onclick: () => { state.color = name; draw(); },
  }, name[0].toUpperCase() + name.slice(1))));
}
function settle() { // the colour is one of what is on: the one switched on first
  const on = state.order.filter(name => name in state.on && !arrowsOnly(state.on[name]));
  if (state.color !== "terrain" && !on.includes(state.color)) state.color = on[0] || "terrain";
}
function draw() {
  settle();
  for (const c of cards) {
    const on = c.name in state.on;
    c.toggle.setAttribute("aria-checked", String(on));
    if (c.select) { c.select.classList.toggle("off", !on); c.select.disabled = !on; c.select.value = state.on[c.name] || c.first; }
  }
  for (const land of C.landscapes) { chips(land); bar(land); drawMap(land); legend(land); tell(land); tellStep(land); drawSurface(land); }
  values();
}

// ---- the page
function flip(c) {
  if (c.name in state.on) { delete state.on[c.name]; state.order = state.order.filter(name => name !== c.name); }
  else {
    state.on[c.name] = c.select ? c.select.value : c.first;
    state.order.push(c.name);
    if (state.order.length === 1) state.color = c.name;
  }
  draw();
}
function whyNone(c) {
  const reasons = C.landscapes.map(land => c.all.map(v => land.unavailable[v]).find(Boolean)).filter(Boolean);
  return `Unavailable: ${reasons[0] || "it is not in this landscape."}`;
}
function switchOf(c) {
  const none = !c.offered.length, reason = none ? whyNone(c) : "";
  c.toggle = el("button", {class: "toggle", role: "switch", "aria-checked": "false", "data-switch": c.name, disabled: none, title: reason || null, onclick: () => flip(c)}, el("i"), c.name[0].toUpperCase() + c.name.slice(1));
  c.value = el("div", {class: "value"});
  const about = el("button", {class: "about", "aria-label": `What ${c.name} means`, "data-about": c.name, onclick: () => explain(c, reason)}, "?");
  if (c.offered.length > 1) c.select = el("select", {"aria-label": `Readout of ${c.name}`, "data-select": c.name, onchange: () => { state.on[c.name] = c.select.value; draw(); }},
    ...c.offered.map(([v, label]) => el("option", {value: v}, label)));
  if (c.select) c.select.value = c.first;
  return el("div", {class: "switch"}, el("div", {class: "top"}, c.toggle, about), c.value, c.select);
}
function explain(c, reason) {
  const box = el("dialog", {"aria-label": c.name, onclose: () => box.remove(), onclick: event => { if (event.target === box) box.close(); }});
  const drawn = c.formulas.map(picture => { const p = el("p"); p.innerHTML = picture; return p; }); // made by lossnav, of paths only
  box.append(
    el("button", {class: "close", onclick: () => box.close()}, "Close"),
    el("h3", {}, c.name[0].toUpperCase() + c.name.slice(1)), el("div", {}, `${c.poles[0]} … ${c.poles[1]} · ${c.role}`),
    ...[reason, ...new Set(C.landscapes.map(land => land.remarks[c.name]))].filter(Boolean).map(text => el("p", {class: "flag"}, text)), el("p", {}, c.meaning), ...drawn,
    ...c.flags.map(flag => el("p", {class: "flag"}, flag)), el("b", {}, "What is computed"),
    el("ul", {}, ...c.explained.map(([label, unit, text]) => el("li", {}, el("i", {}, label), `${unit ? ` (${unit})` : ""}: ${text}`))),
    el("p", {class: "value", style: "white-space:normal"}, `Sources: ${c.sources.join("; ")}`));
  document.body.append(box);
  box.showModal();
}
function verdictOf(said) {
  if (!said) return null;
  const line = el("summary", {}, el("span", {class: `dot ${said.light}`, role: "img", "aria-label": said.light}), el("span", {}, said.says));
  const reasons = said.reasons.map(r => el("li", {}, el("span", {class: `dot ${r.light}`, role: "img", "aria-label": r.light}), el("span", {}, r.says, r.advice ? el("em", {}, r.advice) : "")));
  return el("div", {class: "verdict"}, el("details", {}, line, el("ul", {class: "reasons"}, ...reasons)));
}
function sectionOf(land, alone) {
  const parts = {surface: "surface", map: "map", legend: "legend", bar: "bar", chips: "chips", picked: "picked"};
  for (const [name, kind] of Object.entries(parts)) land[name] = el("div", {class: kind});
  land.canvas = el("canvas", {"aria-hidden": "true"}); land.svg = svg("svg", {"aria-hidden": "true"}); land.tip = el("div", {class: "tip"});
  land.map.append(land.canvas, land.svg, land.tip);
  land.map.tabIndex = 0;
  land.map.setAttribute("role", "application");
  land.map.setAttribute("aria-label", `Map of ${land.name}: a click or the arrow keys pick a point`);
  land.surface.setAttribute("role", "img");
  land.surface.setAttribute("aria-label", `The terrain of ${land.name} in three dimensions`);
  land.picked.setAttribute("aria-live", "polite");
  land.main = el("dl", {class: "readouts"}); land.every = el("dl", {class: "readouts"});
  const facts = land.facts.map(text => el("span", {}, text));
  return el("section", {class: alone ? "land alone" : "land"},
    el("div", {class: "facts"}, el(alone ? "h1" : "h2", {}, alone ? C.title : land.where ? `${land.name} · ${land.where}` : land.name), ...facts), verdictOf(land.verdict),
    el("div", {class: "pair"},
      el("div", {class: "left"}, land.chips, land.bar, land.surface, ...[trainingOf(land)].filter(Boolean)),
      el("div", {class: "right"}, land.map, land.legend, land.picked, land.main, el("details", {}, el("summary", {}, "All readouts"), land.every))),
    land.trust.length ? el("p", {class: "trust"}, el("b", {}, "How far to trust this plane. "), land.trust.join(" ")) : null,
    spectrumOf(land),
    unavailableOf(land),
    el("details", {}, el("summary", {}, "How it was made"), el("dl", {class: "made"}, ...land.made.flatMap(([name, text]) => [el("dt", {}, name), el("dd", {}, text)]))));
}
function unavailableOf(land) {
  const given = Object.entries(land.unavailable);
  if (!given.length) return null;
  return el("details", {}, el("summary", {}, `Not shown: ${given.length} readout${given.length === 1 ? "" : "s"}, and why`),
    el("dl", {class: "made"}, ...given.flatMap(([name, why]) => [el("dt", {}, name), el("dd", {}, why)])));
}
function controls() {
  const heights = C.heights.map(v => el("option", {value: v}, C.readouts[v].name));
  const select = el("select", {id: "height", onchange: event => { state.elevation = event.target.value; draw(); }}, ...heights);
  select.value = state.elevation;
  return el("nav", {class: "controls", "aria-label": "What is drawn"},
    ...C.roles.map(([role, members]) => el("div", {class: "role"}, el("span", {}, `${role[0].toUpperCase()}${role.slice(1)} properties`), el("div", {class: "switches"}, ...members.map(switchOf)))),
    el("div", {class: "height"}, el("label", {for: "height"}, "Height"), select));
}

try {
  await Promise.all(C.landscapes.map(unpacked));
} catch (error) {
  page.append(el("p", {class: "failed"}, "This browser cannot unpack the page's numbers: open it in a current Chrome, Edge, Firefox or Safari."));
  throw error;
}
const alone = C.landscapes.length === 1, [a, b] = C.start.point || [0, 0];
for (const land of C.landscapes) { land.at = land.path ? land.path.alpha.length - 1 : 0; land.cell = [nearest(land.alpha, a), nearest(land.beta, b)]; }
state.active = C.landscapes[0];
const heading = alone ? null : el("h1", {}, C.title), sections = C.landscapes.map(land => sectionOf(land, alone));
if (alone) page.append(sections[0].querySelector(".facts"), ...sections[0].querySelectorAll(":scope > .verdict"), controls(), sections[0]);
else page.append(heading, controls(), ...sections);
page.append(el("footer", {}, "Made by lossnav. Everything is in this file: it asks nothing of the network. Drag to turn, scroll to come nearer; click the map, or focus it and use the arrow keys."));
C.landscapes.forEach(listen);
draw();
dark.addEventListener("change", draw);
let waiting = 0;
addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(() => C.landscapes.forEach(drawMap), 60); });
document.body.dataset.ready = "yes";
})();

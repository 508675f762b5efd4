// A line that is dragged over a map: drawn while the pointer moves, told when it is let go.

const LEAST = 12; // pixels; what is shorter is a click
const SVG = "http://www.w3.org/2000/svg";

// node    a plotly chart
// wanted  whether lines may be dragged now
// tell    is given the ends: x, y, x, y
// Returns whether what the pointer did last was to drag one: plotly.js takes it for a click where it began.
function watchForLines(node, wanted, tell) {
  let dragged = false;
  node.addEventListener("pointerdown", (down) => {
    dragged = false;
    const area = down.target.closest?.(".nsewdrag");
    if (!area || !wanted() || down.button !== 0 || down.pointerType === "touch") return;
    const plot = area.getBoundingClientRect();
    const within = ({ clientX, clientY }) => [
      Math.min(Math.max(clientX - plot.left, 0), plot.width),
      Math.min(Math.max(clientY - plot.top, 0), plot.height),
    ];
    const from = within(down);
    const drawing = drawnOver(node, plot);
    const long = (to) => Math.hypot(to[0] - from[0], to[1] - from[1]) >= LEAST;
    const move = (event) => drawing.show(from, within(event), long(within(event)));
    const stop = () => {
      document.removeEventListener("pointermove", move, true);
      document.removeEventListener("pointerup", up, true);
      document.removeEventListener("pointercancel", stop, true);
      drawing.remove();
    };
    const up = (event) => {
      stop();
      const to = within(event);
      const { xaxis, yaxis } = node._fullLayout;
      dragged = long(to);
      if (dragged) tell([xaxis.p2d(from[0]), yaxis.p2d(from[1]), xaxis.p2d(to[0]), yaxis.p2d(to[1])]);
    };
    document.addEventListener("pointermove", move, true);
    document.addEventListener("pointerup", up, true);
    document.addEventListener("pointercancel", stop, true);
  });
  return () => dragged;
}

function drawnOver(node, plot) {
  const frame = node.getBoundingClientRect();
  const svg = document.createElementNS(SVG, "svg");
  const place = `left:${plot.left - frame.left}px;top:${plot.top - frame.top}px;width:${plot.width}px;height:${plot.height}px`;
  svg.setAttribute("style", `position:absolute;pointer-events:none;${place}`);
  for (const [colour, width] of [["#fff", 5], ["#0f766e", 2.5]]) {
    const line = svg.appendChild(document.createElementNS(SVG, "line"));
    line.setAttribute("style", `stroke:${colour};stroke-width:${width};stroke-linecap:round`);
  }
  const show = (from, to, long) => {
    if (long && !svg.isConnected) node.append(svg);
    for (const line of svg.children)
      ["x1", "y1", "x2", "y2"].forEach((name, k) => line.setAttribute(name, [...from, ...to][k]));
  };
  return { show, remove: () => svg.remove() };
}

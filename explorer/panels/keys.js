// The keyboard: arrows move the picked point, digits press the switches, ? shows what the keys do.
// The page gives { switches: names in their order, moves: whether there is a point to move }.

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] };
const GATHER = 90; // milliseconds in which steps are told together
const TYPING =
  "input:not([type=checkbox]), textarea, select, [contenteditable=true], [role=slider], [role=radio], [role=radiogroup], [role=tab], [role=listbox], [role=option], [role=combobox], [role=menu], [role=dialog], dialog";

let current; // the newest mount, so that one listener serves all

function isTyping(target) {
  return target instanceof Element && target.closest(TYPING) !== null;
}

function press(number) {
  const name = current.data.switches[number - 1];
  if (!name) return false;
  document.querySelector(`.st-key-on_${name} input:not(:disabled)`)?.click();
  return true;
}

function move([right, up]) {
  const [a, b] = current.gathered ?? [0, 0];
  current.gathered = [a + right, b + up];
  clearTimeout(current.timer);
  current.timer = setTimeout(() => {
    const steps = current.gathered;
    current.gathered = undefined;
    if (steps[0] || steps[1]) current.setTriggerValue("moved", steps);
  }, GATHER);
}

function onKey(event) {
  if (!current?.root.isConnected || event.ctrlKey || event.metaKey || event.altKey) return;
  const dialog = current.root.querySelector("dialog");
  const target = event.composedPath()[0];
  if (event.key === "?" && !isTyping(target)) {
    dialog.open ? dialog.close() : dialog.showModal();
  } else if (dialog.open || isTyping(target)) {
    return;
  } else if (event.key in STEPS && current.data.moves && !event.shiftKey) {
    move(STEPS[event.key]);
  } else if (!(/^[1-9]$/.test(event.key) && press(Number(event.key)))) {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement;
  current = { ...(current?.root === root ? current : {}), data, root, setTriggerValue };
  const list = root.querySelector("dl");
  list.replaceChildren();
  const rows = [
    ...(data.moves ? [["← → ↑ ↓", "move the picked point by one step of the grid"]] : []),
    ...data.switches.slice(0, 9).map((name, k) => [`${k + 1}`, `switch ${name} on or off`]),
    ["Alt ←", "undo: the browser's Back, one choice at a time"],
    ["?", "this list"],
  ];
  for (const row of rows)
    for (const [tag, text] of [["dt", row[0]], ["dd", row[1]]])
      list.append(Object.assign(document.createElement(tag), { textContent: text }));
  const dialog = root.querySelector("dialog");
  root.querySelector(".show").onclick = () => dialog.showModal();
  root.querySelector(".close").onclick = () => dialog.close();
  if (!window.lossnavKeys) {
    window.lossnavKeys = true;
    addEventListener("keydown", onKey, true);
  }
}

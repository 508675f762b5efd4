// Each choice is a step of the browser's history, so that Back undoes it. Streamlit writes choices into the address in place;
// what a person did since the last step makes a step of its own, whatever the page writes by itself does not. Nor does turning a surface.

const bare = (search) => {
  const found = new URLSearchParams(search);
  found.delete("camera");
  found.sort();
  return found.toString();
};

function begin() {
  const [push, replace] = [history.pushState.bind(history), history.replaceState.bind(history)];
  let acted = false;
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => (acted = true), true);
  addEventListener("popstate", () => (acted = false), true);
  const write = (original) => (state, title, address) => {
    const next = new URL(address ?? location.href, location.href);
    if (next.pathname !== location.pathname) {
      acted = false;
      return original(state, title, address);
    }
    const step = acted && bare(next.search) !== bare(location.search);
    if (step) acted = false;
    return (step ? push : replace)(state, title, address);
  };
  history.pushState = write(push);
  history.replaceState = write(replace);
}

export default function () {
  if (window.lossnavHistory) return;
  window.lossnavHistory = true;
  begin();
}

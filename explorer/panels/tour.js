// A look around in four steps, for whoever asks for it: a card beside what it speaks of, with a frame around that. Arrows go from step
// to step, Escape ends it; that it was seen is kept in this browser, and makes its button smaller.
// The page gives { steps: [{ place: CSS selector, title, text }, …] }.

const SEEN = "lossnav-tour";
const GAP = 12; // pixels between card and frame, and from the window's edge

const seen = () => {
  try {
    return localStorage.getItem(SEEN) !== null;
  } catch {
    return true; // a browser that keeps nothing is not told again and again
  }
};
const keepSeen = () => {
  try {
    localStorage.setItem(SEEN, "seen");
  } catch {} // as above
};

class Tour {
  constructor(root) {
    this.part = (name) => root.querySelector(`.${name}`);
    this.button = this.part("start");
    this.button.onclick = () => (this.open ? this.end() : this.go(0));
    this.part("next").onclick = () => this.go(this.at + 1);
    this.part("back").onclick = () => this.go(this.at - 1);
    this.part("close").onclick = () => this.end();
    this.place = () => this.open && this.lay();
    this.key = (event) => this.onKey(event);
    for (const kind of ["resize", "scroll"]) addEventListener(kind, this.place, true);
    addEventListener("keydown", this.key, true);
    this.label();
  }

  label() {
    this.button.textContent = seen() ? "Tour" : "Show me around";
  }

  go(step) {
    if (step >= this.steps.length) return this.end();
    this.at = Math.max(step, 0);
    this.open = true;
    const { title, text } = this.steps[this.at];
    const last = this.at === this.steps.length - 1;
    this.part("count").textContent = `${this.at + 1} of ${this.steps.length}`;
    this.part("title").textContent = title;
    this.part("text").textContent = text;
    this.part("back").disabled = this.at === 0;
    this.part("next").textContent = last ? "Done" : "Next";
    this.part("card").hidden = this.part("frame").hidden = false;
    this.target()?.scrollIntoView({ block: "nearest" });
    this.lay();
    this.part("next").focus({ preventScroll: true });
  }

  target() {
    return document.querySelector(this.steps[this.at].place);
  }

  // The frame around the target, the card where most room is beside it.
  lay() {
    const card = this.part("card");
    const box = this.target()?.getBoundingClientRect() ?? { left: 0, top: 0, right: 0, bottom: 0, width: 0, height: 0 };
    Object.assign(this.part("frame").style, {
      left: `${box.left - 4}px`,
      top: `${box.top - 4}px`,
      width: `${box.width + 8}px`,
      height: `${box.height + 8}px`,
    });
    const [wide, high] = [card.offsetWidth, card.offsetHeight];
    const within = (value, most) => Math.min(Math.max(value, GAP), most - GAP);
    const room = { right: innerWidth - box.right, left: box.left, below: innerHeight - box.bottom };
    const fits = { right: room.right > wide + 2 * GAP, below: room.below > high + 2 * GAP, left: room.left > wide + 2 * GAP };
    const side = ["right", "below", "left"].find((each) => fits[each]);
    const left = { right: box.right + GAP, left: box.left - wide - GAP }[side] ?? box.left;
    const top = { below: box.bottom + GAP }[side] ?? (side ? box.top : box.bottom - high - GAP);
    card.style.left = `${within(left, innerWidth - wide)}px`;
    card.style.top = `${within(top, innerHeight - high)}px`;
  }

  onKey(event) {
    if (!this.open || event.ctrlKey || event.metaKey || event.altKey) return;
    const inside = event.composedPath().includes(this.part("card"));
    const step = inside ? { ArrowRight: 1, ArrowLeft: -1 }[event.key] : undefined;
    if (event.key === "Escape") this.end();
    else if (step && this.at + step < this.steps.length) this.go(this.at + step);
    else if (!step) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  end() {
    this.open = false;
    this.part("card").hidden = this.part("frame").hidden = true;
    keepSeen();
    this.label();
    this.button.focus({ preventScroll: true });
  }

  remove() {
    for (const kind of ["resize", "scroll"]) removeEventListener(kind, this.place, true);
    removeEventListener("keydown", this.key, true);
  }
}

export default function ({ data, parentElement }) {
  const tour = (parentElement.lossnavTour ??= new Tour(parentElement));
  tour.steps = data.steps;
  return () => {
    tour.remove();
    delete parentElement.lossnavTour;
  };
}

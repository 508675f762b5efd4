// The film of the training: a slider over the checkpoints, which plays. The charts cut the path where it stands; nothing is asked
// of the server but, when it comes to rest, to have the address name the step.
// The page gives { at: place among the checkpoints, steps, losses, says: [[name, value], …] of each, and either spectra, as
// spectrum_small.py makes them, or missing: the address of the page that computes them }.

const LONG = 6000; // milliseconds that the whole training takes
const WIDE = 1000; // units across the curve of the loss
const film = (window.lossnavFilm ??= { at: undefined });

// Names, each with its value.
function entries(said) {
  return said.map(([name, value]) => {
    const entry = Object.assign(document.createElement("span"), { textContent: `${name} ` });
    entry.append(Object.assign(document.createElement("b"), { textContent: value }));
    return entry;
  });
}

class Film {
  constructor(root) {
    this.part = (name) => root.querySelector(`.${name}`);
    [this.button, this.slider] = [this.part("play"), this.part("slider")];
    this.told = []; // places that the page will say again
    this.button.onclick = () => (this.playing ? this.rest() : this.play());
    this.slider.oninput = () => {
      this.playing = false;
      this.show(Number(this.slider.value));
    };
    this.slider.onchange = () => this.rest();
  }

  // What the page says: new numbers at once, a place only where it is not one that it was told.
  take(data, tell) {
    const changed = data.at !== this.data?.at;
    [this.data, this.tell, this.last] = [data, tell, data.steps.length - 1];
    this.slider.max = this.last;
    this.curve();
    const known = this.told.indexOf(data.at);
    if (known >= 0) this.told.splice(0, known + 1);
    this.show(changed && known < 0 ? data.at : Math.min(this.at, this.last));
  }

  show(at) {
    this.at = at;
    film.at = at < this.last ? at : undefined;
    this.slider.value = at;
    const step = `step ${this.data.steps[at]} of ${this.data.steps[this.last]}`;
    const said = this.data.says[at].map(([name, value]) => `${name} ${value}`).join(", ");
    this.slider.setAttribute("aria-valuetext", `${step}: ${said}`);
    this.part("step").textContent = step;
    this.part("says").replaceChildren(...entries(this.data.says[at]));
    this.spectrum();
    this.label();
    this.mark();
    const waiting = [];
    dispatchEvent(new CustomEvent("lossnav-film", { detail: waiting }));
    return Promise.all(waiting);
  }

  // The spectrum as it was at the step shown, or at the last one before it of which there is one.
  spectrum() {
    const { spectra, missing } = this.data;
    const k = spectra?.at[this.at] ?? null;
    const [figure, link] = [this.part("spectrum"), this.part("missing")];
    figure.hidden = k === null;
    link.hidden = !missing;
    if (missing) link.href = missing;
    if (k === null) return;
    const bars = spectra.bars[k].map((high, x) => (high > 0 ? `M${x} 100v${-high}h1v${high}z` : ""));
    this.part("bulk").setAttribute("d", bars.slice(0, spectra.outer[k]).join(""));
    this.part("outer").setAttribute("d", bars.slice(spectra.outer[k]).join(""));
    this.part("outer").style.fill = spectra.color;
    const said = spectra.says[k].map(([name, value]) => `${name} ${value}`).join(", ");
    const title = `Spectrum at step ${spectra.steps[k]}`;
    figure.querySelector("svg").setAttribute("aria-label", `${title}, eigenvalue histogram: ${said}`);
    figure.querySelector("figcaption").replaceChildren(
      Object.assign(document.createElement("span"), { textContent: title }),
      ...entries(spectra.says[k]),
    );
    this.part("ticks").replaceChildren(
      ...spectra.ticks.map(([place, textContent]) => {
        const tick = Object.assign(document.createElement("span"), { textContent });
        tick.style.left = `${100 * place}%`;
        return tick;
      }),
    );
  }

  label() {
    const name = this.playing ? "Pause" : "Play the training";
    if (this.button.title === name) return;
    this.button.title = name;
    this.button.setAttribute("aria-label", name);
    this.part("shape").setAttribute("d", this.playing ? "M3 2h4v12H3zM9 2h4v12H9z" : "M4 2l10 6-10 6z");
  }

  // As many frames as are drawn in time.
  async play() {
    const from = this.at < this.last ? this.at : 0;
    const began = performance.now();
    const turn = (this.playing = {});
    await this.show(from);
    while (this.playing === turn && this.at < this.last) {
      await new Promise(requestAnimationFrame);
      const due = from + Math.floor(((performance.now() - began) / LONG) * this.last);
      if (this.playing === turn && due > this.at) await this.show(Math.min(due, this.last));
    }
    if (this.playing === turn) this.rest();
  }

  rest() {
    this.playing = undefined;
    this.label();
    if (this.at === (this.told.at(-1) ?? this.data.at)) return;
    this.told.push(this.at);
    this.tell(this.at);
  }

  // The loss over the steps, logarithmic where it can be; gaps where it is no number.
  curve() {
    const numbers = this.data.losses.map((loss) => (loss === null ? NaN : loss));
    const finite = numbers.filter(Number.isFinite);
    const scale = finite.every((loss) => loss > 0) ? Math.log : (loss) => loss;
    const [low, high] = [Math.min(...finite.map(scale)), Math.max(...finite.map(scale))];
    this.points = numbers.map((loss, k) => [
      (WIDE * k) / this.last,
      high > low ? 90 - (80 * (scale(loss) - low)) / (high - low) : 50,
    ]);
    let gap = true;
    const drawn = this.points.map(([x, y], k) => {
      const there = Number.isFinite(numbers[k]);
      const word = there ? `${gap ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}` : "";
      gap = !there;
      return word;
    });
    this.part("line").setAttribute("d", drawn.join(""));
    this.part("walked").setAttribute("d", drawn.join(""));
  }

  mark() {
    const [x, y] = this.points[this.at];
    this.part("past").setAttribute("width", x);
    const dot = this.part("dot");
    dot.style.left = `${(100 * x) / WIDE}%`;
    dot.style.top = `${y}%`;
    dot.hidden = !Number.isFinite(y);
  }

  remove() {
    this.playing = undefined;
    film.at = undefined;
    dispatchEvent(new CustomEvent("lossnav-film", { detail: [] }));
  }
}

export default function ({ data, parentElement, setStateValue }) {
  const shown = (parentElement.lossnavFilm ??= new Film(parentElement));
  shown.take(data, (at) => setStateValue("at", at));
  return () => {
    shown.remove();
    delete parentElement.lossnavFilm;
  };
}

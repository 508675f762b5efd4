"""A look around the Terrain page in four steps, behind a quiet button: nobody is shown it who does not ask."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

STEPS = (
    (
        ".st-key-terrain3d",
        "The terrain",
        "Its height is the loss of this network at each point of a plane through its weights; at (0, 0) stands the network as it was "
        "trained. Drag to turn it, scroll to come nearer. Beside it lies the same from above.",
    ),
    (
        ".st-key-switches_independent",
        "The switches",
        "Each lays a property over the terrain: the first one colours it, further ones are lines. The icon beside a value opens its "
        "readouts, its scale, and what the word means. Keys 1 to 7 press them.",
    ),
    (
        ".st-key-terrain2d",
        "The map",
        "A click picks a point: the values at the switches and below are those there. Arrow keys move it. Inspect and Walk, under the map, "
        "look at the network there and send an optimiser from it.",
    ),
    (
        ".st-key-exportbox",
        "Export",
        "What you see leaves from here: a figure for a paper, a page that still turns, the training as a film, a mesh, the numbers. "
        "The address holds the picture, too: send it.",
    ),
)

_HTML = """
<button class="start" type="button"></button>
<div class="frame" hidden></div>
<div class="card" role="dialog" aria-labelledby="tour_title" aria-describedby="tour_text" hidden>
  <p class="count"></p>
  <h3 class="title" id="tour_title"></h3>
  <p class="text" id="tour_text" aria-live="polite"></p>
  <div class="row">
    <button class="close" type="button">Close</button><span></span>
    <button class="back" type="button">Back</button><button class="next" type="button">Next</button>
  </div>
</div>
"""
_CSS = """
  button { font: inherit; color: inherit; background: var(--st-secondary-background-color); cursor: pointer;
           border: 1px solid var(--st-border-color, #8886); border-radius: 0.4rem; padding: 0.25rem 0.8rem; }
  button:disabled { opacity: 0.45; cursor: default; }
  button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
  .start { position: fixed; right: 5.9rem; top: 0.8rem; z-index: 1000000; height: 1.7rem; padding: 0 0.8rem; border-radius: 0.85rem;
           font: 0.82rem var(--st-font); color: var(--st-text-color); white-space: nowrap; }
  .card { position: fixed; z-index: 1000002; width: 19rem; max-width: calc(100vw - 4rem); padding: 0.8rem 1.1rem 1rem;
          font: 0.92rem/1.45 var(--st-font); color: var(--st-text-color); background: var(--st-background-color);
          border: 1px solid var(--st-border-color, #8886); border-radius: 0.6rem; box-shadow: 0 6px 24px #0004; }
  .frame { position: fixed; z-index: 1000001; pointer-events: none; border: 2px solid var(--st-primary-color); border-radius: 0.5rem; }
  .card[hidden], .frame[hidden] { display: none; }
  .count { margin: 0; font-size: 0.78rem; opacity: 0.75; }
  .title { margin: 0.1rem 0 0.3rem; font-size: 1.05rem; }
  .text { margin: 0 0 0.8rem; }
  .row { display: flex; gap: 0.5rem; } .row span { flex: 1; }
  .next { background: var(--st-primary-color); border-color: transparent; color: var(--st-background-color); }
  @media (max-width: 1150px) { .start { display: none; } }
"""
_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_mount = st.components.v2.component("lossnav_tour", html=_HTML, css=_CSS, js=_SCRIPT)


def tour_panel() -> None:
    """The button; the rest is in the browser."""
    steps = [{"place": place, "title": title, "text": text} for place, title, text in STEPS]
    with st.container(key="tour"):
        _mount(key="tour_of_terrain", data={"steps": steps})

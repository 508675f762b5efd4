"""Training as a film: a slider over the checkpoints lets the path grow on terrain and map; it plays in the browser."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import streamlit as st
import xarray as xr

from ..controls.film import keep_step, step_of_address
from ..summaries.film import Frame, frames

_HTML = """
<div class="film" role="group" aria-label="The training, step by step">
  <button class="play" type="button"><svg viewBox="0 0 16 16" aria-hidden="true"><path class="shape" /></svg></button>
  <div class="track">
    <svg class="curve" viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">
      <clipPath id="walked"><rect class="past" y="0" height="100" /></clipPath>
      <path class="line" /><path class="walked" clip-path="url(#walked)" />
    </svg>
    <div class="dots"><i class="dot"></i></div>
    <input class="slider" type="range" min="0" step="1" aria-label="Step" />
  </div>
  <span class="step"></span>
  <p class="says"></p>
</div>
"""
_CSS = """
  .film { display: grid; grid-template-columns: auto 1fr auto; gap: 0.15rem 0.7rem; align-items: center; color: var(--st-text-color);
          font: 0.82rem var(--st-font); font-variant-numeric: tabular-nums; }
  .play { width: 1.9rem; height: 1.9rem; padding: 0; border-radius: 50%; cursor: pointer; color: var(--st-primary-color);
          background: var(--st-background-color); border: 1px solid var(--st-border-color, #8886); }
  .play svg { width: 0.85rem; height: 0.85rem; fill: currentColor; vertical-align: -0.08rem; }
  .track { position: relative; height: 2.5rem; }
  .curve { position: absolute; left: 7px; width: calc(100% - 14px); top: 0; height: 1.35rem; overflow: visible; }
  .curve path { fill: none; stroke-width: 1.6; vector-effect: non-scaling-stroke; }
  .line { stroke: var(--st-text-color); opacity: 0.28; } .walked { stroke: var(--st-primary-color); }
  .dots { position: absolute; left: 7px; width: calc(100% - 14px); top: 0; height: 1.35rem; }
  .dot { position: absolute; width: 7px; height: 7px; margin: -3.5px; border-radius: 50%; background: var(--st-primary-color); }
  .dot[hidden] { display: none; }
  .slider { position: absolute; left: 0; bottom: 0; width: 100%; height: 1rem; margin: 0; cursor: pointer; background: none;
            appearance: none; -webkit-appearance: none; }
  .slider::-webkit-slider-runnable-track { height: 3px; border-radius: 2px; background: var(--st-border-color, #8886); }
  .slider::-moz-range-track { height: 3px; border-radius: 2px; background: var(--st-border-color, #8886); }
  .slider::-webkit-slider-thumb { -webkit-appearance: none; width: 14px; height: 14px; margin-top: -5.5px; border: 0; border-radius: 50%;
                                  background: var(--st-primary-color); }
  .slider::-moz-range-thumb { width: 14px; height: 14px; border: 0; border-radius: 50%; background: var(--st-primary-color); }
  :is(.play, .slider):focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
  .step { white-space: nowrap; min-width: 5.6rem; text-align: right; font-weight: 600; }
  .says { grid-column: 1 / -1; margin: 0.1rem 0 0; line-height: 1.4; }
  .says span { white-space: nowrap; margin-right: 1rem; opacity: 0.92; } .says b { font-weight: 600; }
"""
_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_mount = st.components.v2.component("lossnav_film", html=_HTML, css=_CSS, js=_SCRIPT)


def film_panel(land: xr.Dataset, variables: Sequence[str]) -> None:
    """The slider, where there is a path; with the readouts `variables` at each checkpoint's place."""
    found = frames(land, variables)
    if found:
        _film(found)


@st.fragment
def _film(found: Sequence[Frame]) -> None:
    """Its rest runs nothing but this again."""
    steps = [frame.step for frame in found]
    data = {"at": step_of_address(steps), "steps": steps, "losses": losses(found), "says": [f.says for f in found]}
    with st.container(key="film"):
        _mount(key="film_of_training", data=data, on_at_change=partial(_remember, steps))


def losses(found: Sequence[Frame]) -> list[float | None]:
    """The curve over the slider: the checkpoints' own losses where all are stored, else those on the plane."""
    true = [frame.true for frame in found]
    chosen = [frame.plane for frame in found] if None in true else true
    return [loss if loss is not None and math.isfinite(loss) else None for loss in chosen]


def _remember(steps: Sequence[int]) -> None:
    keep_step(steps, st.session_state["film_of_training"].at)

"""Training as a film: a slider over the checkpoints lets the path grow on terrain and map; it plays in the browser."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import streamlit as st
import xarray as xr
from lossnav.core import InputError
from lossnav.core.spectrum import read_along

from ..controls.film import keep_step, step_of_address
from ..controls.spectrum import ALONG
from ..figures.web.spectrum_small import small_spectra
from ..request.shipped import result_of
from ..request.spectrum import AlongRequest
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
  <figure class="spectrum" hidden>
    <svg viewBox="0 0 90 100" preserveAspectRatio="none" role="img"><path class="bulk" /><path class="outer" /></svg>
    <div class="ticks" aria-hidden="true"></div>
    <figcaption></figcaption>
  </figure>
  <a class="missing" target="_self" hidden>Spectrum along the training …</a>
  <p class="says"></p>
</div>
"""
_CSS = """
  .film { display: grid; grid-template-columns: auto 1fr auto auto; gap: 0.15rem 0.7rem; align-items: center; color: var(--st-text-color);
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
  .spectrum { grid-column: 4; grid-row: 1 / span 2; width: clamp(9rem, 24vw / 1.6, 16rem); margin: 0 0 0 0.4rem; align-self: start; }
  .spectrum[hidden], .missing[hidden] { display: none; }
  .spectrum svg { display: block; width: 100%; height: 2.1rem; border-bottom: 1px solid var(--st-border-color, #8886); }
  .bulk { fill: var(--st-primary-color); }
  .ticks { position: relative; height: 0.85rem; font-size: 0.66rem; }
  .ticks span { position: absolute; transform: translateX(-50%); white-space: nowrap; opacity: 0.85; }
  .spectrum figcaption { font-size: 0.72rem; line-height: 1.35; } .spectrum b { font-weight: 600; }
  .spectrum figcaption span { white-space: nowrap; margin-right: 0.55rem; }
  .missing { grid-column: 4; grid-row: 1; color: var(--st-link-color, var(--st-primary-color)); font-size: 0.75rem; }
  .says { grid-column: 1 / 4; grid-row: 2; margin: 0.1rem 0 0; line-height: 1.4; }
  .says, .spectrum figcaption { display: flex; flex-wrap: wrap; }
  .says span { white-space: nowrap; margin-right: 1rem; opacity: 0.92; } .says b { font-weight: 600; }
"""
_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_mount = st.components.v2.component("lossnav_film", html=_HTML, css=_CSS, js=_SCRIPT)


def film_panel(land: xr.Dataset, variables: Sequence[str], target: str | None = None) -> None:
    """The slider, where there is a path; with the readouts `variables` at each checkpoint's place.

    target  the network whose spectra along the training stand beside it; None: a file, which has none
    """
    found = frames(land, variables)
    if found:
        _film(found, target)


@st.fragment
def _film(frames: Sequence[Frame], target: str | None) -> None:
    """Its rest runs nothing but this again."""
    steps = [frame.step for frame in frames]
    data = {"at": step_of_address(steps), "steps": steps, "losses": losses(frames), "says": [f.says for f in frames]}
    data |= {} if target is None else beside(target, steps)
    with st.container(key="film"):
        _mount(key="film_of_training", data=data, on_at_change=partial(_remember, steps))


def beside(target: str, steps: Sequence[int]) -> dict[str, Any]:
    """The spectra along the training for a slider over `steps`, or the page that computes them."""
    path = result_of(AlongRequest(target))
    spectra = None if path is None else _small(path, path.stat().st_mtime_ns, tuple(steps))
    if spectra is not None:
        return {"spectra": spectra}
    return {"missing": f"spectrum?{urlencode({'model': target, 'place': ALONG})}"}


@lru_cache(maxsize=16)
def _small(path: Path, written: int, steps: tuple[int, ...]) -> dict[str, Any] | None:
    """None: none is done yet, or the file is damaged, which the Spectrum page says."""
    try:
        along = read_along(path)
    except (InputError, ValueError, KeyError, TypeError, OSError):
        return None
    return small_spectra(along, steps) if along.spectra else None


def losses(frames: Sequence[Frame]) -> list[float | None]:
    """The curve over the slider: the checkpoints' own losses where all are stored, else those on the plane."""
    true = [frame.true for frame in frames]
    chosen = [frame.plane for frame in frames] if None in true else true
    return [loss if loss is not None and math.isfinite(loss) else None for loss in chosen]


def _remember(steps: Sequence[int]) -> None:
    keep_step(steps, st.session_state["film_of_training"].at)

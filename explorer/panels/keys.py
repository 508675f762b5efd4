"""The keyboard: arrows move the picked point by one step of the grid, digits press the switches, ? lists them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st
import xarray as xr
from lossnav.core import PROPERTIES
from lossnav.core.properties import ROLES

from ..controls.address import pick

_HTML = (
    "<button class='show' aria-label='Keys' title='Keys: press ?'>?</button>"
    "<dialog aria-label='Keys'><h3>Keys</h3><dl></dl><button class='close'>Close</button></dialog>"
)
_CSS = """
  .show { position: fixed; right: 3.6rem; top: 0.8rem; z-index: 1000000; width: 1.7rem; height: 1.7rem; border-radius: 50%; cursor: pointer;
          font: 600 0.9rem var(--st-font); color: var(--st-text-color); background: var(--st-secondary-background-color);
          border: 1px solid var(--st-border-color, #8886); }
  dialog { font: 0.92rem var(--st-font); color: var(--st-text-color); background: var(--st-background-color); max-width: 26rem;
           border: 1px solid var(--st-border-color, #8886); border-radius: 0.6rem; padding: 1rem 1.4rem 1.2rem; }
  dialog::backdrop { background: #0006; }
  h3 { margin: 0 0 0.6rem; font-size: 1.05rem; }
  dl { display: grid; grid-template-columns: auto 1fr; gap: 0.3rem 1.1rem; margin: 0 0 1rem; }
  dt { font-weight: 650; white-space: nowrap; } dd { margin: 0; }
  .close { font: inherit; color: inherit; background: var(--st-secondary-background-color); cursor: pointer;
           border: 1px solid var(--st-border-color, #8886); border-radius: 0.4rem; padding: 0.25rem 0.9rem; }
"""
_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_mount = st.components.v2.component("lossnav_keys", html=_HTML, css=_CSS, js=_SCRIPT)


def keys_panel(land: xr.Dataset, cell: tuple[int, int]) -> None:
    """Listen to the keys; what they do is behind a small button."""

    def moved() -> None:
        pick(stepped(land, cell, st.session_state["keys"].moved))

    with st.container(key="keyboard"):
        _mount(key="keys", data={"switches": in_order(), "moves": True}, on_moved_change=moved)


def in_order() -> list[str]:
    """The properties in the order of their switches."""
    return [owner.name for role in ROLES for owner in PROPERTIES if owner.entry.role == role]


def stepped(land: xr.Dataset, cell: tuple[int, int], steps: Sequence[float] | None) -> tuple[float, float] | None:
    """The grid point so many steps along α and β from a cell, within the landscape; None where nothing was told.

    >>> land = xr.Dataset(coords={"alpha": [-1.0, 0.0, 1.0], "beta": [0.0, 0.5]})
    >>> stepped(land, (1, 0), [1, 1]), stepped(land, (1, 0), [-7, -1]), stepped(land, (1, 0), None)
    ((1.0, 0.5), (-1.0, 0.0), None)
    """
    if not steps:
        return None
    places = [np.clip(at + int(step), 0, land.sizes[d] - 1) for d, at, step in zip(DIMS, cell, steps, strict=True)]
    return float(land["alpha"].values[places[0]]), float(land["beta"].values[places[1]])


DIMS = ("alpha", "beta")

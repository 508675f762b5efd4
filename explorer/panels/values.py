"""The values at the picked point: beside each switch, and those that the inspector always shows."""

from __future__ import annotations

import xarray as xr
from lossnav.core.properties import TERRAIN

from ..controls.terrain import Switches
from ..figures.shared.picture import value_text
from ..figures.web.picking import nearest_cell
from ..state import Drawing, View

WAITING = "…"


def shown_readouts(land: xr.Dataset, switches: Switches, *drawn: Drawing | None) -> list[str]:
    """The readouts that the inspector always shows: the terrain's, a problem's own, and of each property the one that is drawn."""
    brought = TERRAIN.readouts_of(land.lossnav.facts.get(TERRAIN.name, {}))[len(TERRAIN.readouts) :]
    own = [d.variable for d in (*drawn, *switches.overlays.values()) if d is not None]
    terrain = ["loss", "accuracy", "slope", "shape", "test_loss", "gap", *(readout.variable for readout in brought)]
    return [*terrain, *own, *switches.first.values()]


def show_values(land: xr.Dataset, switches: Switches, view: View, waiting: frozenset[str] = frozenset()) -> None:
    """Each property's value at the picked point, beside its switch; `waiting`: readouts that are still to come."""
    cell = nearest_cell(land, view.point)
    for name, place in switches.values.items():
        drawing = switches.overlays.get(name)
        variable = drawing.variable if drawing else switches.first[name]
        none = WAITING if variable in waiting else "unavailable"
        text = value_text(land, variable, cell) if variable in land else none
        place.html(f"<span class='value{'' if variable in land else ' none'}'>{text}</span>")

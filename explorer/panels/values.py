"""The values at the picked point: beside each switch, and those that the inspector always shows."""

from __future__ import annotations

from collections.abc import Container

import xarray as xr
from lossnav.core.properties import TERRAIN

from ..controls.terrain import Switches
from ..figures.shared.picture import value_text
from ..figures.web.picking import nearest_cell
from ..state import Drawing, View

NOT_MEASURED, NEVER = "not measured", "unavailable"


def shown_readouts(land: xr.Dataset, switches: Switches, *drawn: Drawing | None) -> list[str]:
    """The readouts that the inspector always shows: the terrain's, a problem's own, and of each property the one that is drawn."""
    brought = TERRAIN.readouts_of(land.lossnav.facts.get(TERRAIN.name, {}))[len(TERRAIN.readouts) :]
    own = [d.variable for d in (*drawn, *switches.overlays.values()) if d is not None]
    terrain = ["loss", "accuracy", "slope", "shape", "test_loss", "gap", *(readout.variable for readout in brought)]
    return [*terrain, *own, *switches.first.values()]


def show_values(land: xr.Dataset, switches: Switches, view: View, lacking: Container[str] | None = None) -> None:
    """Each property's value at the picked point, beside its switch.

    lacking  readouts that cannot be had, so that others may still be measured where they are not here; None: they may not
    """
    cell = nearest_cell(land, view.point)
    for name, place in switches.values.items():
        drawing = switches.overlays.get(name)
        variable = drawing.variable if drawing else switches.first[name]
        none = NEVER if lacking is None or variable in lacking else NOT_MEASURED
        text = value_text(land, variable, cell) if variable in land else none
        place.html(f"<span class='value{'' if variable in land else ' none'}'>{text}</span>")

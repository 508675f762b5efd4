"""Several networks beside one another in numbers: their verdicts, and their readouts at the centres with errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import xarray as xr
from lossnav.core.properties import PROPERTIES
from lossnav.core.spectrum import student

from ..figures.shared.isolines import heights_at
from ..figures.shared.picture import NOT_MEASURED, UNITLESS, Layer, name_of, title_of, value_text
from ..figures.shared.scales import Scale, format_value
from ..figures.shared.units import short_unit
from .verdict import Reason, verdict

Said = Callable[[xr.Dataset], str]
NOTHING = "–"
AT, TINY = 1e-6, 1e-300  # of the span, within which a grid point is the centre; a span of one point
PROBES = 15  # of the fidelity's own trace, with which its error is one
# how steep, and what each property's first readouts say; those that are relative to the terrain around say nothing of one point
FIRST = 2
READOUTS = (
    "slope",
    *(readout.variable for owner in PROPERTIES if not owner.relative for readout in owner.readouts[:FIRST]),
)


@dataclass(frozen=True)
class ComparisonRow:
    """A line of the table: what, and the text of each landscape; "–" where it is not known."""

    title: str
    cells: tuple[str, ...]


def verdicts(lands: Sequence[xr.Dataset]) -> list[Reason]:
    """The light and the sentence over each landscape."""
    return [Reason(judged.light, judged.says) for judged in map(verdict, lands)]


def comparison_rows(lands: Sequence[xr.Dataset]) -> list[ComparisonRow]:
    """What at least one of the landscapes tells, in order.

    >>> axis, loss = {"alpha": [-1.0, 0.0, 1.0], "beta": [0.0]}, [[2.0], [0.5], [3.0]]
    >>> one = xr.Dataset({"loss": (("alpha", "beta"), loss, {"units": "nats"})}, axis, {"centre": '{"loss": 0.5}'})
    >>> for row in comparison_rows([one, one.assign_attrs(centre="{}")]):
    ...     print(row.title, *row.cells, sep=" | ")
    Loss (nats) | 0.5 | –
    Loss in the plane (nats) | 0.5 to 3 | 0.5 to 3
    """
    told: list[tuple[Said, Said, Said]] = [
        (_always("Parameters"), _always(""), _parameters),
        (_always("Loss"), _loss_unit, partial(_known, name="loss")),
        (_always("Test loss"), _loss_unit, partial(_known, name="test_loss")),
        (_always("Accuracy"), _always(""), partial(_share, name="accuracy")),
        (_always("Test accuracy"), _always(""), partial(_share, name="test_accuracy")),
        *((partial(_name, name=name), partial(_unit, name=name), partial(_at_centre, name=name)) for name in READOUTS),
        (_always("Loss in the plane"), _loss_unit, _range),
        (_always("Curvature in the plane"), _always(""), _held),
    ]
    rows = [row for title, unit, said in told for row in _rows(lands, title, unit, said)]
    return [row for row in rows if any(cell not in (NOTHING, NOT_MEASURED) for cell in row.cells)]


def _rows(lands: Sequence[xr.Dataset], title: Said, unit: Said, said: Said) -> list[ComparisonRow]:
    """A row; one for each definition and unit, as those numbers do not compare."""
    told = [said(land) for land in lands]
    headings = [
        "" if cell in (NOTHING, NOT_MEASURED) or not title(land) else _heading(title(land), unit(land))
        for land, cell in zip(lands, told, strict=True)
    ]
    return [
        ComparisonRow(
            each, tuple(cell if heading == each else NOTHING for cell, heading in zip(told, headings, strict=True))
        )
        for each in dict.fromkeys(filter(None, headings))
    ]


def _heading(title: str, unit: str) -> str:
    return f"{title} ({unit})" if unit else title


def scale_text(lands: Sequence[xr.Dataset], layer: Layer) -> str:
    """The one scale of a readout that all are drawn on: "Loss (nats), 0.1 to 5, logarithmic"."""
    title, scale = short_unit(title_of(lands[0], layer.variable)), layer.scale
    if scale.kind == "class":
        return title
    together = np.concatenate([land[layer.variable].values.ravel() for land in lands])
    low, high = (format_value(float(end)) for end in scale.invert(np.array(layer.reach or scale.limits(together))))
    spaced = {"log": ", logarithmic", "symlog": ", symmetric-logarithmic"}.get(scale.kind, "")
    return f"{title}, {low} to {high}{spaced}"


def _name(land: xr.Dataset, name: str) -> str:
    """A readout's name; empty where the landscape lacks it."""
    return name_of(land, name) if name in land else ""


def _unit(land: xr.Dataset, name: str) -> str:
    unit = str(land[name].attrs.get("units", "")) if name in land else ""
    return "" if unit in UNITLESS else short_unit(unit)


def _loss_unit(land: xr.Dataset) -> str:
    return _unit(land, "loss")


def _always(text: str) -> Said:
    return lambda land: text


def _parameters(land: xr.Dataset) -> str:
    count = land.lossnav.problem.get("parameters")
    return NOTHING if count is None else f"{count:,}"


def _known(land: xr.Dataset, name: str) -> str:
    value = (land.lossnav.centre or {}).get(name)
    return NOTHING if value is None else format_value(float(value))


def _share(land: xr.Dataset, name: str) -> str:
    value = (land.lossnav.centre or {}).get(name)
    return NOTHING if value is None else f"{format_value(100 * float(value))} %"


def _at_centre(land: xr.Dataset, name: str) -> str:
    """A readout at (0, 0) with its error; "≈" and linear between grid points where none is there."""
    if name not in land:
        return NOTHING
    axes = [land[d].values for d in ("alpha", "beta")]
    cell = [int(np.abs(axis).argmin()) for axis in axes]
    off = [abs(float(axis[k])) / max(float(np.ptp(axis)), TINY) for axis, k in zip(axes, cell, strict=True)]
    if max(off) <= AT:
        return value_text(land, name, (cell[0], cell[1]))
    if min(map(len, axes)) < 2:
        return NOTHING  # a slice beside the centre
    value = float(heights_at(land, Layer(name, Scale()), np.zeros(1), np.zeros(1))[0])
    return f"≈ {format_value(value)}" if math.isfinite(value) else NOTHING


def _range(land: xr.Dataset) -> str:
    values = land["loss"].values[np.isfinite(land["loss"].values)] if "loss" in land else np.empty(0)
    return " to ".join(format_value(float(end)) for end in (values.min(), values.max())) if values.size else NOTHING


def _held(land: xr.Dataset) -> str:
    """The share of the Hessian's trace that the plane holds, with its 95 % interval."""
    told = land.lossnav.fidelity or {}
    share, error = told.get("trace_share"), told.get("trace_share_se")
    if share is None or not math.isfinite(share):
        return NOTHING
    reach = f" ± {format_value(100 * student(PROBES) * error, 2)}" if error else ""
    return f"{format_value(100 * share, 2)}{reach} %"

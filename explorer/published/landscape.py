"""A landscape as a published page holds it: its numbers packed, its lines drawn beforehand, its words as text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from lossnav.core import PROPERTIES
from lossnav.core.plane.kinds import kind_stored

from ..figures.shared.arrows import arrows_of
from ..figures.shared.isolines import isolines
from ..figures.shared.picture import (
    Layer,
    arrows_in,
    axis_titles,
    drawn_values,
    gaps_mask,
    made_from,
    measured_mask,
    path_inside,
)
from ..figures.shared.scales import format_value
from ..figures.shared.walks import DrawnWalk, ends_of, own_loss
from ..figures.web.map2d import arrow_shapes
from ..summaries.adaptive import adaptive_text, readout_text
from ..summaries.constant import constant_sentences
from ..summaries.facts import estimation_text, facts
from ..summaries.film import frames
from ..summaries.forward import forward_sentences
from ..summaries.trust import sentences
from ..summaries.verdict import verdict
from .arrays import Pack

LEVELS = 9  # contour lines, as on the map
GAP = 65535  # between two lines; else a place is a whole number of 65,534ths of the span
NOT_THERE = "It is not in this landscape."


def packed(land: xr.Dataset, layers: Mapping[str, Layer], walks: Sequence[DrawnWalk] = ()) -> dict[str, Any]:
    """Everything of one landscape, as JSON holds it.

    walks  walks and other trainings drawn over it
    """
    pack = Pack()
    mine = {name: layer for name, layer in layers.items() if name in land}
    return {
        "name": land.lossnav.name or "landscape",
        "where": _where(land),
        "facts": facts(land),
        "axes": list(axis_titles(land)),
        "plane": made_from(land),
        "alpha": pack.add(land["alpha"].values),
        "beta": pack.add(land["beta"].values),
        "readouts": {name: _readout(land, layer, pack) for name, layer in mine.items()},
        "masks": {
            m: pack.add(land[m].values.astype("u1"))
            for m in sorted({mask(land, n) for n in mine for mask in (measured_mask, gaps_mask)} - {""})
        },
        "arrows": {name: arrow for name in arrows_in(land) if (arrow := _arrows(land, name, pack))},
        "path": _path(land, pack),
        "walks": {str(k): _walk(land, walk, pack) for k, walk in enumerate(walks)},
        "own_loss": format_value(loss) if walks and (loss := own_loss(land)) is not None else "",
        "unavailable": _unavailable(land),
        "remarks": _remarks(land),
        "trust": _trust(land),
        "verdict": verdict(land).as_json(),
        "made": _made(land),
        "data": pack.text(),  # last: all is in it
    }


def _where(land: xr.Dataset) -> str:
    """The plane's kind in words, to tell two landscapes of one network apart."""
    kind = kind_stored(land.lossnav.plane.get("kind", ""))
    return kind.title if kind else ""


def _readout(land: xr.Dataset, layer: Layer, pack: Pack) -> dict[str, Any]:
    variable = layer.variable
    values, shown = land[variable].values.astype(float), drawn_values(land, variable)
    error = f"{variable}_se"
    readout: dict[str, Any] = {
        "values": pack.add(values),
        "infinite": [_replaced(shown, values == end) for end in (-np.inf, np.inf)],
        "lines": pack.add(_lines(land, layer)),
        "mask": measured_mask(land, variable),
        "gaps": gaps_mask(land, variable),
        "said": readout_text(land, variable),
    }
    if error in land:
        readout |= {
            "se": pack.add(land[error].values.astype(float)),
            "interval": float(land[error].attrs.get("interval", 1.0)),
            "side": str(land[error].attrs.get("side", "both")),
            "se_says": str(land[error].attrs.get("long_name", "")),
        }
    return readout


def _replaced(shown: np.ndarray, there: np.ndarray) -> float | None:
    """The number drawn where a value is infinite and the loss is not; None where that does not occur."""
    drawn = shown[there & np.isfinite(shown)]
    return float(drawn[0]) if drawn.size else None


def _lines(land: xr.Dataset, layer: Layer) -> np.ndarray:
    """(n, 2) contour lines in whole numbers."""
    points = np.stack(isolines(land, layer, LEVELS), 1)
    ends = np.array([[land[d].values.min(), land[d].values.max()] for d in ("alpha", "beta")])
    places = (points - ends[:, 0]) / (ends[:, 1] - ends[:, 0]) * (GAP - 1)
    return np.where(np.isnan(places), GAP, np.clip(np.round(places), 0, GAP - 1)).astype("u2")


def _arrows(land: xr.Dataset, owner: str, pack: Pack) -> dict[str, Any] | None:
    arrows = arrows_of(land, owner)
    return None if arrows is None else {"label": arrows.label, "points": pack.add(arrow_shapes(arrows))}


def _path(land: xr.Dataset, pack: Pack) -> dict[str, Any] | None:
    path = path_inside(land)
    if path is None:
        return None
    names = ("alpha", "beta", "off_plane", "step")
    packed_path: dict[str, Any] = {short: pack.add(path[f"path_{short}"].values.astype(float)) for short in names}
    return packed_path | {"says": [frame.says for frame in frames(land)]}  # (name, value) at each checkpoint


def _walk(land: xr.Dataset, walk: DrawnWalk, pack: Pack) -> dict[str, Any]:
    alpha, beta = map(pack.add, walk.inside(ends_of(land)))
    loss = format_value(walk.loss[-1])
    return {
        "name": walk.name,
        "color": walk.color,
        "place": {"alpha": alpha, "beta": beta},
        "says": [text.split("<br>") for text in walk.texts],
        "loss": loss,
        "ends": f"its own loss {walk.losses}, its end {format_value(walk.off[-1])} off the plane",
    }


def _unavailable(land: xr.Dataset) -> dict[str, str]:
    told = land.lossnav.unavailable
    return {
        r.variable: told.get(r.variable, NOT_THERE) for o in PROPERTIES for r in o.readouts if r.variable not in land
    }


def _remarks(land: xr.Dataset) -> dict[str, str]:
    given = land.lossnav.facts
    return {owner.name: said for owner in PROPERTIES if (said := owner.remark(given.get(owner.name, {})))}


def _trust(land: xr.Dataset) -> list[str]:
    found = land.lossnav.fidelity
    return [*(sentences(land, found) if found else []), *forward_sentences(land), *constant_sentences(land)]


def _made(land: xr.Dataset) -> list[tuple[str, str]]:
    """How it was measured, with what and when, as rows of two texts."""
    problem = land.lossnav.problem
    rows = [("Measured points", adaptive_text(land)), ("Around each point", estimation_text(land))]
    rows += [("Grid", f"{land.sizes['alpha']} × {land.sizes['beta']}"), ("Plane", _plain(made_from(land)))]
    rows += [("Network", _plain({k: v for k, v in problem.items() if v is not None}))] if problem else []
    rows += [("Computed", _plain(land.lossnav.spec))] if land.lossnav.spec else []
    rows += [(f"Run {k}", _plain(run)) for k, run in enumerate(land.lossnav.provenance or (), 1)]
    return [(name, text) for name, text in rows if text]


def _plain(said: Mapping[str, Any]) -> str:
    """`name value` pairs; what is nested as JSON has it."""
    return " · ".join(f"{k} {v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)}" for k, v in said.items())

"""Whether the parts of a store mean something together: whole chunks and valid JSON can still say what no survey says.

Digests vouch for what was written; stores from before there were any, and files that somebody made, have nothing but this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from ..checks import first_line
from ..properties.protocol import STAGES
from .grid import GridPlan
from .info import LandscapeInfo
from .landscape import landscape_as_measured
from .points import MeasuredPoints

SHARE_ROUNDING = 1e-6  # by which a share may pass 1


def what_is_wrong_with_points(points: MeasuredPoints) -> str | None:
    """What no survey writes, in words; None where there is nothing.

    Its size does not matter to what it costs: the arrays are looked at once, and readouts are derived at one point for trial.
    """
    return next(_faults(points), None)


def _faults(points: MeasuredPoints) -> Iterator[str]:
    for check in (_names, _arrays, _grid, _about, _impossible_numbers, _at_one_point):
        yield from check(points)


def _names(points: MeasuredPoints) -> Iterator[str]:
    lists = {"columns": points.columns, "stages": points.stages, "overlays": points.overlays}
    for what, names in lists.items():
        if not all(isinstance(name, str) for name in names):
            yield f"its {what} should be names"
            return
    if len(set(points.columns)) != len(points.columns) or len(points.stages) != len(points.columns):
        yield "its columns should have names that differ, and a stage each"
    elif not set(points.stages) <= set(STAGES):
        yield f"its stages should be of {', '.join(STAGES)}"


def _arrays(points: MeasuredPoints) -> Iterator[str]:
    if points.values.dtype.kind != "f" or points.values.shape[1] < len(points.columns):
        yield "its values should be fractions, with a column for each name"
    if points.done.dtype.kind != "b" or points.done.shape[1] != len(STAGES):
        yield f"its marks should be true or false for each of {len(STAGES)} stages"


def _grid(points: MeasuredPoints) -> Iterator[str]:
    plan = points.plan
    for name, axis in (("alpha", plan.alpha), ("beta", plan.beta)):
        if axis.dtype.kind not in "iuf" or not (np.diff(axis.astype(float)) > 0).all():
            yield f"its coordinate '{name}' should rise from each number to the next"
    if plan.cells.dtype.kind not in "iu" or plan.levels.dtype.kind not in "iu" or (plan.levels < 1).any():
        yield "its points should have whole numbers, and levels of 1 or more"
    elif np.bincount(plan.cells[:, 0].astype(int) * len(plan.beta) + plan.cells[:, 1].astype(int)).max() > 1:
        yield "a point of its grid comes twice"


def _about(points: MeasuredPoints) -> Iterator[str]:
    for field in fields(LandscapeInfo):
        value = getattr(points.info, field.name)
        if not (value is None and field.default is None) and not KINDS[field.name](value):
            yield f"what it says under '{field.name}' cannot be read"


def _impossible_numbers(points: MeasuredPoints) -> Iterator[str]:
    for i, (name, stage) in enumerate(zip(points.columns, points.stages, strict=True)):
        column = points.values[points.done_at(stage), i]
        if name.endswith("_se") and (column < 0).any():
            yield f"its '{name}', an error, should not be negative"
        if name == "accuracy" and ((column < 0) | (column > 1 + SHARE_ROUNDING)).any():
            yield "its 'accuracy', a share, should be from 0 to 1"


def _at_one_point(points: MeasuredPoints) -> Iterator[str]:
    """What readouts are derived from has to lead to them."""
    plan = points.plan
    one = GridPlan(plan.alpha[:1], plan.beta[:1], np.zeros((1, 2), int), plan.levels[:1])
    try:
        landscape_as_measured(replace(points, plan=one, values=points.values[:1], done=points.done[:1]))
    except Exception as error:  # whatever is not as it was written
        yield f"no readout can be derived from what it says ({type(error).__name__}: {first_line(error)})"


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


def _maps_to(kind: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: _is_mapping(value) and all(kind(each) for each in value.values())


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_number_or_nothing(value: object) -> bool:
    return value is None or _is_number(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_problem(value: object) -> bool:
    if not isinstance(value, Mapping) or not _is_mapping(value):
        return False
    counts = [value[name] for name in ("parameters", "examples", "predictions") if name in value]
    return all(isinstance(each, int) and 0 <= each < 2**63 for each in counts)


def _is_plane(value: object) -> bool:
    if not isinstance(value, Mapping) or not _is_mapping(value):
        return False
    gram = value.get("gram")
    rows = gram if isinstance(gram, list) and len(gram) == 2 else []
    square = len(rows) == 2 and all(
        isinstance(row, list) and len(row) == 2 and all(map(_is_number, row)) for row in rows
    )
    lengths_hold = square and all(np.isfinite(rows).ravel()) and rows[0][0] >= 0 and rows[1][1] >= 0
    return lengths_hold and _is_text(value.get("kind")) and _is_number_or_nothing(value.get("cosine"))


def _is_estimation(value: object) -> bool:
    return _is_mapping(value) and all(map(_is_text, [value[n] for n in ("of", "coordinates") if n in value]))  # type: ignore[index,operator]


def _are_texts(value: object) -> bool:
    return isinstance(value, tuple) and all(map(_is_text, value))


def _are_mappings(value: object) -> bool:
    return isinstance(value, tuple) and all(map(_is_mapping, value))


KINDS: dict[str, Callable[[Any], bool]] = {
    "name": _is_text,
    "problem": _is_problem,
    "plane": _is_plane,
    "facts": _maps_to(_is_mapping),
    "unavailable": _maps_to(_is_text),
    "spec": _is_mapping,
    "estimation": _is_estimation,
    "every": _is_count,
    "tolerance": lambda value: True,  # made by its class, which says what is wrong
    "centre": _maps_to(_is_number_or_nothing),
    "refined": _maps_to(_is_mapping),
    "glance": _is_mapping,
    "failed": _are_texts,
    "descents": _maps_to(_is_number_or_nothing),
    "fidelity": _is_mapping,
    "provenance": _are_mappings,
    "later": _maps_to(_is_mapping),
}

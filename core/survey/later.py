"""Readouts that a stored survey does not have yet: derived where they follow from what is stored, measured where they do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ..local.estimation import IN_PARAMETERS
from ..parameters.hashing import digest
from ..properties import OWNERS, READOUTS, Settings
from ..properties.protocol import STAGES, Need, Owner, Readout
from ..properties.registry import owner_of
from ..properties.selection import variables_of
from .info import Json, LandscapeInfo
from .landscape import known_at

if TYPE_CHECKING:
    from .points import MeasuredPoints

NOT_YET = "It is not measured yet: have the survey go on."
GROWING = ("overlays", "columns", "estimation")  # of a survey's specification: what may become more


class NotStored(KeyError):
    """A column or a fact that a stored survey does not hold."""


class _Stored(dict[str, Any]):
    def __missing__(self, name: str) -> NoReturn:
        raise NotStored(name)


def with_overlays(points: MeasuredPoints, overlays: Sequence[str]) -> MeasuredPoints:
    """`points` with the readouts that names mean: those that follow from what is stored, and for the rest the reason why not.

    What a network allows is known without it as far as other stored readouts need the same.

    overlays  as in `wanted`

    Raises
    ------
    InputError  an unknown name
    """
    stored = {*points.overlays, *points.info.unavailable}
    new = [variable for variable in variables_of(overlays) if variable not in stored]
    if not new:
        return points
    reasons = {variable: why for variable in new if (why := _why_not(points, READOUTS[variable]))}
    derived = tuple(variable for variable in new if variable not in reasons)
    info = replace(points.info, unavailable={**points.info.unavailable, **reasons})
    return replace(points, overlays=(*points.overlays, *derived), info=info)


def unmeasured(points: MeasuredPoints) -> list[str]:
    """The readouts that measuring on would bring."""
    return [variable for variable, why in points.info.unavailable.items() if why == NOT_YET]


def _why_not(points: MeasuredPoints, readout: Readout) -> str | None:
    """Why a readout cannot be derived from what is stored, in one sentence; None where it can."""
    for need in readout.needs:
        if not _is_met(need, points.overlays):
            return _refusal(need, points)
    owner, known = owner_of(readout.variable), known_at(points)
    facts = _Stored({**{each.name: {} for each in OWNERS if _has_no_facts(each)}, **known.facts})
    try:
        values = owner.values(replace(known, columns=_Stored(known.columns), facts=facts), Settings())
    except NotStored:
        return NOT_YET
    return None if readout.variable in values else NOT_YET


def _has_no_facts(owner: Owner) -> bool:
    return type(owner).facts is Owner.facts


def _is_met(need: Need, variables: Iterable[str]) -> bool:
    return any(need in READOUTS[variable].needs for variable in variables if variable in READOUTS)


def _refusal(need: Need, points: MeasuredPoints) -> str:
    """The reason of a stored readout that lacks this need and no other."""
    failed = points.info.failed or ()
    for variable, why in points.info.unavailable.items():
        readout = READOUTS.get(variable)
        if readout is None or need not in readout.needs or readout.stage in failed:
            continue
        if all(_is_met(other, points.overlays) for other in readout.needs if other is not need):
            return why
    return NOT_YET


def grows(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether a specification asks for everything that a stored one did, in the same way, and for more readouts."""
    fixed = [{k: v for k, v in spec.items() if k not in GROWING} for spec in (stored, asked)]
    if digest(fixed[0]) != digest(fixed[1]) or not set(stored["overlays"]) <= set(asked["overlays"]):
        return False
    if stored["estimation"] is not None and digest(stored["estimation"]) != digest(asked["estimation"]):
        return False
    columns = asked["columns"]
    return all(set(names) <= set(columns.get(stage, ())) for stage, names in stored["columns"].items())


def other_coordinates(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> str | None:
    """The remedy where only the coordinates of its curvature keep a survey from going on; None otherwise."""
    before, now = stored["estimation"], asked["estimation"]
    if not before or not now:
        return None
    was, wanted = (about.get("coordinates", IN_PARAMETERS) for about in (before, now))
    if was == wanted or not grows(stored, {**asked, "estimation": before}):
        return None
    return (
        f"holds curvature in other coordinates ({was}, not {wanted}): go on with --coordinates {was}, "
        f"Estimation(coordinates='{was}'), or choose another place."
    )


def other_definitions(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> str | None:
    """The remedy where a stored survey holds numbers that are no longer measured, as their readouts are defined otherwise now;
    None where it does not."""
    fixed = [{k: v for k, v in spec.items() if k not in GROWING} for spec in (stored, asked)]
    if digest(fixed[0]) != digest(fixed[1]) or not set(stored["overlays"]) <= set(asked["overlays"]):
        return None
    columns = asked["columns"]
    gone = [name for stage, names in stored["columns"].items() for name in names if name not in columns.get(stage, ())]
    if not gone:
        return None
    return (
        f"was measured by an earlier version, and some of its readouts are defined otherwise now (by {gone[0]!r} then): it can be "
        "read and drawn as it is, but a survey cannot go on with it. Choose another place, or measure it anew with --overwrite."
    )


def grown(stored: MeasuredPoints, fresh: MeasuredPoints) -> MeasuredPoints:
    """The stored points with the readouts of `fresh`: columns that are new, to be filled in where their stage is measured already."""
    stage_of = dict(zip(fresh.columns, fresh.stages, strict=True))
    new = [column for column in fresh.columns if column not in stored.columns]
    empty = np.full((len(stored.values), len(new)), np.nan, stored.values.dtype)
    return replace(
        stored,
        columns=(*stored.columns, *new),
        stages=(*stored.stages, *(stage_of[column] for column in new)),
        values=np.column_stack([stored.values, empty]),
        overlays=fresh.overlays,
        info=_grown_info(stored, fresh, {s: [c for c in new if stage_of[c] == s] for s in STAGES}),
    )


def _grown_info(stored: MeasuredPoints, fresh: MeasuredPoints, new: dict[str, list[str]]) -> LandscapeInfo:
    """The stored metadata, grown; a stage that this network could not take is tried again with the new columns."""
    before, now = stored.info, fresh.info
    reasons = {v: why for v, why in before.unavailable.items() if v not in fresh.overlays}
    return replace(
        before,
        facts=_with_new(before.facts, now.facts),
        unavailable={**now.unavailable, **reasons},
        estimation=before.estimation or now.estimation,
        every=before.every or now.every,
        descents=None if new["descent"] else before.descents,
        later=_left(stored, new),
        glance=None,
        failed=None,
    )


def _with_new(stored: Mapping[str, Any], fresh: Mapping[str, Any]) -> dict[str, Any]:
    """The stored metadata, with entries that only `fresh` has, at every depth.

    >>> _with_new({"terrain": {"metrics": {"names": ["f1"]}}}, {"terrain": {"metrics": {"names": [], "second": True}}})
    {'terrain': {'metrics': {'names': ['f1'], 'second': True}}}
    """
    both = {name for name in stored if isinstance(stored[name], Mapping) and isinstance(fresh.get(name), Mapping)}
    return {**fresh, **stored, **{name: _with_new(stored[name], fresh[name]) for name in both}}


def _left(stored: MeasuredPoints, new: dict[str, list[str]]) -> Mapping[str, Json] | None:
    """Stage → its columns that are to be filled in, where anything of it is measured; what is half filled in begins anew."""
    before = stored.info.later or {}
    columns = {stage: [*before.get(stage, {}).get("columns", []), *names] for stage, names in new.items()}
    measured = {stage: int(stored.done_at(stage).sum()) for stage in STAGES}
    left = {s: {"columns": columns[s], "filled": 0, "of": measured[s]} for s in STAGES if columns[s] and measured[s]}
    return left or None

"""What a survey had to do without, written down with its reason: readouts a network does not stand, ways that it does not run in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..checks import first_line
from ..local.evaluator import LocalEvaluator
from ..properties.selection import reading, waiting_for
from .landscape import landscape_as_measured
from .points import MeasuredPoints


def note(points: MeasuredPoints, **more: object) -> None:
    """Change what is known of the survey as a whole."""
    points.info = replace(points.info, **more)  # type: ignore[arg-type]


def note_unfit(points: MeasuredPoints, variables: Sequence[str], error: Exception) -> None:
    """The reason why readouts are missing: the network does not stand what they need."""
    sentence = f"This network could not be measured around a point ({first_line(error)})."
    note(points, unavailable={**points.info.unavailable, **dict.fromkeys(variables, sentence)})


def note_failed(points: MeasuredPoints, stage: str, error: Exception) -> None:
    """A whole stage is given up."""
    note(points, failed=(*(points.info.failed or ()), stage))
    note_unfit(points, waiting_for(stage, points.overlays), error)


def note_hopeless(points: MeasuredPoints, evaluator: LocalEvaluator) -> bool:
    """Of readouts that never worked, why; what belongs to the same stage stays. Whether any of them is new."""
    before = points.info.unavailable
    for columns, why in evaluator.hopeless.items():
        new = [v for v in reading(columns, points.overlays) if v not in points.info.unavailable]
        if new:
            note_unfit(points, new, RuntimeError(why))
    return points.info.unavailable != before


def note_fallbacks(points: MeasuredPoints, sentences: Sequence[str]) -> None:
    """Each, once: the network does not run as it was chosen."""
    spec = points.info.spec or {}
    known = spec.get("fallbacks", [])
    if new := [sentence for sentence in sentences if sentence not in known]:
        note(points, spec={**spec, "fallbacks": [*known, *new]})


def note_failures(points: MeasuredPoints, failures: Mapping[str, str]) -> bool:
    """Of readouts of whole outputs that have no number at some points, why, each once; whether any of them is new."""
    spec = points.info.spec or {}
    known = spec.get("failures", {})
    if failures.keys() <= known.keys():
        return False
    note(points, spec={**spec, "failures": {**failures, **known}})
    return True


def note_nowhere(points: MeasuredPoints) -> None:
    """Of readouts that failed, and have a number at no point now that the survey is complete, why they are left out."""
    failures = (points.info.spec or {}).get("failures", {})
    if failures:
        land = landscape_as_measured(points)
        gone = [name for name in failures if name in land and bool(land[name].isnull().all())]
        said = {name: f"The metric '{name}' has no number at any point ({failures[name]})." for name in gone}
        note(points, unavailable={**points.info.unavailable, **said})

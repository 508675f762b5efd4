"""What a survey had to do without, written down with its reason: readouts a network does not stand, ways that it does not run in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..checks import first_line
from ..local.evaluator import LocalEvaluator
from ..properties.selection import reading, waiting_for
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

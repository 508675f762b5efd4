"""How a survey runs its network: as its stored points were, or the fastest way for those to come; written down with it."""

from __future__ import annotations

import numpy as np

from ..engine.evaluator import Evaluator
from ..properties.protocol import STAGES
from .left_out import note, note_failures, note_fallbacks
from .points import MeasuredPoints


def choose_way(points: MeasuredPoints, forward: Evaluator) -> None:
    """Run the network the way that the points measured so far were, or the fastest where there are none yet."""
    spec, done = points.info.spec or {}, points.done_at(STAGES[0])
    if "way" in spec:
        forward.settle(spec.get("precision"))
        forward.pin(spec["way"])
    elif not done.any():
        forward.tune(points.plan.points, points.planned_at(STAGES[0]))
        choice, error = forward.choice, forward.precision_error
        execution = {
            "way": forward.way,
            "precision": forward.precision,
            **({} if choice is None else {"precision_choice": choice.as_json()}),
            **({} if error is None else {"precision_error": error}),
        }
        note(points, spec={**spec, **execution})


def choose_again(points: MeasuredPoints, forward: Evaluator, rows: np.ndarray) -> bool:
    """Before `rows` of the plan, where no way was chosen yet as few points were to come; whether it is another one now."""
    before = forward.way
    forward.tune(points.plan.points[rows])
    if forward.way == before:
        return False
    note(points, spec={**(points.info.spec or {}), "way": forward.way})
    return True


def note_turns(points: MeasuredPoints, forward: Evaluator) -> bool:
    """Note, once, that the network runs no longer as it was chosen, so that a survey that goes on runs the same, and what has no
    number somewhere, with its reason; whether there was anything to note."""
    failed, fallbacks = note_failures(points, forward.failures), list(forward.fallbacks)
    if fallbacks:
        note(points, spec={**(points.info.spec or {}), "way": forward.way})
        note_fallbacks(points, fallbacks)
        forward.fallbacks.clear()
    return failed or bool(fallbacks)

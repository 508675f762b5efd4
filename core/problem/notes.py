"""Remarks on a problem's parameters, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import number_types

if TYPE_CHECKING:
    from .problem import Problem


def parameter_notes(problem: Problem) -> tuple[str, ...]:
    """The numbers that are computed in, which parameters the landscape is over, and the weight decay."""
    notes = [*number_types.said(problem.parameters.values(), problem.dtype)]
    if problem.selection is not None:
        count, every = problem.parameter_count, sum(p.numel() for p in problem.trainable_parameters.values())
        notes.append(f"The landscape is over {count:,} of {every:,} trainable parameters; the others stay as they are.")
    if problem.weight_decay:
        notes.append(f"The loss includes ½ λ ‖θ‖² with λ = {problem.weight_decay:g}.")
    return tuple(notes)

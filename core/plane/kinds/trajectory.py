"""The two leading principal components of the training path (Li et al. 2018 §7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...checks import InputError
from ...problem.problem import Problem
from .. import directions
from ..plane import Plane, moving_parameters, span_around
from .protocol import Axes, Axis, PlaneKind


def trajectory_plane(problem: Problem) -> Plane:
    """See `Plane.trajectory`."""
    if problem.trajectory is None:
        raise InputError(f"'{problem.name}' has no training trajectory: give Problem(…, trajectory=Trajectory(…)).")
    first, second, explained = directions.principal_components(problem.trajectory)
    plane = Plane.around(moving_parameters(problem), first, second, "trajectory", {})
    path = plane.project_path(problem.trajectory)[:, :2]
    return replace(plane, explained=explained, span=span_around(path))


def _axes(facts: Mapping[str, Any]) -> Axes:
    first, second = facts.get("explained") or (None, None)
    return Axis("PC 1", first), Axis("PC 2", second)


TRAJECTORY = PlaneKind(
    "trajectory",
    "Training path (PCA)",
    "The two principal components of the training path.",
    Plane.trajectory,
    axes=_axes,
    checkpoints=1,
    turns_live=True,
    source="Li et al. 2018",
)

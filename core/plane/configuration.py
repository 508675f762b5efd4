"""Configurations: whatever names one point of parameter space — tensors by name, a model, or a problem."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from ..checks import InputError, finite, matching
from ..parameters import vectors
from ..parameters.vectors import Vector
from ..problem.problem import Problem
from ..problem.trajectory import STATISTICS

Configuration = Mapping[str, Tensor] | nn.Module | Problem

# a state dict may bring its buffers along; statistics are no directions (Li et al. 2018 leave them where they are)
COUNTED = (*STATISTICS, "num_batches_tracked")


def tensors_of(thing: Configuration) -> Vector:
    """The parameters of a configuration, name → tensor, not copied."""
    if isinstance(thing, Problem):
        return thing.parameters
    if isinstance(thing, nn.Module):
        return {k: p.detach() for k, p in thing.named_parameters() if p.requires_grad}
    moving = ((k, v) for k, v in thing.items() if v.is_floating_point() or v.is_complex())
    return {k: v.detach() for k, v in moving if not k.endswith(COUNTED)}


def differences(first: Configuration, *others: Configuration) -> tuple[Vector, ...]:
    """The first configuration, and each of the others less it in float64.

    Raises
    ------
    InputError  nothing in the first; names or shapes that differ; numbers that are not finite

    >>> import torch
    >>> differences({"w": torch.ones(2)}, {"w": torch.tensor([1.0, 3.0])})[1]["w"].tolist()
    [0.0, 2.0]
    """
    origin = tensors_of(first)
    if not origin:
        raise InputError("The first configuration holds no parameters: pass dicts name → tensor, models or problems.")
    finite(origin, "Parameter")
    gaps = []
    for other in others:
        point = tensors_of(other)
        matching(point, origin, "A configuration")
        finite(point, "Parameter")
        gaps.append(vectors.subtract({k: point[k] for k in origin}, origin))
    return (origin, *gaps)

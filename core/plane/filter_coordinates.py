"""Filter-normalised coordinates: every parameter in units of the length of its filter, as `Plane.random` measures its directions.

Li et al. (2018, §4) draw a terrain in these units, so that rescaling layers of a ReLU network leaves it as it is. Curvature in
the same units, T H T with T the lengths, is then left as it is too (Dinh et al. 2017 for what it is not; Kwon et al. 2021).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..parameters import vectors
from ..parameters.vectors import Vector
from ..problem.problem import Problem
from .filters import filter_of, filters_of

COORDINATES = ("filter", "parameters")


def filter_lengths(problem: Problem, origin: Mapping[str, Tensor]) -> Vector:
    """The length of its filter for every parameter, name → tensor of the parameter's shape.

    origin  θ₀, name → tensor, of which the lengths are

    A bias, or what belongs to a normalisation, is one filter. A filter of zeros has no length: there a step in these
    coordinates moves nothing; where all are zeros, as of a formula around 0, each parameter is its own unit. Of complex weights both parts have the length of the moduli.

    >>> from torch import nn
    >>> model = nn.Linear(2, 2)
    >>> problem = Problem(model, torch.zeros(1, 2), torch.tensor([0]))
    >>> theta = {"weight": torch.tensor([[3.0, 4.0], [0.0, 1.0]]), "bias": torch.tensor([0.0, 2.0])}
    >>> {name: lengths.tolist() for name, lengths in filter_lengths(problem, theta).items()}
    {'weight': [[5.0, 5.0], [1.0, 1.0]], 'bias': [2.0, 2.0]}
    """
    cuts = filters_of(problem.model)
    per_parameter = {}
    for name, theta in origin.items():
        wide = vectors.wide(theta)
        lengths = (
            cuts.get(name, filter_of(theta)).lengths(wide.abs() if wide.is_complex() else wide).expand(theta.shape)
        )
        per_parameter[name] = torch.complex(lengths, lengths) if theta.is_complex() else lengths
    if not any(bool(lengths.any()) for lengths in per_parameter.values()):
        return {name: torch.ones_like(v) * (1 + 1j if v.is_complex() else 1) for name, v in per_parameter.items()}
    return per_parameter

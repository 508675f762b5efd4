"""Parameter vectors kept as dicts of tensors, one per parameter: the few operations that planes need.

Sums run in float64 whatever the tensors' own precision: a dot product over millions of float32 terms
would otherwise lose the digits that projections depend on.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

Vector = dict[str, Tensor]


def dot(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    """Inner product over the names of `a`, summed in float64.

    >>> dot({"w": torch.tensor([1.0, 2.0])}, {"w": torch.tensor([3.0, 4.0])})
    11.0
    """
    return sum(float(torch.dot(a[k].double().flatten(), b[k].to(a[k].device).double().flatten())) for k in a)


def norm(a: Mapping[str, Tensor]) -> float:
    """Euclidean length of the whole vector."""
    return dot(a, a) ** 0.5


def combine(*terms: tuple[float, Mapping[str, Tensor]]) -> Vector:
    """Sum of scaled vectors, in the precision and on the device of the first.

    >>> combine((2.0, {"w": torch.ones(2)}), (-1.0, {"w": torch.ones(2)}))
    {'w': tensor([1., 1.])}
    """
    first = terms[0][1]
    total = {k: terms[0][0] * v for k, v in first.items()}
    for scale, vector in terms[1:]:
        for k, v in total.items():
            total[k] = v + scale * vector[k].to(v)
    return total


def subtract(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> Vector:
    """a − b, computed in float64 so that nearby vectors keep their difference."""
    return {k: v.double() - b[k].to(v.device).double() for k, v in a.items()}


def zeros_like(a: Mapping[str, Tensor]) -> Vector:
    """A vector of zeros with the names, shapes, precision and device of `a`."""
    return {k: torch.zeros_like(v) for k, v in a.items()}


def cast(a: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> Vector:
    """`a` in the precision and on the device of `like`, restricted to the names of `like`."""
    return {k: a[k].detach().to(v) for k, v in like.items()}

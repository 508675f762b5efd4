"""A sum of weighted squares of parameters on a plane: exactly quadratic in (α, β), so six numbers give it everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..parameters import vectors

if TYPE_CHECKING:
    from .plane import Plane

Quadratic = tuple[float, float, float, float, float, float]


def plane_quadratic(
    plane: Plane, centre: Mapping[str, Tensor] | None, weights: Mapping[str, Tensor] | None
) -> Quadratic:
    """Coefficients (c₀, c_α, c_β, c_αα, c_αβ, c_ββ) of Σ_i w_i (θ_i(α, β) − centre_i)² on a plane.

    centre None is 0, weights None are 1; sums in float64.
    """
    sums = [0.0] * 6
    for piece in vectors.pieces(plane.origin):
        theta, d1, d2 = (vectors.part(v, piece) for v in (plane.origin, *plane.directions))
        theta = vectors.wide(theta)
        gap = theta if centre is None else theta - vectors.wide(vectors.part(centre, piece).to(theta.device))
        weight = None if weights is None else vectors.part(weights, piece).to(theta.device).double()
        pairs = ((gap, gap), (gap, d1), (gap, d2), (d1, d1), (d1, d2), (d2, d2))
        sums = [total + _weighted(weight, a, b) for total, (a, b) in zip(sums, pairs, strict=True)]
    return (sums[0], 2 * sums[1], 2 * sums[2], sums[3], 2 * sums[4], sums[5])


def _weighted(weight: Tensor | None, a: Tensor, b: Tensor) -> float:
    if weight is None:
        return vectors.piece_dot(a, b)
    a, b = vectors.wide(a), vectors.wide(b)
    return float(torch.sum(weight * ((a * b.conj()).real if a.is_complex() else a * b)))


def quadratic_values(c: Quadratic, alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """The quadratic at points (m,); never below zero by rounding."""
    return np.maximum(c[0] + c[1] * alpha + c[2] * beta + c[3] * alpha**2 + c[4] * alpha * beta + c[5] * beta**2, 0.0)


def quadratic_slopes(c: Quadratic, alpha: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Its derivatives in α and β at points (m,)."""
    return c[1] + 2 * c[3] * alpha + c[4] * beta, c[2] + c[4] * alpha + 2 * c[5] * beta

"""Trace of the Hessian by Hutchinson's estimator, with its standard error."""

from __future__ import annotations

import torch

from ..curvature.loss_function import LossFunction
from .estimate import Estimate


def hessian_trace(function: LossFunction, probes: int = 16, seed: int = 0) -> Estimate:
    """tr H = E[vᵀHv] over Rademacher probes v; the standard error is that of the mean of `probes` draws."""
    generator = torch.Generator().manual_seed(seed)
    size = function.point.numel()
    draws = torch.randint(0, 2, (probes, size), generator=generator, dtype=torch.int8).mul(2).sub(1)
    rows = draws.to(function.point) * function.layout.occupied(function.point)
    values = (rows * function.hessian_products(rows)).double().sum(1)
    return Estimate(float(values.mean()), float(values.std() / probes**0.5))

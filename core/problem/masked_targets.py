"""Targets that are not numbers, as a missing label is written: taken where the loss is one's own and leaves them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..checks import finite
from .likelihoods.custom import Custom
from .trial import passes, undrawn

if TYPE_CHECKING:
    from .problem import Problem

TRIED = 8  # examples with missing labels, and as many without
REMEDY = "leave those examples out, or mend them; a function (outputs, targets) may leave out what is missing"


def check_targets(problem: Problem) -> None:
    """Raise InputError where targets are not finite and the loss is not one's own, which may leave them out."""
    if not isinstance(problem.likelihood, Custom):
        finite({"values": problem.targets}, "Target", REMEDY)


def require_left_out(problem: Problem) -> None:
    """Raise InputError where examples with missing labels have no finite loss."""
    missing = _missing(problem.targets)
    if not isinstance(problem.likelihood, Custom) or not bool(missing.any()):
        return
    rows = torch.cat([missing.nonzero()[:TRIED, 0], (~missing).nonzero()[:TRIED, 0]])
    if not bool(torch.isfinite(_losses(problem.subset(rows))).all()):
        finite({"values": problem.targets}, "Target", REMEDY)


def _missing(targets: Tensor) -> Tensor:
    """(n,) bool: which examples have a target that is not finite."""
    if not targets.is_floating_point():
        return torch.zeros(len(targets), dtype=torch.bool)
    return ~torch.isfinite(targets).flatten(1).all(1) if targets.ndim > 1 else ~torch.isfinite(targets)


def _losses(part: Problem) -> Tensor:
    model = part.working_copy()
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    args = [t.to(device, copy=True) for t in part.args]
    kwargs, targets = {k: t.to(device, copy=True) for k, t in part.kwargs.items()}, part.targets.to(device)
    with passes(part.differentiates), undrawn():
        return part.likelihood.losses(*part.likelihood.flatten(part.adapted(model)(*args, **kwargs), targets)).detach()

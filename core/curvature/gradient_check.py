"""Is the gradient the slope of the loss that is drawn? Held against a central difference of the loss, once for a problem.

Where a part of the network is detached, computed under no_grad or passed straight through a rounding, training follows a gradient
that is not the loss's own; slope and curvature are then those of what training follows, not of the map.
"""

from __future__ import annotations

import torch

from ..checks import UNFIT
from ..problem.kept_trials import keeps
from ..problem.problem import Problem
from .differences import step
from .second_derivatives import directions, trial_function

SHARES = (1e-5, 1e-6, 1e-4)  # of θ's length, of the steps tried
AGREE = 1e-2
FELT = 1e-6  # of ‖∇L‖ ‖v‖, below which a slope along v is none


keeps("gradient_miss", float, float)


def gradient_miss(problem: Problem) -> float:
    """The smallest |ΔL − ∇L·v| over a few steps along a random v, relative to the larger; 0 where it cannot be tried in float64.

    >>> from torch import nn
    >>> class Cut(nn.Linear):
    ...     def forward(self, x):
    ...         z = super().forward(x)
    ...         return z + (z**2).detach()
    >>> x, y = torch.eye(2), torch.tensor([0, 1])
    >>> gradient_miss(Problem(nn.Linear(2, 3), x, y)) < 1e-5, gradient_miss(Problem(Cut(2, 3), x, y)) > AGREE
    (True, True)
    """
    if "gradient_miss" not in problem.trials:
        try:
            problem.trials["gradient_miss"] = _tested(problem)
        except UNFIT:
            problem.trials["gradient_miss"] = 0.0
    found: float = problem.trials["gradient_miss"]
    return found


def _tested(problem: Problem) -> float:
    function = trial_function(problem)
    if function.workspace.dtype != torch.float64:
        return 0.0
    here, v = function.gradient(), directions(function)[0].to(function.point)
    along, least, misses = float(here @ v), FELT * float(here.norm() * v.norm()), []
    for share in SHARES:
        h = step(function.point, v, share)
        ahead, behind = (function.loss(function.point + sign * h * v) for sign in (1, -1))
        drawn = (ahead - behind) / (2 * h)
        misses.append(abs(drawn - along) / max(abs(drawn), abs(along), least, 1e-12))
    return min(misses)

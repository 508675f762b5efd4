"""Parameters that the loss does not feel: without a gradient on the examples tried, or all zero."""

from __future__ import annotations

from ..checks import UNFIT
from ..problem.problem import Problem
from .second_derivatives import trial_function


def idle_parameters(problem: Problem) -> list[str]:
    """Names of trainable tensors whose gradient beside θ₀ is zero in every entry, on a few examples; empty where all have one.

    >>> import torch
    >>> from torch import nn
    >>> class Half(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.used, self.spare = nn.Linear(2, 3), nn.Linear(2, 3, bias=False)
    ...     def forward(self, x):
    ...         return self.used(x)
    >>> idle_parameters(Problem(Half(), torch.eye(2), torch.tensor([0, 1])))
    ['spare.weight']
    """
    try:
        function = trial_function(problem)
        slope = function.gradient()
    except UNFIT:
        return []
    return [name for name, view in function.layout.views(slope).items() if view.numel() and not bool(view.any())]


def zero_tensors(problem: Problem) -> list[str]:
    """Names of trainable weight tensors that are zero in every entry, which filter-normalised directions leave still."""
    named = problem.parameters.items()
    return [name for name, tensor in named if tensor.ndim > 1 and tensor.numel() and not bool(tensor.any())]

"""Whether a copy of the network, or its loss, computes with parameters of the network that it was copied from.

A lambda in forward over the original, or a regulariser in the loss written over `model.parameters()`, holds on to that network
when it is copied: what it computes stays at θ₀ wherever the copy goes, and the landscape is wrong by it without a word.
"""

from __future__ import annotations

import torch

from ..machine.random_state import drawing_from
from ..problem.problem import Problem
from .workspace import Workspace


def borrowed_weights(part: Problem, device: torch.device) -> tuple[str, ...]:
    """Names of those parameters of the landscape whose originals the losses of a copy depend on; seen in autograd's graph.

    >>> from torch import nn
    >>> model, x, y = nn.Linear(2, 3), torch.eye(2), torch.tensor([0, 1])
    >>> ridge = lambda z, y: nn.functional.cross_entropy(z, y, reduction="none") + model.weight.square().sum()
    >>> borrowed_weights(Problem(model, x, y, ridge), torch.device("cpu"))
    ('weight',)
    """
    space = Workspace(part, device)
    parameters = {name: p for name, p in part.model.named_parameters() if name in part.parameters}
    with drawing_from(0, device), torch.inference_mode(False), torch.enable_grad():
        total = sum((space.losses(batch).sum() for batch in space.batches), torch.zeros(()))
        if not total.requires_grad:
            return ()
        reached = torch.autograd.grad(total, list(parameters.values()), allow_unused=True)
    return tuple(name for name, slope in zip(parameters, reached, strict=True) if slope is not None)

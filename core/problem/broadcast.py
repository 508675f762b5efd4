"""A loss of torch's between outputs and targets of different shapes: torch broadcasts them, here each row has its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from .resolve import as_module

BROADCASTING = (
    nn.MSELoss,
    nn.L1Loss,
    nn.HuberLoss,
    nn.SmoothL1Loss,
    nn.PoissonNLLLoss,
    nn.GaussianNLLLoss,
    nn.KLDivLoss,
    nn.HingeEmbeddingLoss,
)  # the others of torch's refuse what differs in shape
SAID = (
    "Outputs of shape {} and targets of shape {} are taken row by row, each output with its own target. A training loop that handed "
    "them to {} as they are had torch broadcast them, every output of a batch with every target of it, and minimised that other loss; "
    "it is Problem.from_loss(model, (inputs, targets), lambda m, b: criterion(m(b[0]), b[1]), batches=32), with the batches of the "
    "training."
)


def broadcast_note(loss: Any, outputs: Sequence[int] | None, targets: Sequence[int]) -> tuple[str, ...]:
    """A sentence where torch's own loss would pair other outputs and targets than those of one row.

    Parameters
    ----------
    loss              as it was given to the problem
    outputs, targets  their shapes, the outputs' for any number of rows; None: the loss is of no tensor

    >>> from torch.nn import functional as F
    >>> [len(broadcast_note(loss, (4, 1), (4,))) for loss in (F.mse_loss, "mse", nn.BCEWithLogitsLoss())]
    [1, 0, 0]
    >>> [len(broadcast_note(nn.L1Loss(), shape, (4, 2))) for shape in ((4, 2), (4, 2, 1))]  # torch takes no (4, 2, 1)
    [0, 0]
    """
    module = as_module(loss)
    if not outputs or not isinstance(module, BROADCASTING):
        return ()
    outputs = (targets[0], *outputs[1:])
    try:
        paired = torch.broadcast_shapes(outputs, tuple(targets))
    except RuntimeError:  # torch refuses it, so no training had it
        return ()
    if paired.numel() == torch.Size(targets).numel():
        return ()
    return (SAID.format(_text(outputs), _text(targets), type(module).__name__),)


def _text(shape: Sequence[int]) -> str:
    return str(("n", *shape[1:])).replace("'", "")

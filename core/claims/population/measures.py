"""The stored measures of each network of a population at a point, from its whole Hessian."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .data import Data
from .hessian import hessians
from .network import Shape, losses, outputs

AT_ONCE = 25  # Hessians in memory


def measured(shape: Shape, data: Data, theta: Tensor) -> dict[str, np.ndarray]:
    """Of networks θ (n, P); NaN where θ is.

    Returns
    -------
    loss          (n,) nats
    spectrum      (n, P) ascending eigenvalues of the Hessian, nats per squared parameter unit
    trace, norm   tr H, ‖H‖_F
    diagonal      the largest H_ii
    offdiagonal   ‖H − diag H‖² / ‖H‖²
    confidence    mean over the training examples of the largest probability
    """
    parts = [_part(shape, data, part) for part in theta.split(AT_ONCE)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _part(shape: Shape, data: Data, theta: Tensor) -> dict[str, np.ndarray]:
    there = theta.isfinite().all(1)
    usable = torch.where(there[:, None], theta, torch.zeros((), dtype=theta.dtype))
    matrices = hessians(shape, usable, data.inputs, data.targets)
    diagonal, squares = matrices.diagonal(dim1=1, dim2=2), matrices.square().sum((1, 2))
    found = {
        "loss": losses(shape, usable, data.inputs, data.targets),
        "spectrum": torch.linalg.eigvalsh(matrices),
        "trace": diagonal.sum(1),
        "norm": squares.sqrt(),
        "diagonal": diagonal.max(1).values,
        "offdiagonal": 1 - diagonal.square().sum(1) / squares,
        "confidence": outputs(shape, usable, data.inputs)[0].softmax(2).max(2).values.mean(1),
    }
    for values in found.values():
        values[~there] = torch.nan
    return {name: values.numpy() for name, values in found.items()}

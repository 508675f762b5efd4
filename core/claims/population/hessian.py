"""Hessians of many small networks in closed form, tested against the library's own matrix products.

With D = diag p − p pᵀ of an example, u = (a, 1), x̃ = (x, 1), s = 1 − a² and B = W₂ diag s, the Gauss-Newton part is made of
D ⊗ u uᵀ, Bᵀ D ⊗ x̃ uᵀ and BᵀDB ⊗ x̃ x̃ᵀ; the residual r = p − y adds r_k s_j x̃ between W₁'s row j and W₂'s entry (k, j), and
−2 a_j s_j Σ_k r_k W₂_kj x̃ x̃ᵀ within row j.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .network import Shape, outputs


def hessians(shape: Shape, theta: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
    """The Hessian (n, P, P) of each network's mean cross-entropy over inputs (m, d), targets (m,)."""
    return torch.stack([_hessian(shape, each[None], inputs, targets) for each in theta])


def _hessian(shape: Shape, theta: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
    h, k, m = shape.hidden, shape.outputs, len(inputs)
    logits, hidden = (each[0] for each in outputs(shape, theta, inputs))
    p, a, weights = logits.softmax(1), hidden, shape.parts(theta)[2][0]
    one = torch.ones(m, 1, dtype=theta.dtype)
    x, u, s = torch.cat([inputs, one], 1), torch.cat([a, one], 1), 1 - a.square()
    residual = p - torch.nn.functional.one_hot(targets, k)
    D = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    B = weights * s[:, None, :]  # (m, K, h)
    DB = D @ B
    second = _summed(D, u[:, :, None] * u[:, None, :])
    mixed = _summed(DB.transpose(1, 2), x[:, :, None] * u[:, None, :])  # (h, K, d + 1, h + 1)
    bent = torch.einsum("mk,mj,mi->kji", residual, s, x)  # of W₂'s entry (k, j) with row j of W₁
    unit = torch.arange(h)
    mixed[unit, :, :, unit] += bent.transpose(0, 1)
    own = B.transpose(1, 2) @ DB
    own.diagonal(dim1=1, dim2=2).add_((residual @ weights) * (-2 * a * s))
    first = _summed(own, x[:, :, None] * x[:, None, :])
    return _assembled(shape, first / m, mixed / m, second / m)


def _summed(left: Tensor, right: Tensor) -> Tensor:
    """Σ_m left_m ⊗ right_m: (a, b, c, e) of (m, a, b) and (m, c, e)."""
    return (left.flatten(1).T @ right.flatten(1)).reshape(*left.shape[1:], *right.shape[1:])


def _assembled(shape: Shape, first: Tensor, mixed: Tensor, second: Tensor) -> Tensor:
    """The blocks in the order of the parameters; each row of a layer holds its bias last until then."""
    h, k, d = shape.hidden, shape.outputs, shape.inputs
    top = first.permute(0, 2, 1, 3).reshape(h * (d + 1), h * (d + 1))
    side = mixed.permute(0, 2, 1, 3).reshape(h * (d + 1), k * (h + 1))
    low = second.permute(0, 2, 1, 3).reshape(k * (h + 1), k * (h + 1))
    whole = torch.cat([torch.cat([top, side], 1), torch.cat([side.T, low], 1)])
    order = _order(h, d, 0) + _order(k, h, h * (d + 1))
    matrix = whole[order][:, order]
    return (matrix + matrix.T) / 2


def _order(rows: int, columns: int, start: int) -> list[int]:
    """Where weights, then biases, of a layer lie among rows that end in their bias."""
    weights = [start + r * (columns + 1) + c for r in range(rows) for c in range(columns)]
    return weights + [start + r * (columns + 1) + columns for r in range(rows)]

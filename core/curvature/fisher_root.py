"""Square roots of the outputs' Fisher: S with S Sᵀ = E_y[∂ ln p/∂z ∂ ln p/∂zᵀ], y drawn from the model.

Gradients of Sᵀz summed over a basis of unit vectors give the Fisher's diagonal exactly, and along random signs without bias
(curvature propagation, Martens, Sutskever & Swersky 2012): of classes the columns of S are √p_k (e_k − p), so that nothing
rests on whether a rare label happens to be drawn.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import InputError
from ..problem.likelihoods.protocol import Likelihood, Middle, states

MOST_DENSE = 100  # outputs of a prediction up to which the root of a Fisher that states none is found numerically


def fisher_root(likelihood: Likelihood, outputs: Tensor) -> Middle | None:
    """u → S u for rows of outputs z (m, …), u of the same shape; None: the likelihood states no Fisher, or a wide one alone.

    In float64, so that 1 − p of a confident class is not lost.

    >>> from ..problem.likelihoods import CrossEntropy
    >>> z = torch.tensor([[0.0, 2.0]], dtype=torch.float64)
    >>> root, fisher = fisher_root(CrossEntropy(), z), CrossEntropy().output_fisher(z)
    >>> columns = torch.cat([root(u) for u in torch.eye(2).double()[:, None]])
    >>> whole = torch.cat([fisher(u) for u in torch.eye(2).double()[:, None]])
    >>> bool(torch.allclose(columns.T @ columns, whole))
    True
    """
    z = outputs.detach().double()
    if states(likelihood, "output_fisher_root"):
        stated = likelihood.output_fisher_root(z)
        if stated is not None:
            return stated
    width = z[:1].numel()
    if width > MOST_DENSE:
        return None
    try:
        middle = likelihood.output_fisher(z)
    except (InputError, NotImplementedError):
        return None
    return _numerical_root(middle, z)


def _numerical_root(middle: Middle, z: Tensor) -> Middle:
    width = z[:1].numel()
    units = torch.eye(width, dtype=z.dtype, device=z.device)
    columns = [middle(unit.reshape(z[:1].shape).expand(z.shape)).reshape(len(z), -1) for unit in units]
    values, vectors = torch.linalg.eigh(torch.stack(columns, 2))
    roots = vectors * values.clamp_min(0).sqrt()[:, None]
    return lambda u: (roots @ u.reshape(len(z), -1, 1).to(roots)).reshape(u.shape)

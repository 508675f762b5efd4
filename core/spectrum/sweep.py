"""What coupling does to the eigenvalues: λ(γ) of diag A + γ (A − diag A), γ from 0 (each parameter alone) to 1 (A itself)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from ..checks import InputError
from ..problem import Problem
from .dense import dense_matrix
from .lanczos import extreme_eigenpairs
from .operators import Operator, curvature
from .probes import random_rows

MOST_EXACT = 2_000  # parameters up to which every γ is diagonalised whole
GAMMAS = tuple(k / 10 for k in range(11))


@dataclass(frozen=True)
class Loosened:
    """diag A + γ (A − diag A) as an operator; `diagonal` (P,)."""

    operator: Operator
    diagonal: Tensor
    gamma: float

    @property
    def size(self) -> int:
        return self.operator.size

    @property
    def device(self) -> torch.device:
        return self.operator.device

    @property
    def dtype(self) -> torch.dtype:
        return self.operator.dtype

    def products(self, rows: Tensor) -> Tensor:
        return self.gamma * self.operator.products(rows) + (1 - self.gamma) * self.diagonal * rows


def coupling_sweep(
    problem: Problem,
    at: Mapping[str, Tensor] | None = None,
    gammas: Sequence[float] = GAMMAS,
    of: str = "hessian",
    ends: int = 5,
    probes: int = 32,
    seed: int = 0,
    device: str | torch.device = "auto",
    dtype: torch.dtype | None = None,
    exact: bool | None = None,
) -> xr.DataArray:
    """Eigenvalues of diag A + γ (A − diag A) for each γ, descending.

    Parameters
    ----------
    gammas  dimensionless, 0 to 1
    ends    where not exact: how many of the largest and of the smallest, by Lanczos
    probes  where not exact: Rademacher probes for the diagonal, A_ii ≈ mean of (v ⊙ Av)_i (Bekas et al. 2007)
    exact   from the whole matrix; None: up to 2,000 parameters

    Returns
    -------
    DataArray (gamma, rank): rank 1 is the largest, P the smallest; all ranks where exact, else the outermost.
    attrs of, exact, probes, seed

    Raises
    ------
    InputError  no γ, or one that is not finite; an unknown matrix

    >>> from torch import nn
    >>> X = torch.tensor([[1.0, 1.0], [1.0, 1.0]]).double()
    >>> problem = Problem(nn.Linear(2, 1, bias=False).double(), X, torch.zeros(2, 1).double(), loss="mse")
    >>> coupling_sweep(problem, gammas=(0.0, 0.5, 1.0)).values.round(6).tolist()  # A = [[2, 2], [2, 2]]: 2 ± 2γ
    [[2.0, 2.0], [3.0, 1.0], [4.0, 0.0]]
    """
    if len(gammas) == 0 or not np.isfinite(gammas).all():
        raise InputError(f"gammas should be finite numbers from 0 to 1, but are {list(gammas)}.")
    operator = curvature(problem, at, of, device, dtype)
    whole = operator.size <= MOST_EXACT if exact is None else exact
    if whole:
        matrix = dense_matrix(operator)
        diagonal = torch.diag(matrix.diagonal())
        rows = [_descending(torch.linalg.eigvalsh(diagonal + g * (matrix - diagonal))) for g in gammas]
        ranks = np.arange(1, operator.size + 1)
    else:
        rows, ranks = _outermost(operator, gammas, min(ends, operator.size // 2), probes, seed)
    attrs = {"of": of, "exact": int(whole), "probes": 0 if whole else probes, "seed": seed}
    return xr.DataArray(
        np.stack(rows),
        dims=("gamma", "rank"),
        coords={"gamma": list(gammas), "rank": ranks},
        name="eigenvalue",
        attrs=attrs,
    )


def _outermost(
    operator: Operator, gammas: Sequence[float], ends: int, probes: int, seed: int
) -> tuple[list[np.ndarray], np.ndarray]:
    signs = random_rows(operator, probes, seed)
    diagonal = (signs * operator.products(signs)).mean(0)
    start = random_rows(operator, 2, seed, "gaussian")
    rows = []
    for gamma in gammas:
        if gamma == 0:
            every = diagonal.double().sort(descending=True).values.cpu().numpy()
            rows.append(np.concatenate([every[:ends], every[len(every) - ends :]]))
        else:
            found = extreme_eigenpairs(Loosened(operator, diagonal, gamma), start, ends, ends)
            rows.append(_descending(found.values))
    size = operator.size
    return rows, np.concatenate([np.arange(1, ends + 1), np.arange(size - ends + 1, size + 1)])


def _descending(values: Tensor) -> np.ndarray:
    return values.sort(descending=True).values.cpu().numpy()

"""Eigenvalues as coupling is switched on: λ(γ) of diag A + γ (A − diag A), γ from 0 (each parameter alone) to 1 (A itself)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from ..checks import InputError
from ..curvature.dense import dense_matrix
from ..curvature.operators import Curvature, Operator, curvature
from ..network.weight_dependence import require_dependence
from ..problem.problem import Problem
from .coupling import LowRank
from .lanczos import extreme_eigenpairs
from .memory import lanczos_room, matrix_fits, require_matrix
from .probes import random_rows
from .quadrature import block_space

MOST_DIAGONALISED_IN_SWEEP = 2_000  # parameters up to which every γ is diagonalised whole
KRYLOV_STARTS, KRYLOV_STEPS = 4, 8  # of the space that the diagonal's estimate starts from
CANDIDATES, SETTLED, ROUNDS = 32, 3, 4  # of the diagonal's ends
AT_ONCE = 16  # products at a time
MOST_STEPS = 300  # dimensions of a Lanczos run
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
    dtype: torch.dtype | str | None = None,
    exact: bool | None = None,
) -> xr.DataArray:
    """Eigenvalues of diag A + γ (A − diag A) for each γ, descending.

    Parameters
    ----------
    gammas  dimensionless, 0 to 1
    ends    where not exact: how many of the largest and of the smallest, by Lanczos
    probes  where not exact: Rademacher probes for the diagonal, A_ii ≈ mean of (v ⊙ Av)_i (Bekas et al. 2007), of what a
            Krylov space of A does not hold; the entries that come out largest and smallest are then computed exactly,
            so that noise does not pass for an extreme
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
    require_dependence(problem)
    operator = curvature(problem, at, of, device, dtype)
    whole = operator.size <= MOST_DIAGONALISED_IN_SWEEP and matrix_fits(operator) if exact is None else exact
    if whole:
        require_matrix(operator, "leave exact out")
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
    operator: Curvature, gammas: Sequence[float], ends: int, probes: int, seed: int
) -> tuple[list[np.ndarray], np.ndarray]:
    most = lanczos_room(operator, 2 * ends, AT_ONCE, KRYLOV_STARTS * KRYLOV_STEPS + probes + 4, MOST_STEPS)
    diagonal = estimated_diagonal(operator, probes, seed)
    start = random_rows(operator, 2, seed, "gaussian")
    rows = []
    for gamma in gammas:
        if gamma == 0:
            every = diagonal.double().sort(descending=True).values.cpu().numpy()
            rows.append(np.concatenate([every[:ends], every[len(every) - ends :]]))
        else:
            found = extreme_eigenpairs(Loosened(operator, diagonal, gamma), start, ends, ends, most_steps=most)
            rows.append(_descending(found.values))
    size = operator.size
    return rows, np.concatenate([np.arange(1, ends + 1), np.arange(size - ends + 1, size + 1)])


def estimated_diagonal(operator: Operator, probes: int, seed: int = 0) -> Tensor:
    """A_ii, (P,): estimated, but exact where it comes out among the largest or smallest.

    The CANDIDATES at either end are computed exactly, and those that then come out there, until the SETTLED outermost ones
    at both ends are exact or ROUNDS are over.

    >>> from ..curvature.operators import Matrix
    >>> entries = torch.cat([torch.tensor([9.0, -4.0]), torch.linspace(-1, 1, 198)]).double()
    >>> found = estimated_diagonal(Matrix(torch.diag(entries) + 0.02), 8)
    >>> round(float(found.max()), 9), round(float(found.min()), 9)
    (9.02, -3.98)
    """
    starts = random_rows(operator, KRYLOV_STARTS, seed + 7_000_003, "gaussian")
    space = block_space(operator, starts, KRYLOV_STEPS)
    known = LowRank(space.basis, space.inner)
    total = torch.zeros(operator.size, device=operator.device, dtype=torch.float64)
    for signs in random_rows(operator, probes, seed).split(AT_ONCE):
        total += (signs * known.rest(signs, operator.products(signs))).double().sum(0)
    diagonal = known.diagonal + total / probes
    exact = torch.zeros(operator.size, dtype=torch.bool, device=operator.device)
    for _ in range(ROUNDS):
        order = diagonal.argsort()
        outermost = torch.cat([order[:CANDIDATES], order[-CANDIDATES:]]).unique()
        for chosen in outermost[~exact[outermost]].split(AT_ONCE):
            units = torch.zeros(len(chosen), operator.size, device=operator.device, dtype=operator.dtype)
            rows = torch.arange(len(chosen), device=operator.device)
            units[rows, chosen] = 1.0
            diagonal[chosen] = operator.products(units)[rows, chosen].double()
        exact[outermost] = True
        order = diagonal.argsort()
        if bool(exact[torch.cat([order[:SETTLED], order[-SETTLED:]])].all()):
            break
    return diagonal.to(operator.dtype)


def _descending(values: Tensor) -> np.ndarray:
    return values.sort(descending=True).values.cpu().numpy()

"""Eigenvalues that occur more often than a Krylov space from few directions can find.

A block of b directions has no more than b copies of an eigenvalue in its space, however far it grows. So what was found is locked
(deflated, Saad 2011 ch. 4 and 6) and the iteration starts again from fresh random directions in what is left, until these find
nothing beyond the last eigenvalue that was asked for.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..curvature.operators import Operator
from .lanczos import Eigenpairs, extreme_eigenpairs

LOCKED = 3  # vectors for each eigenvalue asked for: what is locked, what is joined to it, and their images
SEED = 4_000_037  # of fresh directions, apart from those of probes and first vectors


class Deflated:
    """A symmetric matrix with a space taken out: on the `locked` rows (k, P, orthonormal) it is `level` times the identity."""

    def __init__(self, operator: Operator, locked: Tensor, level: float) -> None:
        self._operator, self._locked, self._level = operator, locked, level
        self.size, self.device, self.dtype = operator.size, operator.device, operator.dtype

    def products(self, rows: Tensor) -> Tensor:
        """(k, P) → (k, P)."""
        inside = rows @ self._locked.T
        images = self._operator.products(rows - inside @ self._locked)
        return images - (images @ self._locked.T - self._level * inside) @ self._locked


def locked_eigenpairs(
    operator: Operator, start: Tensor, top: int, bottom: int, tolerance: float, most_steps: int, seed: int = 0
) -> Eigenpairs:
    """As `extreme_eigenpairs`, with every copy of eigenvalues that occur more often than `start` (b, P) has rows.

    Each restart has `most_steps` products for itself at most; `steps` counts those of all. The first b eigenvalues of either end
    are in the first space, so that nothing is started again for as few. Beside one space 3 (top + bottom) vectors are held.

    >>> from ..curvature.operators import Matrix
    >>> A = Matrix(torch.diag(torch.tensor([9.0, 9.0, 9.0, 4.0, 4.0, 1.0]).double()))
    >>> start = torch.randn(1, 6, generator=torch.Generator().manual_seed(0)).double()
    >>> locked_eigenpairs(A, start, 5, 0, 1e-8, 6).values.round(decimals=6).tolist()
    [9.0, 9.0, 9.0, 4.0, 4.0]
    """
    pairs = extreme_eigenpairs(operator, start, top, bottom, tolerance, most_steps)
    block, round_ = len(start), 0
    while len(pairs.values) < operator.size and max(top, bottom) > block:
        fresh = _fresh(pairs.vectors, block, seed + SEED + round_)
        asked = (int(top > block), int(bottom > block))
        left = Deflated(operator, pairs.vectors, _level(pairs, top, bottom))
        more = extreme_eigenpairs(left, fresh, *asked, tolerance, min(most_steps, operator.size - len(pairs.values)))
        beyond = _beyond(pairs, more, top, bottom, asked, tolerance)
        pairs = Eigenpairs(pairs.values, pairs.vectors, pairs.residuals, pairs.steps + more.steps)
        if not bool(beyond.any()):
            break
        pairs = _joined(operator, pairs, more.vectors[beyond], top, bottom)
        round_ += 1
    return pairs


def held_vectors(block: int, top: int, bottom: int) -> int:
    """Vectors beside one space: the eigenvectors, and where the iteration starts again those that they are joined with.

    >>> held_vectors(2, 1, 1), held_vectors(2, 5, 1)
    (2, 18)
    """
    return (LOCKED if max(top, bottom) > block else 1) * (top + bottom)


def _fresh(locked: Tensor, count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(count, locked.shape[1], generator=generator, dtype=torch.float64).to(locked)
    for _ in range(2):
        rows = rows - (rows @ locked.T) @ locked
    return rows


def _level(pairs: Eigenpairs, top: int, bottom: int) -> float:
    """A number that is beyond neither end, so that what is locked is never found again."""
    ends = [float(pairs.values[top - 1])] if top else []
    ends += [float(pairs.values[-1])] if bottom else []
    return sum(ends) / len(ends)


def _beyond(
    pairs: Eigenpairs, more: Eigenpairs, top: int, bottom: int, asked: tuple[int, int], tolerance: float
) -> Tensor:
    """Which of what was found anew lie beyond the last ones that were asked for, by more than they are known to."""
    largest = float(pairs.values.abs().max())
    beyond = []
    for value, end, sign in zip(more.values.tolist(), _ends(pairs, top, bottom, asked), _signs(asked), strict=True):
        beyond.append(sign * (value - end) > tolerance * max(abs(end), 1e-3 * largest))
    return torch.tensor(beyond, dtype=torch.bool)


def _ends(pairs: Eigenpairs, top: int, bottom: int, asked: tuple[int, int]) -> list[float]:
    return [float(pairs.values[top - 1])] * asked[0] + [float(pairs.values[top + bottom - 1])] * asked[1]


def _signs(asked: tuple[int, int]) -> list[int]:
    return [1] * asked[0] + [-1] * asked[1]


def _joined(operator: Operator, pairs: Eigenpairs, fresh: Tensor, top: int, bottom: int) -> Eigenpairs:
    """The outermost of what was known and what is new, by Rayleigh–Ritz in the space of both, with their own residuals."""
    basis = torch.linalg.qr(torch.cat([pairs.vectors, fresh]).double().T)[0].T.to(pairs.vectors)
    images = operator.products(basis).double()
    inner = (basis.double() @ images.T).cpu()
    values, weights = torch.linalg.eigh((inner + inner.T) / 2)
    count = len(values)
    wanted = torch.tensor([*range(count - 1, count - 1 - top, -1), *range(bottom)], dtype=torch.long)
    turned = weights[:, wanted].T.to(images)
    vectors = turned @ basis.double()
    misses = (turned @ images - values[wanted, None].to(images) * vectors).norm(dim=1).cpu()
    residuals = misses / values[wanted].abs().clamp_min(1e-300)
    return Eigenpairs(values[wanted], vectors.to(basis), residuals, pairs.steps + count)

"""Extreme eigenpairs by Lanczos iteration with full reorthogonalisation, run until a stated tolerance is met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..curvature.operators import NotFinite, Operator

Product = Callable[[Tensor], Tensor]
RARELY = 32  # part of the space by which it grows at least between two looks at the residuals: they cost more and more


@dataclass(frozen=True)
class Eigenpairs:
    """Eigenvalues with their vectors and how well they are known.

    values     (k,) float64, in the order asked for
    vectors    (k, P) unit rows
    residuals  (k,) ‖Av − λv‖ / |λ|, as `BlockKrylov.misses` has them
    steps      products used
    """

    values: Tensor
    vectors: Tensor
    residuals: Tensor
    steps: int


def extreme_eigenpairs(
    product: Product | Operator,
    start: Tensor,
    top: int = 1,
    bottom: int = 0,
    tolerance: float = 1e-4,
    most_steps: int = 300,
    look_every: int = 1,
) -> Eigenpairs:
    """The `top` largest and `bottom` smallest (algebraic) eigenpairs of a symmetric operator.

    Block Lanczos: b first directions find an eigenvalue that occurs up to b times, where one finds it once.

    Parameters
    ----------
    product     v (P,) → A v (P,), or an operator, which multiplies the whole block at once
    start       (P,) or (b, P), the first directions; padding entries must be zero and stay zero
    tolerance   each pair's residual relative to its own |eigenvalue|, or to a thousandth of the largest if that is more;
                never asked to be finer than the vectors' precision gives (10 ε |λ|_max)
    most_steps  where the tolerance is not met by then, the residuals say so
    look_every  dimensions from one look at the residuals to the next, at least

    Raises
    ------
    NotFinite  a product that is not finite

    >>> A = torch.diag(torch.tensor([3.0, -1.0, 0.5, 0.1], dtype=torch.float64))
    >>> pairs = extreme_eigenpairs(lambda v: A @ v, torch.ones(4, dtype=torch.float64), top=1, bottom=1)
    >>> [round(x, 6) for x in pairs.values.tolist()]
    [3.0, -1.0]
    """
    rows = torch.atleast_2d(start)
    space = BlockKrylov(product, rows, min(most_steps, int((rows != 0).any(0).sum())))
    looked, enough = 0, min(space.limit, top + bottom)
    while True:
        space.grow()
        grown = space.size - looked
        if not space.full and (space.size < enough or grown < look_every or grown <= space.size // RARELY):
            continue
        looked = space.size
        values, weights = torch.linalg.eigh(space.inner)
        wanted = _wanted(values, top, bottom)
        misses = space.misses(values[wanted], weights[:, wanted])
        if space.full or _settled(values, wanted, misses, tolerance, torch.finfo(rows.dtype).eps):
            break
    found = torch.nn.functional.normalize(weights[:, wanted].T.to(space.basis) @ space.basis, dim=1)
    return Eigenpairs(values[wanted], found, misses / values[wanted].abs().clamp_min(1e-300), space.size)


class BlockKrylov:
    """The space spanned by a block of directions and their images under A, A², …, fully reorthogonalised.

    Parameters
    ----------
    product  as in `extreme_eigenpairs`
    rows     (b, P) first directions
    limit    most dimensions

    Attributes
    ----------
    basis   (n, P) orthonormal rows Q
    inner   (n, n) float64, Q A Qᵀ
    rest    (b, P) what the images of the last b rows have outside the space

    Raises
    ------
    NotFinite  an image that is not finite
    """

    def __init__(self, product: Product | Operator, rows: Tensor, limit: int) -> None:
        self.limit, self.size = limit, 0
        self._product, self._rows = product, rows
        self._store = rows.new_zeros(min(limit, 16), rows.shape[1])
        self._inner, self._images = (torch.zeros(limit, limit, dtype=torch.float64) for _ in range(2))
        self._block = _orthonormal(rows)
        self.rest = rows[:0]

    @property
    def basis(self) -> Tensor:
        return self._store[: self.size]

    @property
    def inner(self) -> Tensor:
        return self._inner[: self.size, : self.size]

    @property
    def full(self) -> bool:
        """Whether it has as many dimensions as it may."""
        return self.size >= self.limit

    @property
    def closed(self) -> bool:
        """Whether everything that can be reached from the first directions is in it."""
        return self.size > 0 and len(self._next()) == 0

    def grow(self) -> None:
        """Add the next block; where nothing new can be reached, one that starts elsewhere."""
        new_rows = self._block if self.size == 0 else self._next()
        if len(new_rows) == 0:
            new_rows = _orthonormal(_split(_elsewhere(self._rows, self.size), self.basis)[0])
        block, before = new_rows[: self.limit - self.size], len(self.rest)
        if self.size + len(block) > len(self._store):
            self._store = torch.cat([self._store, torch.zeros_like(self._store)])[: self.limit]
        new = slice(self.size, self.size + len(block))
        self._store[new] = block
        reached = self.rest @ block.T
        self._images[new, self.size - before : self.size] = reached.T.double().cpu()
        cut_off = self.rest - reached @ block if len(block) < len(new_rows) else self.rest[:0]
        self.size += len(block)
        rest, along = _split(_images(self._product, block), self.basis)
        if not bool(torch.isfinite(along).all()):
            raise NotFinite
        self.rest = torch.cat([cut_off, rest])
        self._images[: self.size, new] = self._inner[: self.size, new] = along.T
        self._inner[new, : self.size] = along

    def misses(self, values: Tensor, weights: Tensor) -> Tensor:
        """‖A y − λ y‖ (k,) float64 of Ritz values λ (k,) and vectors y = Σ_i w_i q_i, by their weights w (n, k).

        From what A made of every q_i, A q_i = Σ_j h_ji q_j and for the last ones the rest: exact but for the rounding of
        these sums, and nothing is taken for granted of A's symmetry, which rounding breaks.
        """
        inside = self._images[: self.size, : self.size] @ weights - values * weights
        outside = weights[self.size - len(self.rest) :].T @ self.rest.double().cpu()
        return torch.hypot(inside.norm(dim=0), outside.norm(dim=1))

    def _next(self) -> Tensor:
        return _orthonormal(self.rest, at_least=1e-12 * float(self.inner.abs().max()))


def _images(product: Product | Operator, rows: Tensor) -> Tensor:
    if callable(product):
        return torch.stack([product(v) for v in rows])
    return product.products(rows)


def _split(rows: Tensor, basis: Tensor) -> tuple[Tensor, Tensor]:
    """The parts of rows (m, P) outside a space, and their coordinates in it (m, n), float64."""
    total = torch.zeros(len(rows), len(basis), dtype=torch.float64)
    for _ in range(2):  # twice is enough (Parlett)
        along = rows @ basis.T
        rows = rows - along @ basis
        total += along.double().cpu()
    return rows, total


def _orthonormal(rows: Tensor, at_least: float = 0.0) -> Tensor:
    basis: list[Tensor] = []
    for row in rows:
        length = float(row.norm())
        if basis:
            row = _split(row[None], torch.stack(basis))[0][0]
        if float(row.norm()) > max(at_least, 1e-8 * length):
            basis.append(row / row.norm())
    return torch.stack(basis) if basis else rows[:0]


def _elsewhere(rows: Tensor, seed: int) -> Tensor:
    draw = torch.randn(rows.shape[1], generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.where((rows != 0).any(0), draw.to(rows), 0.0)[None]


def _settled(values: Tensor, wanted: Tensor, misses: Tensor, tolerance: float, precision: float) -> bool:
    largest = float(values.abs().max())
    allowed = tolerance * values[wanted].abs().clamp_min(1e-3 * largest)
    return bool((misses <= allowed.clamp_min(10 * precision * largest)).all())


def _wanted(values: Tensor, top: int, bottom: int) -> Tensor:
    count = len(values)
    highest = range(count - 1, max(count - 1 - top, -1), -1)
    return torch.tensor([*highest, *range(min(bottom, count))], dtype=torch.long)

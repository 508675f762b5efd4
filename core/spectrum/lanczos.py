"""Extreme eigenpairs by Lanczos iteration with full reorthogonalisation, run until a stated tolerance is met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .operators import Operator

Product = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Eigenpairs:
    """Eigenvalues with their vectors and how well they are known.

    values     (k,) float64, in the order asked for
    vectors    (k, P) unit rows
    residuals  (k,) ‖Av − λv‖ / |λ|, from products made after the iteration, not from its own recurrence
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
    look_every: int = 5,
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
    look_every  dimensions from one look at the residuals to the next

    >>> A = torch.diag(torch.tensor([3.0, -1.0, 0.5, 0.1], dtype=torch.float64))
    >>> pairs = extreme_eigenpairs(lambda v: A @ v, torch.ones(4, dtype=torch.float64), top=1, bottom=1)
    >>> [round(x, 6) for x in pairs.values.tolist()]
    [3.0, -1.0]
    """
    rows = torch.atleast_2d(start)
    space = BlockKrylov(product, rows, min(most_steps, int((rows != 0).any(0).sum())))
    looked = 0
    while True:
        space.grow()
        if space.full or space.size - looked >= look_every or float(space.rest.norm()) == 0.0:
            looked = space.size
            values, weights = torch.linalg.eigh(space.inner)
            wanted = _wanted(values, top, bottom)
            enough = space.size >= min(space.limit, top + bottom)
            if enough and _settled(values, weights, wanted, space.rest, tolerance):
                break
        if space.full:
            break
    found = torch.nn.functional.normalize(weights[:, wanted].T.to(space.basis) @ space.basis, dim=1)
    return _checked(product, values[wanted], found, space.size)


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
    rest    (b, P) what the images of the last block have outside the space
    """

    def __init__(self, product: Product | Operator, rows: Tensor, limit: int) -> None:
        self.limit, self.size = limit, 0
        self._product, self._rows = product, rows
        self._store = rows.new_zeros(min(limit, 16), rows.shape[1])
        self._inner = torch.zeros(limit, limit, dtype=torch.float64)
        self._block = _orthonormal(rows)[:limit]
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
        block = self._block if self.size == 0 else self._next()
        if len(block) == 0:
            block = _orthonormal(_without(_elsewhere(self._rows, self.size), self.basis))
        images, width = _images(self._product, block), len(block)
        if self.size + width > len(self._store):
            self._store = torch.cat([self._store, torch.zeros_like(self._store)])[: self.limit]
        self._store[self.size : self.size + width] = block
        self.size += width
        products = (self.basis @ images.T).double().cpu()
        self._inner[: self.size, self.size - width : self.size] = products
        self._inner[self.size - width : self.size, : self.size] = products.T
        self.rest = _without(images, self.basis)

    def _next(self) -> Tensor:
        return _orthonormal(self.rest, at_least=1e-12 * float(self.inner.abs().max()))[: self.limit - self.size]


def _images(product: Product | Operator, rows: Tensor) -> Tensor:
    if callable(product):
        return torch.stack([product(v) for v in rows])
    return product.products(rows)


def _without(images: Tensor, basis: Tensor) -> Tensor:
    for _ in range(2):  # twice is enough (Parlett)
        images = images - (images @ basis.T) @ basis
    return images


def _orthonormal(rows: Tensor, at_least: float = 0.0) -> Tensor:
    kept: list[Tensor] = []
    for row in rows:
        length = float(row.norm())
        if kept:
            row = _without(row[None], torch.stack(kept))[0]
        if float(row.norm()) > max(at_least, 1e-8 * length):
            kept.append(row / row.norm())
    return torch.stack(kept) if kept else rows[:0]


def _elsewhere(rows: Tensor, seed: int) -> Tensor:
    draw = torch.randn(rows.shape[1], generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.where((rows != 0).any(0), draw.to(rows), 0.0)[None]


def _settled(values: Tensor, weights: Tensor, wanted: Tensor, rest: Tensor, tolerance: float) -> bool:
    misses = (weights[-len(rest) :, wanted].T @ rest.double().cpu()).norm(dim=1)
    largest = float(values.abs().max())
    allowed = tolerance * values[wanted].abs().clamp_min(1e-3 * largest)
    return bool((misses <= allowed.clamp_min(10 * torch.finfo(rest.dtype).eps * largest)).all())


def _wanted(values: Tensor, top: int, bottom: int) -> Tensor:
    count = len(values)
    highest = range(count - 1, max(count - 1 - top, -1), -1)
    return torch.tensor([*highest, *range(min(bottom, count))], dtype=torch.long)


def _checked(product: Product | Operator, values: Tensor, found: Tensor, steps: int) -> Eigenpairs:
    images = _images(product, found)
    misses = (images.double() - values[:, None].to(images.device) * found.double()).norm(dim=1).cpu()
    return Eigenpairs(values, found, misses / values.abs().clamp_min(1e-300), steps + len(found))

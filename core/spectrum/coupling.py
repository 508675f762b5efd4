"""Coupling of parameters as one number: the share of ‖A‖_F² off the diagonal, and outside the layers' blocks.

Both are estimated from products with Rademacher probes v and are unbiased but for the ratio, whose first-order bias
the jackknife removes. They are not clipped: an estimate of a share near 0 may be negative.

offdiagonal  ‖A‖_F² = E‖Av‖². (v ⊙ Av)_i has mean A_ii, and its square a larger one; the product of two *different*
             probes' entries has mean A_ii², so that Σ A_ii² is their mean over pairs of probes (a U-statistic).
interlayer   one further product for each probe: w = s ⊙ v turns the sign of half of the layers, drawn at random.
             With T = Σ_a s_a (Av)_a·(Aw)_a, the part of A within layers enters T as it enters ‖Av‖²; the part between
             layers enters with the mean of s_a s_b over splits, a known number c < 0. So that E T = within + c between
             and E ½(‖Av‖² + ‖Aw‖²) = within + between, two equations for the two. A matrix of blocks gives exactly 0,
             whatever the probes; with two layers the random signs add no noise at all.

A few eigenvalues hold most of ‖A‖_F², and most of the probes' noise. Where a Krylov space Q that does not depend on the
probes is at hand, B = Qᵀ(QAQᵀ)Q is known exactly and only the rest A − B is estimated; ⟨B, A − B⟩ = 0, so that
‖A‖² = ‖B‖² + ‖A − B‖².
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import InputError
from ..curvature.layers import Layers
from ..curvature.operators import Operator
from ..lazy import lazy
from .estimate import Estimate
from .jackknife import jackknife
from .probes import random_rows

FEWEST = 3  # probes, so that two are left when the jackknife leaves one out


@dataclass(frozen=True)
class CouplingShares:
    """offdiagonal and interlayer, both dimensionless, 0 to 1 up to their standard errors; NaN where A = 0."""

    offdiagonal: Estimate
    interlayer: Estimate


def coupling(operator: Operator, layers: Layers, probes: int = 8, seed: int = 0) -> CouplingShares:
    """Both shares from `probes` Rademacher probes: 2 · probes products, or `probes` where there is one layer.

    Raises
    ------
    InputError  fewer than three probes

    >>> from ..curvature.operators import Matrix
    >>> found = coupling(Matrix(torch.diag(torch.tensor([1.0, 2.0, 3.0]))), Layers(("a", "b"), torch.tensor([0, 0, 1])))
    >>> found.offdiagonal.value, found.interlayer.value
    (0.0, 0.0)
    """
    rows = random_rows(operator, probes, seed)
    signs = layer_signs(layers, probes, seed)
    images = operator.products(rows)
    turned = images if layers.count == 1 else operator.products(rows * signs[:, layers.index].to(rows))
    return CouplingShares(offdiagonal(rows, images), interlayer(rows, images, turned, signs, layers))


@dataclass(frozen=True)
class LowRank:
    """B = Qᵀ Θ Q, the part of a matrix inside a space: `basis` Q (n, P) orthonormal rows, `inner` Θ = Q A Qᵀ (n, n)."""

    basis: Tensor
    inner: Tensor

    @lazy
    def weighted(self) -> Tensor:
        """Θ Q, (n, P)."""
        return self.inner.to(self.basis) @ self.basis

    @lazy
    def squared_norm(self) -> float:
        """‖B‖_F²."""
        return float(self.inner.square().sum())

    @lazy
    def diagonal(self) -> Tensor:
        """B_ii, (P,) float64."""
        return (self.weighted.double() * self.basis.double()).sum(0)

    def rest(self, rows: Tensor, images: Tensor) -> Tensor:
        """(A − B) v from v (m, P) and A v (m, P)."""
        return images - (rows @ self.basis.T) @ self.weighted

    def within_norm(self, layers: Layers) -> float:
        """Σ_a ‖B_aa‖_F² over the layers."""
        total = 0.0
        for layer in range(layers.count):
            part = self.basis[:, layers.index.to(self.basis.device) == layer].double()
            inner = self.inner @ (part @ part.T).cpu()
            total += float((inner * inner.T).sum())
        return total

    def within_products(self, rows: Tensor, rest: Tensor, layers: Layers) -> Tensor:
        """Σ_a v_aᵀ B_aa ((A − B) v)_a of each probe (m,), whose mean is Σ_a tr(B_aa (A − B)_aa)."""
        first = torch.stack([layers.sums(self.weighted * row) for row in rows])
        second = torch.stack([layers.sums(self.basis * row) for row in rest])
        return (first * second).sum((1, 2)).cpu()


def offdiagonal(probes: Tensor, images: Tensor, known: LowRank | None = None) -> Estimate:
    """‖A − diag A‖_F² / ‖A‖_F² from Rademacher probes (m, P) and their products A v (m, P), m ≥ 3.

    known  a part of A that is not estimated; its space must not depend on the probes
    """
    count = _enough(probes)
    rest = images if known is None else known.rest(probes, images)
    norms = rest.double().square().sum(1).cpu() + (0.0 if known is None else known.squared_norm)
    entries = (probes * rest).double()
    pairs = (entries @ entries.T).cpu()
    crossed = torch.zeros(count, dtype=torch.float64) if known is None else (entries @ known.diagonal).cpu()
    squares = 0.0 if known is None else float(known.diagonal.square().sum())

    def share(rows: Tensor) -> float:
        inner, n = pairs[rows][:, rows], len(rows)
        squared_diagonal = squares + 2 * crossed[rows].mean() + (inner.sum() - inner.trace()) / (n * (n - 1))
        return float(1 - squared_diagonal / norms[rows].mean())

    return jackknife(share, count)


def layer_signs(layers: Layers, count: int, seed: int = 0) -> Tensor:
    """Signs ±1 by layer for each probe (count, L), int8: a random half of the layers is turned (the smaller half of an odd number)."""
    generator = torch.Generator().manual_seed(seed + 1_000_003)  # not the probes' own stream
    signs = torch.ones(count, layers.count, dtype=torch.int8)
    for row in signs:
        row[torch.randperm(layers.count, generator=generator)[: layers.count // 2]] = -1
    return signs


def interlayer(
    probes: Tensor, images: Tensor, turned: Tensor, signs: Tensor, layers: Layers, known: LowRank | None = None
) -> Estimate:
    """Share of ‖A‖_F² outside the layers' blocks.

    Parameters
    ----------
    probes  (m, P) Rademacher probes v, m ≥ 3
    images  (m, P) A v
    turned  (m, P) A (s ⊙ v), s the signs of each parameter's layer
    signs   (m, L) from `layer_signs`
    known   as in `offdiagonal`
    """
    count = _enough(images)
    if layers.count == 1:
        return Estimate(0.0, 0.0)
    crossed, within, whole = torch.zeros(count, dtype=torch.float64), 0.0, 0.0
    if known is not None:
        flipped = probes * signs[:, layers.index].to(probes)
        images, turned = known.rest(probes, images), known.rest(flipped, turned)
        pairs = ((probes, images), (flipped, turned))
        crossed = sum(known.within_products(v, rest, layers) for v, rest in pairs) / 2  # type: ignore[assignment]
        within, whole = known.within_norm(layers), known.squared_norm
    norms = (images.double().square().sum(1) + turned.double().square().sum(1)).cpu() / 2
    mixed = (layers.sums(images.double() * turned.double()).cpu() * signs).sum(1)
    c = _mean_sign_product(layers.count)

    def share(chosen: Tensor) -> float:
        rest, mix = norms[chosen].mean(), mixed[chosen].mean()
        inside = within + 2 * crossed[chosen].mean() + (mix - c * rest) / (1 - c)
        return float(1 - inside / (whole + rest))

    return jackknife(share, count)


def exact_coupling(matrix: Tensor, layers: Layers) -> CouplingShares:
    """Both shares of a matrix that is at hand, (P, P), with no error.

    >>> exact_coupling(torch.ones(2, 2), Layers(("a", "b"), torch.tensor([0, 1]))).offdiagonal.value
    0.5
    """
    squares = matrix.double().square()
    whole = float(squares.sum())
    if whole == 0:
        nothing = Estimate(float("nan"), 0.0)
        return CouplingShares(nothing, nothing)
    index = layers.index.to(matrix.device)
    within = float(squares[index[:, None] == index[None]].sum())
    return CouplingShares(Estimate(1 - float(squares.trace()) / whole, 0.0), Estimate(1 - within / whole, 0.0))


def _mean_sign_product(count: int) -> float:
    # E s_a s_b for a ≠ b: ((Σ s)² − L) / (L (L − 1)), and Σ s = L mod 2
    return (count % 2 - count) / (count * (count - 1))


def _enough(rows: Tensor) -> int:
    if len(rows) < FEWEST:
        raise InputError(f"probes should be {FEWEST} or more for a standard error, but is {len(rows)}.")
    return len(rows)

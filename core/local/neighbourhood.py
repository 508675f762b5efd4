"""Loss, gradient and curvature at one point: everything shared between readouts is computed once, when first asked for."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import InputError
from ..curvature.dense import dense_matrix
from ..curvature.example_gradients import example_gradients, inner_products
from ..curvature.fisher_rows import FisherGram, fisher_rows
from ..lazy import lazy
from ..spectrum.coupling import CouplingShares, LowRank, exact_coupling, interlayer, offdiagonal
from ..spectrum.estimate import Estimate, mean_estimate
from ..spectrum.lanczos import BlockKrylov
from ..spectrum.moment_bounds import MomentBounds
from ..spectrum.quadrature import Quadrature, block_quadrature, block_space
from .context import Instruments, LocalWorker
from .flatness import weighted_probes
from .samples import GRADIENT_NUMBERS, fisher_row_count

SIGNS_SEED = 7_000_003  # of the rows of the Fisher: a stream of their own


class Neighbourhood:
    """The loss around θ: slope, curvature, and the gradients of single examples.

    bench   the worker's networks
    point   θ as a flat vector
    """

    def __init__(self, bench: LocalWorker, point: Tensor) -> None:
        self.bench, self.point = bench, point
        bench.place(point)

    @property
    def instruments(self) -> Instruments:
        """The instruments of all points."""
        return self.bench.instruments

    @lazy
    def _first_order(self) -> tuple[float, Tensor]:
        return self.bench.whole.loss_and_gradient(self.point)

    @property
    def loss(self) -> float:
        """L over all examples."""
        return self._first_order[0]

    @property
    def gradient(self) -> Tensor:
        """ḡ over all examples, a flat vector in float64."""
        return self._first_order[1].double()

    @property
    def uphill(self) -> tuple[Tensor, float]:
        """The way uphill that is steepest in the coordinates chosen, of length 1 in them, and how steep it is there.

        A flat vector in parameters, T²ḡ/‖Tḡ‖ with T the coordinates' units, and ‖Tḡ‖; zeros where there is no slope.
        """
        scale = self.bench.scale
        slope = self.gradient if scale is None else self.gradient * scale.double()
        length = float(slope.norm())
        way = slope if scale is None else slope * scale.double()
        return (way / length if length > 0 else torch.zeros_like(way)), length

    @lazy
    def inner_products(self) -> Tensor:
        """(m, m) float64: g_i · g_j over the sampled predictions."""
        function = self.bench.single
        count, size = self.instruments.single.example_count, self.instruments.problem.parameter_count
        if count > max(2, GRADIENT_NUMBERS // size):
            raise InputError(
                f"The gradients of a whole batch of {count:,} examples take {4 * count * size / 1e9:.2g} GB: give smaller "
                "batches, Problem(…, batches=…)."
            )
        function.point = self.point
        return _finite(inner_products(list(example_gradients(function))).double().cpu())

    @lazy
    def fisher(self) -> FisherGram:
        """The true Fisher of the sampled predictions, one by one: inner products of its rows."""
        function, shared = self.bench.informed, self.instruments
        function.point = self.point
        found = fisher_rows(function, fisher_row_count(shared.problem), shared.seed + SIGNS_SEED).gram
        _finite(found.matrix)
        return found

    @lazy
    def whole_matrix(self) -> Tensor | None:
        """(P, P) float64, where it costs no more products than the probes would; else None."""
        settings, matrix = self.instruments.estimation, self.bench.matrix
        if matrix.size > settings.probes * settings.steps:
            return None
        return _finite(dense_matrix(matrix))

    @lazy
    def spectrum(self) -> Quadrature:
        """Ritz values weighted by the probes, or every eigenvalue with equal weight where the matrix is small."""
        if self.whole_matrix is not None:
            values, size = torch.linalg.eigvalsh(self.whole_matrix).cpu()[None], len(self.whole_matrix)
            return Quadrature(values, torch.full_like(values, 1 / size), torch.zeros_like(values), size)
        return block_quadrature(self._space, self.instruments.probes)

    @lazy
    def bounds(self) -> MomentBounds | None:
        """Bounds of the spectrum from the probes' Krylov spaces; None where the whole matrix is at hand."""
        return None if self.whole_matrix is not None else MomentBounds(self._space, self.instruments.probes)

    @lazy
    def _space(self) -> BlockKrylov:
        return block_space(self.bench.matrix, self.instruments.probes, self.instruments.estimation.steps)

    @lazy
    def _known(self) -> LowRank:
        """The part of the matrix inside the Krylov space: it holds most of the norm, and is not estimated."""
        return LowRank(self._space.basis, self._space.inner)

    @lazy
    def _images(self) -> Tensor:
        return _finite(self.bench.matrix.products(self.instruments.rest_probes))

    @lazy
    def dense(self) -> Tensor:
        """(P, P) float64, whatever it costs."""
        return self.whole_matrix if self.whole_matrix is not None else _finite(dense_matrix(self.bench.matrix))

    @property
    def relative_flatness(self) -> Estimate:
        """Petzka et al.'s, of the curvature in the parameters: a product for each probe."""
        bench, shared = self.bench, self.instruments
        rows = bench.curvature.compact(
            weighted_probes(self.point, bench.whole.layout, shared.cuts, shared.flatness_signs)
        )
        return mean_estimate((rows * _finite(bench.curvature.products(rows))).double().sum(1).cpu())

    def estimated(self, estimate: Estimate) -> tuple[float, float]:
        """A number read off `spectrum` and its standard error, which is 0 where nothing was estimated."""
        return estimate.value, estimate.standard_error if self.whole_matrix is None else 0.0

    @lazy
    def _exact_coupling(self) -> CouplingShares | None:
        return None if self.whole_matrix is None else exact_coupling(self.whole_matrix, self.instruments.layers)

    @property
    def trace(self) -> Estimate:
        """tr A: that of its part in the Krylov space exactly, the rest by Hutchinson's probes (Meyer et al. 2021)."""
        if self.whole_matrix is not None:
            return Estimate(float(self.whole_matrix.trace()), 0.0)
        probes = self.instruments.rest_probes
        rest = mean_estimate((probes * self._known.rest(probes, self._images)).double().sum(1).cpu())
        return Estimate(float(self._space.inner.trace()) + rest.value, rest.standard_error)

    @property
    def offdiagonal(self) -> Estimate:
        """‖A − diag A‖²/‖A‖²: from the Krylov space, and probes of their own for what it does not hold."""
        if self._exact_coupling is not None:
            return self._exact_coupling.offdiagonal
        return offdiagonal(self.instruments.rest_probes, self._images, self._known)

    @property
    def interlayer(self) -> Estimate:
        """The share of ‖A‖² between layers: one further product for each probe, with the signs of half the layers turned."""
        if self._exact_coupling is not None:
            return self._exact_coupling.interlayer
        shared, probes = self.instruments, self.instruments.rest_probes
        turned = self._images
        if shared.layers.count > 1:
            turned = _finite(self.bench.matrix.products(probes * shared.signs[:, shared.layers.index].to(probes)))
        return interlayer(probes, self._images, turned, shared.signs, shared.layers, self._known)


def _finite(values: Tensor) -> Tensor:
    if not bool(torch.isfinite(values).all()):
        raise ArithmeticError("products of the curvature are not finite")
    return values

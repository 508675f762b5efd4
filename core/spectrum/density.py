"""The density of a curvature matrix's eigenvalues, and what is read off it (Ghorbani et al. 2019; Sagun et al. 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..checks import InputError
from .estimate import student


def broadening(span: float) -> float:
    """Standard deviation of a density's Gaussian broadening, from λₘₐₓ − λₘᵢₙ (Ghorbani et al.'s code).

    >>> round(broadening(40.0), 6)
    0.02
    """
    return float(np.sqrt(1e-5 * max(1.0, span)))


FLAT = 0.01  # of |λₘₐₓ|


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues with weights, the outermost ones to a tolerance, and how they were got.

    All eigenvalues are in the loss's unit (nats for a likelihood) per squared parameter unit.

    Attributes
    ----------
    eigenvalues       (n,) ascending: every one of the P (exact), or the Ritz values of all probes
    weights           (n,) quadrature weights, sum 1; all 1/P where exact
    top               (k,) largest eigenvalues, descending
    residuals         (k,) ‖Av − λv‖ / |λ| of their vectors, from the products of the iteration
    bottom            (b,) smallest eigenvalues, ascending; bottom_residuals beside them
    trace             Σ λ; estimated unless exact, the outermost eigenvalues taken out of the noise
    trace_se          its standard error over the probes, probes − 1 degrees of freedom; 0 where exact
    index             share of negative eigenvalues (Dauphin et al. 2014); what rounding cannot tell from 0 is none of them.
                      Estimated, it rests on the Ritz values beside 0: eigenvalues closer to 0 than those are split between
                      both signs
    index_interval    (2,) where the index lies, 95 %: by the moments of each probe, which bound the quadrature's own error, and by
                      Student's t over the probes. None where exact, or in a file from before it was stored
    flat_interval     (2,) the same of `flat_share` at its default
    method            "exact" | "slq"
    of                which matrix, as in `spectrum`
    steps, probes     of the quadrature; 0 where exact
    seed              of the probes and of the first Lanczos vectors
    parameter_count   P
    resolution        |λ| up to which nothing can be told from 0 in the precision used
    """

    eigenvalues: np.ndarray
    weights: np.ndarray
    top: np.ndarray
    residuals: np.ndarray
    bottom: np.ndarray
    bottom_residuals: np.ndarray
    trace: float
    trace_se: float
    method: str
    of: str
    steps: int
    probes: int
    seed: int
    parameter_count: int
    index: float = 0.0
    resolution: float = 0.0
    index_interval: np.ndarray | None = None
    flat_interval: np.ndarray | None = None

    @property
    def default_width(self) -> float:
        """Standard deviation of the broadening: its variance is 1e-5 · max(1, λₘₐₓ − λₘᵢₙ), as Ghorbani et al.'s code."""
        span = max(self.eigenvalues[-1], *self.top) - min(self.eigenvalues[0], *self.bottom)
        return broadening(span)

    @property
    def trace_reach(self) -> float:
        """To either side of `trace`, a 95 % interval by Student's t at probes − 1 degrees of freedom; 0 where exact."""
        return 0.0 if self.trace_se == 0 else student(self.probes - 1) * self.trace_se

    def density(self, grid: np.ndarray, width: float | None = None) -> np.ndarray:
        """Σ_i w_i N(grid; λ_i, width²), which integrates to 1.

        Parameters
        ----------
        grid   any shape, in eigenvalue units
        width  standard deviation of the Gaussian broadening; None: `default_width`

        Raises
        ------
        InputError  a width that is not positive
        """
        width = self.default_width if width is None else float(width)
        if not width > 0:
            raise InputError(f"width should be a positive number, but is {width}: leave it out for the default.")
        grid = np.asarray(grid, dtype=float)
        total = np.zeros(grid.shape)
        for start in range(0, len(self.eigenvalues), 256):
            part = slice(start, start + 256)
            z = (grid[..., None] - self.eigenvalues[part]) / width
            total += np.exp(-0.5 * z**2) @ self.weights[part]
        return total / (width * np.sqrt(2 * np.pi))

    @property
    def outliers(self) -> int:
        """How many of `top` lie above the largest gap in ln λ among its positive members; ask for more `top` than expected.

        0 where fewer than two of them are positive, so that there is no gap.
        """
        positive = self.top[self.top > self.resolution]
        if len(positive) < 2:
            return 0
        return int(np.argmax(np.log(positive[:-1]) - np.log(positive[1:]))) + 1

    @property
    def bulk(self) -> np.ndarray:
        """The eigenvalues (or Ritz values) below the outliers."""
        if self.outliers == 0:
            return self.eigenvalues
        edge = np.sqrt(self.top[self.outliers - 1] * self.top[self.outliers])
        return self.eigenvalues[self.eigenvalues < edge]

    def flat_share(self, eps: float = FLAT) -> float:
        """Share of the eigenvalues with |λ| ≤ eps · |λₘₐₓ|, between 0 and 1."""
        return float(self.weights[np.abs(self.eigenvalues) <= eps * abs(self.top[0])].sum())

    @property
    def convexity(self) -> float:
        """|λₘᵢₙ / λₘₐₓ| (Li et al. 2018 Fig. 7): 0 where the loss bends upward in every direction."""
        return float(abs(self.bottom[0] / self.top[0])) if self.top[0] != 0 else float("nan")

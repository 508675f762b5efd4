"""Certain bounds on eigenvalues from the moments in a Krylov space.

A space that starts from v knows vᵀ A^j v up to some j. Many measures Σ_i (vᵀu_i)² δ(λ − λ_i) have these moments; of all of
them none has more mass at x, or less of it below x, than the rule that has x among its nodes (Chebyshev, Markov and Stieltjes;
Gauss-Radau rules, Golub & Meurant 1994; of several starts together the same with matrices for masses). What it leaves open
is the quadrature's error, for every network and every number of steps; what the starts' chance leaves open comes on top.
"""

from __future__ import annotations

import math

import scipy
import torch
from torch import Tensor

from .estimate import CONFIDENCE, student
from .lanczos import BlockKrylov

HALVINGS = 50
RANK = 1e-12  # squared, relative to the largest: directions of the rest that are none


class MomentBounds:
    """Bounds on the measures of `starts` (m, P), and on eigenvalues, from the space that they span together.

    space   a block Krylov space with `starts` in it
    starts  random signs, or standard normal numbers

    >>> from ..curvature.operators import Matrix
    >>> from .probes import random_rows
    >>> from .quadrature import block_space
    >>> A = Matrix(torch.diag(torch.linspace(-1, 3, 200).double()))  # a quarter of the eigenvalues lies below 0
    >>> starts = random_rows(A, 4)
    >>> low, high = MomentBounds(block_space(A, starts, 6), starts).below(0.0)
    >>> bool((low <= high).all()), low.mean().item() < 0.25 < high.mean().item()
    (True, True)
    """

    def __init__(self, space: BlockKrylov, starts: Tensor) -> None:
        self.size = starts.shape[1]
        self._inner = space.inner.double().cpu()
        self._values, vectors = torch.linalg.eigh(self._inner)
        rest = space.rest.double().cpu()
        gram = rest @ rest.T
        lengths, turned = torch.linalg.eigh(gram)
        independent = (
            lengths > max(RANK * float(lengths.max()), RANK * float(self._values.abs().max()) ** 2) if len(gram) else []
        )
        coupling = (turned * lengths.clamp_min(0).sqrt())[:, independent].T if len(gram) else gram  # (r, b)
        self._beside = torch.zeros(len(coupling), len(self._inner), dtype=torch.float64)
        self._beside[:, len(self._inner) - len(rest) :] = coupling
        along = (starts.double() @ space.basis.double().T).cpu()
        self._along = along / along.norm(dim=1, keepdim=True)
        self._turned_along, self._turned_beside = self._along @ vectors, self._beside @ vectors

    @property
    def closed(self) -> bool:
        """Whether nothing lies outside the space that the starts could reach."""
        return len(self._beside) == 0

    def below(self, x: float) -> tuple[Tensor, Tensor]:
        """Bounds (m,), (m,) on the share of each start's measure below x: at least the first, at most the second at or below x."""
        if self.closed:
            mass = self._turned_along.square()
            return (mass * (self._values < x)).sum(1), (mass * (self._values <= x)).sum(1)
        x = self._apart(x)
        nodes, vectors = torch.linalg.eigh(self._with_node(x))
        at_x = (nodes - x).abs().argsort()[: len(self._beside)]
        counts = nodes < x
        counts[at_x] = False
        masses = (self._along @ vectors[: len(self._inner)]).square()
        low = (masses * counts).sum(1)
        return low, (low + masses[:, at_x].sum(1)).clamp_max(1.0)

    def most_mass(self, x: float) -> float:
        """The most that Σ_j (u · v_j)² can be for a unit eigenvector u of an eigenvalue x, v_j the starts with ‖v_j‖² = P."""
        gaps = self._values - self._apart(x)
        towards = (self._turned_along / gaps) @ self._turned_beside.T
        lengths = (self._turned_beside / gaps) @ (self._turned_beside / gaps).T
        lengths += torch.eye(len(lengths), dtype=torch.float64)
        inverse, failed = torch.linalg.inv_ex(lengths)
        mass = towards @ inverse @ towards.T
        if bool(failed) or not bool(torch.isfinite(mass).all()):  # x is a Ritz value to rounding
            return math.inf
        return self.size * float(torch.linalg.eigvalsh((mass + mass.T) / 2).max())

    def beyond(self, largest: bool = True, confidence: float = (1 + CONFIDENCE) / 2) -> float:
        """How far the largest (or smallest) eigenvalue may lie, at that confidence over the starts.

        Its eigenvector u has Σ_j (u · v_j)² at least the lower quantile of χ²_m, so that it lies no farther than where the
        moments leave room for so much. 1 − `confidence` of draws have less.
        """
        sign = 1.0 if largest else -1.0
        end = float(self._values[-1 if largest else 0])
        if self.closed:
            return end
        least = float(scipy.special.chdtri(len(self._along), confidence))
        near, far = 0.0, float(self._turned_beside.norm()) + 1e-9 * abs(end)
        while self.most_mass(end + sign * far) >= least and math.isfinite(far):
            near, far = far, 2 * far
        for _ in range(HALVINGS):
            middle = (near + far) / 2
            near, far = (middle, far) if self.most_mass(end + sign * middle) >= least else (near, middle)
        return end + sign * far

    def _with_node(self, x: float) -> Tensor:
        """The projected matrix with one block more, chosen such that x is an eigenvalue as often as it has rows."""
        count, more = self._inner.shape[0], len(self._beside)
        extended = torch.zeros(count + more, count + more, dtype=torch.float64)
        extended[:count, :count], extended[count:, :count], extended[:count, count:] = (
            self._inner,
            self._beside,
            self._beside.T,
        )
        gaps = self._values - x
        extended[count:, count:] = x * torch.eye(more) + (self._turned_beside / gaps) @ self._turned_beside.T
        return (extended + extended.T) / 2

    def _apart(self, x: float) -> float:
        """x, or a number beside it that is no Ritz value: there the rule is the space's own."""
        scale = 1e-13 * max(float(self._values.abs().max()), 1e-300)
        return x if bool(((self._values - x).abs() > scale).all()) else x + 2 * scale


def interval(low: Tensor, high: Tensor) -> tuple[float, float]:
    """A 95 % interval of the mean over all starts, from bounds (m,) for each of m: both ends by Student's t at m − 1.

    >>> [round(end, 6) for end in interval(torch.tensor([0.2, 0.2, 0.2]), torch.tensor([0.4, 0.4, 0.4]))]
    [0.2, 0.4]
    """
    count = len(low)
    reach = student(count - 1) / count**0.5 if count > 1 else math.inf
    return float(low.mean() - reach * low.std()), float(high.mean() + reach * high.std())

"""The true Fisher information of single examples, as rows r with F_n = Σ_k r_nk r_nkᵀ: no (P, P) matrix is ever made.

F_n = Jᵀ M J, M the Fisher of the outputs in closed form: rows are J's columns weighed by the symmetric root of M. All of them
give F_n itself; fewer are taken with random signs, r = Jᵀ M^½ ξ, whose mean is F_n (Hutchinson 1990). A draw of one label
would have the same mean, but where the network is sure nearly every draw is a gradient of nothing. Of a loss that states no
likelihood M is what is positive of ∂²ℓ/∂z², and F_n the Gauss-Newton matrix.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..checks import InputError
from ..network.batch_dependence import WHY_NONE_ALONE, draws_numbers
from ..network.batching import none_alone
from ..network.workspace import Workspace
from ..parameters.layout import as_real
from ..problem.likelihoods.protocol import Likelihood, Middle
from .example_gradients import chunk_rows, gradient_pieces
from .loss_function import LossFunction
from .output_curvature import output_hessian

MOST_OUTPUTS = 100  # of one prediction, whose M is made whole; beyond, labels are drawn
DRAWS = "The Fisher of single examples is not taken of a network that draws random numbers in its forward pass."


@dataclass(frozen=True)
class FisherRows:
    """Rows of all examples.

    rows   (m, D, P padded): F_n = Σ_d r_nd r_ndᵀ, or its mean over the signs that were drawn
    exact  whether it is F_n itself
    """

    rows: Tensor
    exact: bool

    @property
    def gram(self) -> FisherGram:
        """Their inner products."""
        flat = self.rows.flatten(0, 1)
        return FisherGram((flat @ flat.T).double().cpu(), self.rows.shape[1])


@dataclass(frozen=True)
class FisherGram:
    """Inner products of the rows of m examples, `each` of them for every one.

    matrix  (m each, m each) float64

    >>> one = FisherGram(torch.tensor([[4.0, 0.0], [0.0, 1.0]]).double(), 1)
    >>> one.traces.tolist(), one.products.tolist()
    ([4.0, 1.0], [[16.0, 0.0], [0.0, 1.0]])
    """

    matrix: Tensor
    each: int

    @property
    def count(self) -> int:
        """m."""
        return len(self.matrix) // self.each

    @property
    def traces(self) -> Tensor:
        """tr F_n, (m,)."""
        return self.matrix.diagonal().reshape(self.count, self.each).sum(1)

    @property
    def products(self) -> Tensor:
        """tr F_n F_n' of all pairs of examples, (m, m); off the diagonal its mean over the signs is the true one."""
        return self.matrix.square().reshape(self.count, self.each, self.count, self.each).sum((1, 3))

    def first(self, rows: int) -> FisherGram:
        """The Gram matrix of the first examples that together have at most `rows` rows; of one example at least."""
        kept = self.each * max(1, min(self.count, rows // self.each))
        return FisherGram(self.matrix[:kept, :kept], self.each)

    def dimension(self, damping: float) -> tuple[float, float]:
        """tr F (F + λ)⁻¹ of the mean F of the examples, and its infinitesimal jackknife error (Jaeckel 1972).

        >>> FisherGram(torch.tensor([[6.0, 0.0], [0.0, 2.0]]).double(), 1).dimension(1.0)[0]  # F = diag(3, 1)
        1.25
        """
        values, vectors = torch.linalg.eigh(self.matrix)
        values = values.clamp(min=0)
        shares = values / self.count / (values / self.count + damping)
        # how much more of an example would change it: λ tr (F + λ)⁻² F_n
        weights = damping * values / (values / self.count + damping).square()
        influence = (vectors.square() @ weights).reshape(self.count, self.each).sum(1)
        error = float(influence.std()) / self.count**0.5 if self.count > 1 else math.nan
        return float(shares.sum()), error


def fisher_rows(function: LossFunction, most: int, seed: int = 0) -> FisherRows:
    """The rows of each example's mean Fisher over its predictions, at `function.point`.

    Parameters
    ----------
    function  the problem's loss at a point
    most      rows in all: every example has as many as its outputs where these are no more, else fewer, with random signs, one
              at least
    seed      of the signs

    Raises
    ------
    InputError  examples that depend on the others of their batch; a network that draws random numbers; no likelihood where
                there are too many outputs for M

    >>> from torch import nn
    >>> from ..problem.likelihoods import Gaussian
    >>> from ..problem.problem import Problem
    >>> problem = Problem(nn.Linear(2, 1, bias=False), torch.eye(2), torch.zeros(2, 1), loss=Gaussian(0.5))
    >>> fisher_rows(LossFunction(problem, device="cpu"), 10).gram.products.round().tolist()  # F_n = x xᵀ / σ²
    [[16.0, 0.0], [0.0, 16.0]]
    """
    problem = function.problem
    function.require_derivatives()
    if none_alone(problem):
        raise InputError(WHY_NONE_ALONE)
    if draws_numbers(problem):
        raise InputError(DRAWS)
    pieces = list(_Pieces(function, most, seed).made())
    return FisherRows(torch.cat([rows for rows, _ in pieces]), all(exact for _, exact in pieces))


class _Pieces:
    def __init__(self, function: LossFunction, most: int, seed: int) -> None:
        self.function, self.space, self.likelihood = function, function.workspace, function.problem.likelihood
        self.each = max(1, most // function.problem.example_count)
        self.generator = torch.Generator().manual_seed(seed)
        self.projected = copy.copy(self.space)
        self.projected.problem = copy.copy(function.problem)
        self.projected.problem.likelihood = Projected()  # type: ignore[assignment]
        self.point = function.layout.views(function.point)

    def made(self) -> Iterator[tuple[Tensor, bool]]:
        size = chunk_rows(self.function.problem.parameter_count)
        for batch in self.space.batches:
            for start in range(0, len(batch.shaped_targets), size):
                part = slice(start, start + size)
                args, kwargs = tuple(t[part] for t in batch.args), {k: t[part] for k, t in batch.kwargs.items()}
                yield self._chunk(args, kwargs, batch.shaped_targets[part])

    def _chunk(self, args: tuple[Tensor, ...], kwargs: dict[str, Tensor], targets: Tensor) -> tuple[Tensor, bool]:
        with torch.no_grad():
            outputs = self.space.outputs_at(self.point, args, kwargs)
        rooted = self._root(outputs, targets)
        if rooted is None:
            drawn = (self._labels(outputs, targets) for _ in range(self.each))
            rows = [self._rows(self.space, args, kwargs, y, "negative_log_likelihoods") for y in drawn]
            return torch.stack(rows, 1) / (self._predictions(targets) * self.each) ** 0.5, False
        numbers, back = rooted.numbers, rooted.cotangents
        exact = numbers <= self.each
        with torch.no_grad():
            weights = self._unit(len(targets), numbers) if exact else self._signs(len(targets), numbers)
        rows = [self._rows(self.projected, args, kwargs, back(each), "losses") for each in weights]
        return torch.stack(rows, 1), exact

    def _unit(self, count: int, numbers: int) -> Iterator[Tensor]:
        return (row.expand(count, numbers) for row in torch.eye(numbers, dtype=torch.float64))

    def _signs(self, count: int, numbers: int) -> Iterator[Tensor]:
        shape = (self.each, count, numbers)
        signs = torch.randint(0, 2, shape, generator=self.generator, dtype=torch.int8)
        return iter(signs.double().mul_(2).sub_(1) / self.each**0.5)

    def _labels(self, outputs: Any, targets: Tensor) -> Tensor:
        return self.likelihood.sample(outputs, targets, self.generator).detach().clone()

    def _predictions(self, targets: Tensor) -> Tensor:
        rows = self.likelihood.target_rows(targets)
        predicted = self.likelihood.predicted(rows)
        counted = torch.ones(len(rows)) if predicted is None else predicted.double()
        count = counted.reshape(len(targets), -1).sum(1).clamp(min=1)
        return count.to(self.function.point)[:, None, None]

    def _root(self, outputs: Any, targets: Tensor) -> _Root | None:
        if not isinstance(outputs, Tensor) or not outputs.is_floating_point():
            return None
        leaf = outputs.detach().requires_grad_(True)
        with torch.enable_grad():
            rows, wanted = self.likelihood.flatten(leaf, targets)
        if not isinstance(rows, Tensor) or _flat(rows).shape[1] > MOST_OUTPUTS:
            return None
        return _Root(self.likelihood, leaf, rows, targets, self._middle(rows.detach(), wanted))

    def _middle(self, rows: Tensor, targets: Tensor) -> Middle:
        if self.likelihood.is_likelihood:
            return self.likelihood.output_fisher(rows)
        return output_hessian(self.likelihood, rows, targets, self.function.by_differences)

    def _rows(self, space: Workspace, args: Any, kwargs: Any, targets: Tensor, of: str) -> Tensor:
        layout, rows = self.function.layout, []
        for piece in gradient_pieces(space, self.point, args, kwargs, targets, mean=False, of=of):
            row = self.function.point.new_zeros(len(piece[layout.names[0]]), layout.size)
            for name, offset, width in zip(layout.names, layout.offsets, layout.widths, strict=True):
                row[:, offset : offset + width] = as_real(piece[name]).reshape(len(row), -1)
            rows.append(row)
        return torch.cat(rows)


class _Root:
    """M^½ of every prediction of a chunk of examples, divided by the number of predictions of each example."""

    def __init__(self, likelihood: Likelihood, outputs: Tensor, rows: Tensor, targets: Tensor, middle: Middle) -> None:
        self.outputs, self.rows, self.count = outputs, rows, len(outputs)
        predicted = likelihood.predicted(likelihood.target_rows(targets))
        counted = torch.ones(len(rows), dtype=torch.bool) if predicted is None else predicted
        mask = counted.to(rows.device).reshape(self.count, -1)
        counts = mask.sum(1)
        # of an example's predictions those that count stand first: of a sequence of which one token counts, it alone is weighed
        first = mask.int().argsort(dim=1, descending=True, stable=True)[:, : max(1, int(counts.max()))]
        self.places = first + mask.shape[1] * torch.arange(self.count, device=rows.device)[:, None]
        root = symmetric_root(middle, rows.detach())[self.places]
        share = mask.gather(1, first) / counts.clamp(min=1)[:, None]
        self.root = root * share.sqrt()[..., None, None]
        self.numbers = first.shape[1] * root.shape[-1]

    def cotangents(self, weights: Tensor) -> Tensor:
        """M^½ w in the outputs' own shape, from w (m, numbers)."""
        shaped = weights.to(self.root).reshape(self.root.shape[:-1])
        wanted = _flat(self.root.new_zeros(self.rows.shape))
        wanted[self.places.flatten()] = (self.root @ shaped[..., None]).flatten(0, 1).flatten(1)
        shaped_rows = wanted.reshape_as(self.rows).to(self.rows)
        (found,) = torch.autograd.grad(self.rows, self.outputs, shaped_rows, retain_graph=True)
        return found


def symmetric_root(middle: Middle, outputs: Tensor) -> Tensor:
    """M^½ (m, K, K) in float64 of what is positive of u → M u for outputs (m, …) of K numbers each.

    >>> from ..problem.likelihoods.protocol import softmax_fisher
    >>> z = torch.tensor([[0.0, 1.0, -2.0]]).double()
    >>> root, p = symmetric_root(softmax_fisher(z), z)[0], z.softmax(1)[0]
    >>> bool(torch.allclose(root @ root, torch.diag(p) - torch.outer(p, p)))
    True
    """
    flat = _flat(outputs.double())
    columns = []
    for k in range(flat.shape[1]):
        unit = torch.zeros_like(flat)
        unit[:, k] = 1
        columns.append(_flat(middle(unit.reshape(outputs.shape).to(outputs)).double()))
    matrix = torch.stack(columns, 2)
    if not bool(torch.isfinite(matrix).all()):
        raise ArithmeticError("the Fisher of the outputs is not finite")
    values, vectors = torch.linalg.eigh((matrix + matrix.mT) / 2)
    return (vectors * values.clamp(min=0).sqrt()[:, None]) @ vectors.mT


def _flat(rows: Tensor) -> Tensor:
    """(m, K), of a network that gives one number for each example too."""
    return rows.reshape(len(rows), -1)


class Projected:
    """The "loss" ⟨c, z⟩ of outputs z with given cotangents c as targets: its gradient is Jᵀ c."""

    def flatten(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return outputs.reshape(len(targets), -1), targets.reshape(len(targets), -1)

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """⟨c, z⟩ per example."""
        return (outputs * targets).sum(1)

"""Stochastic Lanczos quadrature (Golub & Meurant 1994; Ghorbani et al. 2019; Yao et al. 2020).

For a unit start v, k Lanczos steps give a tridiagonal T whose eigenvalues, weighted by the squared first components
of its eigenvectors, are a k-point Gauss rule for the density Σ_i (vᵀu_i)² δ(λ − λ_i). Its mean over random v is the
spectral density. Drawn unweighted, the same Ritz values are no density at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..checks import InputError
from ..curvature.operators import NotFinite, Operator
from .density import broadening
from .estimate import Estimate, mean_estimate
from .lanczos import BlockKrylov

BASIS_NUMBERS = 64_000_000  # Lanczos vectors held at once: 256 MB in float32
Rules = tuple[Tensor, ...]
LOOK = 10  # steps from one look at the rules to the next
GRID_POINTS = 4_096

ENDED = 1e-9  # of the largest Ritz value: misses so small that the space is invariant


@dataclass(frozen=True)
class Quadrature:
    """The estimate of the spectrum by one Lanczos run from each of m probes; every probe counts the same.

    nodes     (m, k) float64, Ritz values, ascending in each row; a block run gives every probe the same
    weights   (m, k) float64, each row sums to 1; 0 behind the end of a run that ended early
    misses    (m, k) float64, ‖A y − λ y‖ of each Ritz pair, by the recurrence
    size      P
    """

    nodes: Tensor
    weights: Tensor
    misses: Tensor
    size: int

    @property
    def traces(self) -> Tensor:
        """P vᵀAv/vᵀv of each probe (m,), whose mean is tr A."""
        return self.size * (self.weights * self.nodes).sum(1)

    @property
    def trace(self) -> Estimate:
        """tr A; the standard error is that of the mean over probes."""
        return mean_estimate(self.traces)

    def share(self, low: float, high: float) -> Estimate:
        """Share of the eigenvalues with low ≤ λ ≤ high, its standard error over probes."""
        return mean_estimate((self.weights * ((self.nodes >= low) & (self.nodes <= high))).sum(1))

    def below(self, level: float, slack: float = 0.0) -> Estimate:
        """Share of the eigenvalues with λ < level, its standard error over probes.

        A Ritz value stands for eigenvalues on both sides of it, half its weight on each (the bounds of Chebyshev,
        Markov and Stieltjes, met in the middle), and between two Ritz values the share is interpolated. One within
        `slack` of the level is taken for an eigenvalue that equals it, as the zeros of a singular matrix do.
        """
        return mean_estimate(
            torch.stack([_below(n, w, level, slack) for n, w in zip(self.nodes, self.weights, strict=True)])
        )

    def bounds_below(self, level: float) -> tuple[Tensor, Tensor]:
        """Certain bounds (m,), (m,) on the share of each probe's measure with λ ≤ level.

        A measure with the rule's moments has at least the weight of all nodes below the last one that is not above the level, and
        at most that of all up to the first one above it (Chebyshev, Markov and Stieltjes). Of a run that ended in an invariant
        subspace the rule is the measure.
        """
        nodes, order = self.nodes.double().where(self.weights > 0, torch.inf).sort(1)
        sums = F.pad(self.weights.double().gather(1, order).cumsum(1), (1, 1))  # 0, w₁, w₁ + w₂, …
        sums[:, -1] = sums[:, -2]
        count = (nodes <= level).sum(1, keepdim=True)
        within = sums.gather(1, count)[:, 0]
        low, high = (sums.gather(1, each)[:, 0] for each in ((count - 1).clamp_min(0), count + 1))
        slack = ENDED * self.nodes.abs().amax(1)
        ended = self.misses.where(self.weights > 0, 0.0).amax(1) <= slack
        ended &= ((nodes - level).abs() > slack[:, None]).all(
            1
        )  # else it is not known on which side an eigenvalue lies
        return torch.where(ended, within, low), torch.where(ended, within, high)

    def bounds_between(self, low: float, high: float) -> tuple[Tensor, Tensor]:
        """Certain bounds (m,), (m,) on the share of each probe's measure with low < λ ≤ high."""
        (under, upper_under), (over, upper_over) = self.bounds_below(low), self.bounds_below(high)
        return (over - upper_under).clamp_min(0.0), (upper_over - under).clamp_max(1.0)

    def extreme(self, largest: bool = True) -> tuple[float, float]:
        """The largest (or smallest) Ritz value of all probes and its miss ‖A y − λ y‖: some eigenvalue is that near."""
        pick = self.nodes.where(self.weights > 0, -torch.inf if largest else torch.inf)
        place = int(pick.argmax() if largest else pick.argmin())
        return float(self.nodes.flatten()[place]), float(self.misses.flatten()[place])


def lanczos_quadrature(operator: Operator, starts: Tensor, steps: int = 80, settled: float | None = None) -> Quadrature:
    """Gauss rules of up to `steps` points from each row of `starts` (m, P), all probes in step, fully reorthogonalised.

    A run whose start lies in an invariant subspace ends there; its rule is then exact and its weights still sum to 1.
    Where the Lanczos vectors of all probes would not fit, groups of probes run one after another.

    Parameters
    ----------
    settled  the runs end where LOOK further steps moved the mean density, broadened to the width that `Spectrum` draws it
             with, by no more than this in L¹ (which is 2 for densities with nothing in common); None: never

    >>> from ..curvature.operators import Matrix
    >>> rule = lanczos_quadrature(Matrix(torch.diag(torch.tensor([1.0, 4.0, 4.0, 9.0]).double())), torch.ones(1, 4).double())
    >>> [(round(x, 6), round(w, 6)) for x, w in zip(rule.nodes[0].tolist(), rule.weights[0].tolist()) if w > 0]
    [(1.0, 0.25), (4.0, 0.5), (9.0, 0.25)]

    Raises
    ------
    InputError  fewer than one step; a start that is zero
    NotFinite   products that are not finite
    """
    _check(starts, steps)
    depth = min(steps, operator.size)
    group = max(1, BASIS_NUMBERS // (depth * operator.size))
    parts = [_run(operator, rows, depth, settled) for rows in starts.split(group)]
    taken = max(part[0].shape[1] for part in parts)
    filled = [[F.pad(each, (0, taken - each.shape[1])) for each in part] for part in parts]
    nodes, weights, misses = (torch.cat(each) for each in zip(*filled, strict=True))
    return Quadrature(nodes, weights, misses, operator.size)


def block_space(operator: Operator, starts: Tensor, steps: int) -> BlockKrylov:
    """The one Krylov space that all `starts` (m, P) span together in `steps` block steps: m · steps products.

    It keeps as many vectors at once, so it is for few steps.

    Raises
    ------
    InputError  fewer than one step; a start that is zero
    NotFinite   products that are not finite
    """
    _check(starts, steps)
    space = BlockKrylov(operator, starts, min(len(starts) * steps, operator.size))
    for _ in range(steps):
        space.grow()
        if space.full or space.closed:
            break
    return space


def block_quadrature(space: BlockKrylov, starts: Tensor) -> Quadrature:
    """Rules from the space that all `starts` (m, P) span together, by `block_space`.

    The space holds each probe's own and more, so that every rule has m · steps points for the price of `steps`, and its
    outermost points come nearer to the outermost eigenvalues (Golub & Underwood 1977). As many products as there are
    parameters give every eigenvalue.

    >>> from ..curvature.operators import Matrix
    >>> numbers = torch.arange(1.0, 9.0).double()
    >>> matrix, starts = Matrix(torch.diag(numbers)), torch.stack([numbers.sin(), numbers.cos()])
    >>> rule = block_quadrature(block_space(matrix, starts, 4), starts)  # 2 probes, 4 steps: all of the 8 eigenvalues
    >>> [round(x, 6) for x in rule.nodes[1].tolist()]
    [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    """
    values, vectors = torch.linalg.eigh(space.inner)
    along = (starts.double() @ space.basis.double().T).cpu()
    weights = (along @ vectors).square()
    misses = (vectors[-len(space.rest) :].T @ space.rest.double().cpu()).norm(dim=1)
    count = len(starts)
    return Quadrature(
        values.expand(count, -1),
        weights / weights.sum(1, keepdim=True),
        misses.expand(count, -1),
        starts.shape[1],
    )


def _check(starts: Tensor, steps: int) -> None:
    if steps < 1:
        raise InputError(f"steps should be 1 or more, but is {steps}.")
    if bool((starts == 0).all(1).any()):
        raise InputError("A Lanczos run cannot start from the zero vector: give probes with entries other than 0.")


def _run(operator: Operator, starts: Tensor, depth: int, settled: float | None) -> Rules:
    count, where = len(starts), starts.device
    basis = starts.new_zeros(count, depth, operator.size)
    diagonal, beside = (torch.zeros(count, depth, dtype=torch.float64, device=where) for _ in range(2))
    alive = torch.ones(count, dtype=torch.bool, device=where)
    vectors, scale = starts / starts.norm(dim=1, keepdim=True), torch.zeros(count, dtype=torch.float64, device=where)
    before = None
    for step in range(depth):
        basis[:, step] = vectors
        moved = operator.products(vectors)
        diagonal[:, step] = (vectors.double() * moved.double()).sum(1)
        rest = _without(moved, basis[:, : step + 1])
        beta = rest.double().norm(dim=1)
        scale = torch.maximum(scale, torch.maximum(diagonal[:, step].abs(), beta))
        alive = alive & (beta > 10 * torch.finfo(starts.dtype).eps * scale)
        beside[:, step] = torch.where(alive, beta, 0.0)
        vectors = torch.where(alive[:, None], rest / beta[:, None].clamp_min(1e-300).to(rest), 0.0)
        if (step + 1) % LOOK == 0 or step + 1 == depth:  # the only step in LOOK that waits for a GPU
            if not bool(torch.isfinite(diagonal).all()):
                raise NotFinite
            rules = _rules(diagonal.cpu(), beside.cpu(), step + 1)
            if not bool(alive.any()):
                break
            if settled is not None and before is not None and _moved(before, rules) <= settled:
                return tuple(each[:, : step + 1] for each in rules)
            before = rules
    return rules


def _rules(diagonal: Tensor, beside: Tensor, steps: int) -> Rules:
    """Of the first `steps` steps, each (m, depth): nodes, weights and misses, zeros behind their ends."""
    lengths = [int((row[:steps] == 0).nonzero()[0]) + 1 if bool((row[:steps] == 0).any()) else steps for row in beside]
    rules = [_rule(a, b, n) for a, b, n in zip(diagonal, beside, lengths, strict=True)]
    return tuple(torch.stack(each) for each in zip(*rules, strict=True))


def _moved(before: Rules, now: Rules) -> float:
    """L¹ distance of the two mean densities, on a grid of half a width, of GRID_POINTS at most."""
    used = now[0][now[1] > 0]
    low, high = float(used.min()), float(used.max())
    width = broadening(high - low)
    points = min(GRID_POINTS, int((high - low + 8 * width) / width * 2) + 2)
    grid = torch.linspace(low - 4 * width, high + 4 * width, points, dtype=torch.float64)
    change = torch.zeros(points, dtype=torch.float64)
    for sign, (nodes, weights, _) in ((1, now), (-1, before)):
        for node, weight in zip(nodes, weights, strict=True):
            bells = torch.exp(-0.5 * ((grid[:, None] - node[weight > 0]) / width) ** 2)
            change += sign * (bells @ weight[weight > 0])
    whole = change.abs().sum() * (grid[1] - grid[0]) / (width * (2 * torch.pi) ** 0.5)
    return float(whole) / len(now[0])


def _without(rows: Tensor, basis: Tensor) -> Tensor:
    """Each row (m, P) without its part in its own basis (m, k, P); twice is enough (Parlett)."""
    for _ in range(2):
        along = torch.bmm(basis, rows[:, :, None])
        rows = rows - torch.bmm(along.transpose(1, 2), basis)[:, 0]
    return rows


def _rule(diagonal: Tensor, beside: Tensor, length: int) -> tuple[Tensor, Tensor, Tensor]:
    T = torch.diag(diagonal[:length])
    off = torch.arange(length - 1)
    T[off, off + 1] = T[off + 1, off] = beside[: length - 1]
    values, vectors = torch.linalg.eigh(T)
    nodes, weights, misses = (torch.zeros_like(diagonal) for _ in range(3))
    nodes[:length], weights[:length] = values, vectors[0].square()
    misses[:length] = beside[length - 1] * vectors[-1].abs()
    return nodes, weights, misses


def _below(nodes: Tensor, weights: Tensor, level: float, slack: float) -> Tensor:
    nodes, weights = nodes[weights > 0], weights[weights > 0]
    under, over = nodes < level - slack, nodes > level + slack
    whole = weights[under].sum()
    if not bool(under.any()) or not bool(over.any()) or not bool((under | over).all()):
        return whole
    last = int(under.sum()) - 1  # the nodes ascend
    reach = (level - nodes[last]) / (nodes[last + 1] - nodes[last])
    return whole - weights[last] / 2 + reach * (weights[last] + weights[last + 1]) / 2

"""A few examples run on a copy of the network, in float64 where that can be: what a problem is tested on before it is measured."""

from __future__ import annotations

import torch
from torch import Tensor

from ..machine.random_state import drawing_from, random_state, same
from ..problem.problem import Problem
from ..problem.trial import passes
from .purity import Stillness
from .workspace import Workspace

MOST_DOUBLE_BYTES = 16 * 2**20  # of a copy in float64; larger networks are tried in their own precision
SHIFTS = (0.0, 0.3, 1.0, 3.0)  # of a tensor's root mean square, by which its entries are moved, by seed


def first_predicted(problem: Problem, count: int) -> Tensor:
    """The first examples in which something is predicted, (m ≤ count,); the first of all where none is left out.

    >>> from torch import nn
    >>> half_labelled = Problem(nn.Linear(2, 3), torch.ones(4, 2), torch.tensor([-100, -100, 0, 1]))
    >>> first_predicted(half_labelled, 2).tolist()
    [2, 3]
    """
    likelihood, every = problem.likelihood, torch.arange(problem.example_count)
    predicted = likelihood.predicted(likelihood.target_rows(problem.targets)) if problem.ignores else None
    if predicted is None or predicted.numel() % len(every):
        return every[:count]
    return every[predicted.view(len(every), -1).any(1).cpu()][:count]


class FewExamples:
    """Losses of a few examples at θ₀ and beside it.

    Parameters
    ----------
    problem  whose network is tried
    rows     (m,) which examples; None: all of them

    Attributes
    ----------
    part     the problem of these examples
    space    the network's copy and these examples in one batch
    digits   relative difference up to which two losses count as the same: half of the precision's digits
    """

    def __init__(self, problem: Problem, rows: Tensor | None) -> None:
        part = problem.subset(torch.arange(problem.example_count) if rows is None else rows)
        part.draws, part.batches = 1, None
        self.part = part
        self.space = _in_double(part) or Workspace(part, _device(part))
        self._still = _still(self.space)
        self.digits = 4 * torch.finfo(self.space.dtype).eps ** 0.5

    def losses(self, size: int | None = None) -> Tensor:
        """Loss per prediction, the examples in batches of `size` (None: one batch), from seeded draws where there are any."""
        space = self.space
        space.rebatch(size or space.problem.example_count)
        with drawing_from(0, space.device), passes(space.problem.differentiates):
            found = self._still.run(lambda: torch.cat([space.losses(batch).detach() for batch in space.batches]))
        return found.clone() if space.problem.likelihood.is_per_example else found.sum()[None]

    def draws(self) -> bool:
        """Whether the losses are taken from random numbers."""
        device = self.space.device
        with drawing_from(0, device):
            before = random_state(device)
            with passes(self.space.problem.differentiates):
                for batch in self.space.batches:
                    self.space.losses(batch)
            return not same(before, random_state(device))

    def move(self, seed: int) -> None:
        """Go to another place: every tensor by a share of its own size, or by as much outright where it is zero, and from seed
        2 on where it is small. Seed 0: θ₀."""
        self.space.flat.copy_(self.space.origin)
        generator, shift = torch.Generator().manual_seed(seed), SHIFTS[min(seed, len(SHIFTS) - 1)]
        for view in self.space.layout.views(self.space.flat).values():
            if view.numel() and shift:
                size = float(view.detach().abs().square().mean() ** 0.5) or 1.0
                size = max(size, 1.0) if seed >= 2 else size
                view += (shift * size * torch.randn(view.shape, generator=generator)).to(view)

    def agree(self, one: Tensor, other: Tensor) -> bool:
        """Whether two vectors of losses are the same up to rounding; NaN is like NaN."""
        if one.shape != other.shape:
            return False
        scale = one.abs() + one[torch.isfinite(one)].abs().mean().nan_to_num()
        near = (one - other).abs() <= self.digits * scale
        return bool((near | (one == other) | (one.isnan() & other.isnan())).all())


def _device(problem: Problem) -> torch.device:
    return next((p.device for p in problem.model.parameters()), torch.device("cpu"))


def _still(space: Workspace) -> Stillness:
    return Stillness(space.model, space.device, space.problem.fixed_parameters)


def _in_double(part: Problem) -> Workspace | None:
    """The network in float64; None where it is too large for that, or keeps a precision of its own."""
    if 8 * part.parameter_count > MOST_DOUBLE_BYTES or any(p.is_complex() for p in part.model.parameters()):
        return None
    try:
        space = Workspace(part, _device(part), torch.float64)
        with drawing_from(0, space.device), passes(part.differentiates):
            losses = _still(space).run(lambda: space.losses(space.batches[0]))
    except Exception:  # whatever a network's own code says to tensors of another precision
        return None
    return space if losses.dtype == torch.float64 else None

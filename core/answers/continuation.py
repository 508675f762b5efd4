"""How a causal language model goes on from the first half of an example: the likeliest token, again and again.

Whether a problem is such a model is not guessed: its targets must be its own tokens one place on, and what it says at a place
must not change with the tokens behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..network.batching import none_alone
from ..network.batchnorm import calibrate
from ..network.workspace import Workspace
from ..problem.problem import Problem
from .rows import outputs_at

MOST_TOKENS = 16  # that are said
MOST_PROMPTS = 3
FEWEST = 4  # tokens of an example whose half is a prompt
NO_SHIFT = "The targets are not the inputs' own next tokens, so there is no text to go on with."
NO_CAUSE = "What the network says at a place depends on what comes behind it, so it cannot go on with a text."
SHORT = "The examples are too short to go on with, or begin with what is not predicted."
TOGETHER = "The examples of a batch belong together, so none can be gone on with alone."


def continuation(space: Workspace, points: Sequence[Tensor], rows: Sequence[int]) -> dict[str, np.ndarray] | str:
    """Prompts, how they go on, and what the network says at each flat point (see `Answers`); or why there is none."""
    problem = space.problem
    name = tokens_of(problem)
    if name is None:
        return NO_SHIFT
    if none_alone(problem) or problem.draws > 1:
        return TOGETHER
    writer = _Writer(space, name, list(rows)[:MOST_PROMPTS])
    if writer.known < FEWEST:
        return SHORT
    if not all(writer.is_causal(point) for point in points):
        return NO_CAUSE
    start, end = writer.known // 2, min(writer.known, writer.known // 2 + MOST_TOKENS)
    said = [writer.written(point, start, end) for point in points]
    return {
        "rows": np.array(writer.rows),
        "prompt": writer.tokens[:, :start].cpu().numpy(),
        "true": writer.tokens[:, start:end].cpu().numpy(),
        "said": np.stack([tokens for tokens, _ in said]),
        "probability": np.stack([p for _, p in said]),
    }


def tokens_of(problem: Problem) -> int | str | None:
    """The place or name of the input whose next tokens the targets are; None where there is none.

    >>> from torch import nn
    >>> text = torch.arange(14).reshape(2, 7) % 5
    >>> model = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 5))
    >>> tokens_of(Problem(model, text[:, :-1], text[:, 1:])), tokens_of(Problem(model, text, text))
    (0, None)
    """
    targets = problem.targets
    for name, tensor in [*enumerate(problem.args), *problem.kwargs.items()]:
        whole = not tensor.is_floating_point() and tensor.ndim == 2 and tensor.shape == targets.shape
        if whole and tensor.shape[1] >= 2 and not targets.is_floating_point():
            next_ones, told = tensor[:, 1:], targets[:, :-1]
            kept = told >= 0
            if bool(kept.any()) and bool((next_ones[kept] == told[kept]).all()):
                return name  # type: ignore[return-value]
    return None


class _Writer:
    """A few examples whose tokens are replaced one after another.

    known  how many tokens from the start are predicted in all of them
    """

    def __init__(self, space: Workspace, name: int | str, rows: list[int]) -> None:
        self.space, self.name, self.rows = space, name, rows
        self.batch = next(iter(space.beside(space.problem.subset(torch.tensor(rows)), len(rows)).batches))
        self.tokens = self._given(name).clone()
        lengths = (self.batch.shaped_targets >= 0).long().cumprod(1).sum(1)
        self.known = int(lengths.min())

    def is_causal(self, point: Tensor) -> bool:
        """Whether what is said before the middle stays when the tokens behind it change."""
        calibrate(self.space, point)
        middle = self.known // 2
        other = self.tokens.clone()
        other[:, middle:] = self.tokens[:, middle:].flip(1).roll(1, 0)
        other[:, middle:] = torch.where(other[:, middle:] == self.tokens[:, middle:], 0, other[:, middle:])
        here, there = (self._logs(point, tokens)[:, :middle] for tokens in (self.tokens, other))
        return bool((here - there).abs().max() <= torch.finfo(self.space.dtype).eps ** 0.5 * here.abs().max())

    def written(self, point: Tensor, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """The tokens from `start` to `end` that are likeliest after what was written, and their probabilities, (m, t) each."""
        calibrate(self.space, point)
        tokens, probabilities = self.tokens.clone(), []
        for place in range(start, end):
            p, likeliest = self._logs(point, tokens)[:, place - 1].exp().max(-1)
            tokens[:, place] = likeliest
            probabilities.append(p.cpu().numpy())
        return tokens[:, start:end].cpu().numpy(), np.stack(probabilities, 1)

    def _given(self, name: int | str) -> Tensor:
        return self.batch.args[name] if isinstance(name, int) else self.batch.kwargs[name]

    def _logs(self, point: Tensor, tokens: Tensor) -> Tensor:
        """Log-probabilities of the next token after each place, (m, t, K)."""
        args, kwargs = list(self.batch.args), dict(self.batch.kwargs)
        if isinstance(self.name, int):
            args[self.name] = tokens
        else:
            kwargs[self.name] = tokens
        outputs = outputs_at(self.space, point, self.batch, tuple(args), kwargs).detach()
        logs = self.space.problem.likelihood.class_logits(outputs).double().log_softmax(-1)
        return logs.reshape(*tokens.shape, -1)

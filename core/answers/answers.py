"""`answers`: the same few examples, and what the network says of them at several places."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError, matching
from ..network.batching import forward_batch_size, none_alone
from ..network.batchnorm import calibrate
from ..network.workspace import Workspace, choose_device, dtype_of
from ..problem.problem import Problem
from .continuation import continuation
from .fit import curve, values
from .record import CLASSES, CONTINUATION, CURVE, LOSSES, VALUES, Answers
from .rows import Said, said_at

EXAMPLES = 6
TRAINED = "trained network"
MOST_CLASSES = 16  # whose probabilities are kept: all of so many, else the likeliest
LIKELIEST = 6  # of more classes, at each place and example
MOST_SHOWN = 200_000  # numbers of the examples' inputs that are kept, to show them by


def answers(
    problem: Problem,
    places: Mapping[str, Mapping[str, Tensor] | None] | None = None,
    *,
    examples: int | Sequence[int] = EXAMPLES,
    seed: int = 0,
    device: str | torch.device = "auto",
    dtype: torch.dtype | str | None = None,
) -> Answers:
    """The network's predictions on the same examples at each of several places.

    Classes: their probabilities. Tokens of a causal language model: the likeliest continuation of the example's first half.
    Regression: the fit over the one input, else predicted values beside the true ones. Anything else: the losses.

    Parameters
    ----------
    places    name → θ, dict name → tensor; None: θ₀. Without any, the trained network alone
    examples  how many, drawn from the seed, or which rows
    device, dtype  as in `survey`

    Raises
    ------
    InputError  a place of another network, rows that are not there, a loss that is one number for a whole batch

    >>> from torch import nn
    >>> uniform = nn.Linear(2, 4)
    >>> _ = [nn.init.zeros_(p) for p in uniform.parameters()]
    >>> found = answers(Problem(uniform, torch.ones(9, 2), torch.arange(9) % 4), examples=2, device="cpu")
    >>> found.kind, found.numbers["probability"].round(6).tolist()
    ('classes', [[[0.25, 0.25, 0.25, 0.25], [0.25, 0.25, 0.25, 0.25]]])
    """
    places = {TRAINED: None} if places is None else dict(places)
    if not places:
        raise InputError("places should name one place or more, but is empty: leave it out for the trained network.")
    for name, point in places.items():
        if point is not None:
            matching(point, problem.parameters, f"The place '{name}'")
    if not problem.likelihood.is_per_example:
        raise InputError(
            "This loss is one number for a whole batch, so nothing can be said of one example: let it return one loss per example."
        )
    where = choose_device(device)
    space = Workspace(problem, where, dtype_of(dtype), forward_batch_size(problem, where))
    rows = _rows(problem, examples, seed)
    points = [_flat(space, point) for point in places.values()]
    said = [_at(space, point, rows) for point in points]
    loss = np.array([[each.loss for each in at] for at in said])
    kind, why, numbers = _kind(space, points, said, rows)
    return Answers(
        kind, problem.name, tuple(places), np.array(rows), loss, **_shown(problem, rows), why=why, numbers=numbers
    )


def _rows(problem: Problem, examples: int | Sequence[int], seed: int) -> list[int]:
    count = problem.example_count
    if isinstance(examples, int):
        if examples < 1:
            raise InputError(f"examples should be 1 or more, but is {examples}.")
        drawn = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
        return sorted(drawn[:examples].tolist())
    rows = [int(row) for row in examples]
    if not rows or min(rows) < 0 or max(rows) >= count:
        raise InputError(f"examples should be rows from 0 to {count - 1}, or how many to draw: give other rows.")
    return list(dict.fromkeys(rows))


def _flat(space: Workspace, point: Mapping[str, Tensor] | None) -> Tensor:
    return space.origin if point is None else space.layout.flatten(point, space.device, space.dtype)


def _at(space: Workspace, point: Tensor, rows: Sequence[int]) -> list[Said]:
    calibrate(space, point)
    return said_at(space, point, rows)


def _kind(
    space: Workspace, points: Sequence[Tensor], said: Sequence[Sequence[Said]], rows: Sequence[int]
) -> tuple[str, str, dict[str, np.ndarray]]:
    """(kind of display, why no fuller one is possible, its arrays) for these examples."""
    problem = space.problem
    if any(each.rows is None for at in said for each in at):
        return LOSSES, "What the network returns is handed to the loss as it is, so only losses can be told.", {}
    if problem.likelihood.is_categorical:
        if all(len(each.targets) == 1 for each in said[0]):
            return CLASSES, "", _classes(space, said)
        continued = continuation(space, points, rows)
        if not isinstance(continued, str):
            return CONTINUATION, "", continued
        return LOSSES, continued, {"right": _right(space, said)}
    alone = not none_alone(problem) and problem.draws == 1
    if alone and (fit := curve(space, points)) is not None:
        return CURVE, "", fit
    compared = values(space, points)
    if compared is not None:
        return VALUES, "", compared
    return LOSSES, "The outputs are no values of the targets themselves, so only losses can be told.", {}


def _log_probabilities(space: Workspace, said: Said) -> Tensor:
    assert said.rows is not None
    return space.problem.likelihood.class_logits(said.rows).double().log_softmax(-1)


def _classes(space: Workspace, said: Sequence[Sequence[Said]]) -> dict[str, np.ndarray]:
    logs = torch.stack([torch.cat([_log_probabilities(space, each) for each in at]) for at in said])
    likelihood = space.problem.likelihood
    labels = torch.cat([likelihood.labels(each.targets) for each in said[0]])
    p = logs.exp()
    classes = torch.arange(p.shape[-1])
    if len(classes) > MOST_CLASSES:
        classes = torch.unique(torch.cat([p.topk(LIKELIEST, -1).indices.flatten(), labels.long().flatten()])).cpu()
    return {
        "probability": p[..., classes].cpu().numpy(),
        "class": classes.numpy(),
        "label": labels.long().cpu().numpy(),
        "entropy": -torch.special.xlogy(p, p).sum(-1).cpu().numpy(),
    }


def _right(space: Workspace, said: Sequence[Sequence[Said]]) -> np.ndarray:
    """Share of each example's predictions whose likeliest class is the right one, (k, m)."""
    likelihood = space.problem.likelihood

    def share(each: Said) -> float:
        predicted = likelihood.predicted(each.targets)
        hit = _log_probabilities(space, each).argmax(-1) == likelihood.labels(each.targets)
        kept = hit if predicted is None else hit[predicted]
        return float(kept.double().mean()) if len(kept) else float("nan")

    return np.array([[share(each) for each in at] for at in said])


def _shown(problem: Problem, rows: Sequence[int]) -> dict[str, Any]:
    """The first input of the examples, where it is small enough to be shown."""
    first = problem.inputs[0]
    size = math.prod(first.shape[1:])
    if size * len(rows) > MOST_SHOWN or first.is_complex() or first.layout != torch.strided:
        return {}
    tokens = not first.is_floating_point()
    reach = (0.0, 1.0) if tokens else (float(first.min()), float(first.max()))
    inputs = first[list(rows)].reshape(len(rows), -1).double().cpu().numpy()
    return {"inputs": inputs, "shape": tuple(first.shape[1:]), "reach": reach, "tokens": tokens}

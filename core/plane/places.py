"""Places of parameter space by their names, as the command and the page give them."""

from __future__ import annotations

from pathlib import Path

from ..checks import InputError
from ..problem.at_checkpoint import at_checkpoint
from ..problem.loading import load_problem, sample_names
from ..problem.problem import Problem
from ..problem.weights import read_weights
from .configuration import Configuration

PLACE_HELP = (
    "A place is trained, initial, middle, checkpoint:K of the training path, a file of weights, or another sample or .py "
    "file of the same network; commas between them."
)
CHECKPOINT = "checkpoint:"


def place_of(problem: Problem, name: str) -> Configuration:
    """The configuration that a name means.

    trained                   the problem's present weights
    initial, middle           the first checkpoint of the training path, and the one half-way
    checkpoint:K              checkpoint number K, from 0
    a file of weights         safetensors, or a state dict saved by torch
    a sample, or file.py      the weights of another problem of the same network

    Raises
    ------
    InputError  no such place, or no training path

    >>> import torch
    >>> from torch import nn
    >>> problem = Problem(nn.Linear(2, 2), torch.zeros(3, 2), torch.tensor([0, 1, 0]))
    >>> place_of(problem, "trained") is problem
    True
    """
    if name == "trained":
        return problem
    if name in ("initial", "middle") or name.startswith(CHECKPOINT):
        return _at(problem, _checkpoint(problem, name))
    path = name.partition(":")[0]
    if name in sample_names() or path.endswith(".py"):
        return load_problem(name)
    if Path(name).is_file():
        return read_weights(name)
    raise InputError(
        f"'{name}' is no place of '{problem.name}': give trained, initial, middle, {CHECKPOINT}K, a file of weights, or "
        "another sample or .py file."
    )


def places_of(problem: Problem, names: str, count: int, option: str) -> list[Configuration]:
    """The configurations that `count` names mean, separated by commas.

    Raises
    ------
    InputError  another number of names, or a name that is no place
    """
    words = [word.strip() for word in names.split(",")]
    if len(words) != count:
        raise InputError(
            f"--{option} should be {count} places separated by commas, such as "
            f"{','.join(('initial', 'trained', 'middle')[:count])}, but is '{names}'."
        )
    return [place_of(problem, word) for word in words]


def _at(problem: Problem, index: int) -> Configuration:
    """A checkpoint's parameters, with the statistics that it brings along, if any."""
    own = {} if problem.trajectory is None else problem.trajectory.statistics
    return {**at_checkpoint(problem, index).parameters, **{name: stack[index] for name, stack in own.items()}}


def _checkpoint(problem: Problem, name: str) -> int:
    last = 0 if problem.trajectory is None else len(problem.trajectory) - 1
    if name in ("initial", "middle"):
        return 0 if name == "initial" else last // 2
    number = name.removeprefix(CHECKPOINT)
    if not number.isdigit():
        raise InputError(f"'{name}' should be {CHECKPOINT}K with a whole number K, such as {CHECKPOINT}0.")
    return int(number)

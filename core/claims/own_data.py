"""A person's own examples for the networks of the claims, in place of the digits."""

from __future__ import annotations

import re

import numpy as np
import torch

from ..checks import InputError
from ..density.rows import input_rows
from ..parameters.hashing import tensor_digest
from ..problem.loading import load_problem
from ..problem.problem import Problem
from .population.data import CLASSES, FEATURES, HELD_OUT, MAKERS, SEED, TRAINING, Data, _made

NEEDED = TRAINING + HELD_OUT


def own_data(target: str) -> str:
    """The name under which the populations know a problem's examples: the file's, and a hash of what they are.

    456 of the problem's examples are drawn, 256 to train on and 200 held out; more than 16 features are turned into the 16 leading
    principal components of those to train on. The problem's network is not used.

    Raises
    ------
    InputError  no ten classes, too few examples or features, an example of each class missing among those drawn
    """
    problem = load_problem(target)
    rows, targets = _checked(problem)
    order = np.random.default_rng(SEED).permutation(len(rows))[:NEEDED]
    rows, targets = _components(rows[order]), targets[order]
    if len(np.unique(targets[:TRAINING])) < CLASSES:
        raise InputError(
            f"Among {TRAINING} examples of '{problem.name}' drawn at random not every class occurs: give classes that are more alike in size."
        )
    digest = tensor_digest({"rows": torch.from_numpy(rows), "targets": torch.from_numpy(targets)})[:8]
    plain = re.sub(r"[^\w.]+", "-", problem.name)
    name = f"{plain}-{digest}"
    found = _made(name, rows, targets)

    def known_data() -> Data:
        return found

    MAKERS[name] = known_data
    return name


def _checked(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    labels = problem.likelihood.example_labels(problem.targets)
    if isinstance(labels, str) or problem.prediction_count != problem.example_count:
        raise InputError(
            f"The claims' networks tell {CLASSES} classes apart, but the targets of '{problem.name}' are no classes of examples."
        )
    targets = labels.cpu().numpy().astype(np.int64)
    there = np.unique(targets)
    if len(there) != CLASSES or problem.example_count < NEEDED:
        raise InputError(
            f"The claims' networks need {CLASSES} classes and {NEEDED} examples, {TRAINING} to train on and {HELD_OUT} held out, but '{problem.name}' "
            f"has {len(there)} and {problem.example_count}."
        )
    rows = input_rows(problem)
    if rows.shape[1] < FEATURES:
        raise InputError(
            f"The claims' networks have {FEATURES} inputs, but the examples of '{problem.name}' have {rows.shape[1]} features."
        )
    return rows, np.searchsorted(there, targets)


def _components(rows: np.ndarray) -> np.ndarray:
    """Rows of sixteen features as they are; of more their leading principal components, signs fixed by the largest entry."""
    if rows.shape[1] == FEATURES:
        return rows
    centred = rows - rows[:TRAINING].mean(0)
    _, _, axes = np.linalg.svd(centred[:TRAINING], full_matrices=False)
    leading = axes[:FEATURES]
    leading = leading * np.sign(leading[np.arange(FEATURES), np.abs(leading).argmax(1)])[:, None]
    return np.asarray(centred @ leading.T)

"""The way of running the network that takes half the memory, where a GPU's is at its end."""

from __future__ import annotations

from dataclasses import replace

from ..checks import InputError
from ..network.batching import cut_is_fixed, needs_whole_data
from ..problem.problem import Problem
from .execution import Way


def smaller(way: Way, problem: Problem, error: Exception) -> Way:
    """Half the examples in a pass, or else half the points.

    error  torch's, which the refusal is raised from

    Raises
    ------
    InputError  examples that belong in one pass do not fit; not even one fits
    """
    if needs_whole_data(problem):
        raise InputError(
            "The data set does not fit into the GPU's memory at once, as BatchNorm's statistics over all "
            "of it need: use --device cpu, or fewer examples."
        ) from error
    if cut_is_fixed(problem):
        raise InputError(
            f"A batch of {way.batch_size} examples, which belong together, does not fit into the GPU's memory: use "
            "--device cpu, or Problem(…, batches=…) with fewer."
        ) from error
    if way.batch_size > 1:
        return replace(way, batch_size=way.batch_size // 2)
    if way.points > 1:
        return replace(way, points=way.points // 2)
    raise InputError(
        "Not even one example fits into the GPU's memory: use --device cpu, or float32 in place of float64."
    ) from error

"""How much the curvature depends on which examples it is measured on: the same at θ₀ on further ones, and on more.

What a survey states of its curvature's readouts is their error on the examples sampled for them. Of all examples it says
nothing: eigenvalues of few examples lie farther out than those of many, where there are more parameters than examples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..local.context import Instruments
from ..local.evaluator import LocalEvaluator
from ..local.samples import disjoint_samples, sample_sizes
from ..network.workspace import Workspace
from ..properties import OWNERS, Settings
from ..properties.protocol import Points
from .specification import Specification

STAGE = "curvature"
MOST_SAMPLES = 3


def sizes(specification: Specification) -> tuple[int, int, int]:
    """How many disjoint samples curvature is measured on at θ₀, of how many examples, and how many the larger one has.

    No samples, of no examples, where it is measured on all of them, or not at all.
    """
    size, population = (
        sample_sizes(specification.problem, specification.estimation)[0],
        specification.problem.example_count,
    )
    if size is None or STAGE not in specification.local_measures:
        return 0, 0, 0
    count = min(MOST_SAMPLES, disjoint_samples(specification.problem, size))
    return count, size, count * size if 2 * count * size < population else population


def further_samples(specification: Specification, networks: list[Workspace]) -> dict[str, Any]:
    """Readouts of the curvature at θ₀ on up to MOST_SAMPLES samples without an example in common, and on more examples at once.

    More are all examples, or those of all these samples together where they are less than half. Ready for JSON; empty where
    curvature is measured on all examples, or not at all.

    Parameters
    ----------
    networks  copies of the network that nobody uses now

    Returns
    -------
    examples  in each sample
    all       in all the problem's data
    more      in the larger sample
    readouts  variable → the numbers on each sample, the survey's own first, and at last that on the larger one; None where
              not finite
    """
    count, _, larger = sizes(specification)
    if not count:
        return {}
    sets = list(_instruments(specification, count, larger, networks))
    used = [each.part.example_count for each in sets]
    if used[0] >= specification.problem.example_count:  # batches that belong to the loss, and are taken whole
        return {}
    values = _readouts(specification, np.array([_at_origin(specification, each) for each in sets]))
    listed = {name: [float(v) if np.isfinite(v) else None for v in found] for name, found in values.items()}
    return {"examples": used[0], "all": specification.problem.example_count, "more": used[-1], "readouts": listed}


def _instruments(
    specification: Specification, count: int, larger: int, networks: list[Workspace]
) -> Iterator[Instruments]:
    """Those of each sample, then those of more examples."""
    usual = replace(specification.instruments(), networks=networks)
    for number in range(count):
        yield replace(usual, sample=number)
    yield replace(usual, estimation=replace(specification.estimation, examples=larger, pass_flops=0.0))


def _at_origin(specification: Specification, instruments: Instruments) -> np.ndarray:
    evaluator = LocalEvaluator(instruments, specification.local_measures[STAGE])
    return next(iter(evaluator.evaluate(np.zeros((1, 2)))))


def _readouts(specification: Specification, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Variable → its number (m,), of rows (m, columns) measured at θ₀."""
    nothing = np.full(len(rows), np.nan)
    columns = {name: nothing for names in specification.columns.values() for name in names}
    columns |= dict(zip(specification.columns[STAGE], rows.T, strict=True))
    gram = np.array(specification.info().plane["gram"])
    zeros = np.zeros(len(rows))
    points = Points(zeros, zeros, columns, specification.facts, gram, specification.problem.parameter_count)
    numbers: dict[str, np.ndarray] = {}
    for owner in OWNERS:
        readouts = owner.readouts_of(specification.facts.get(owner.name, {}))
        wanted = [
            r.variable
            for r in readouts
            if r.stage == STAGE and not r.labels and r.variable in specification.measured.variables
        ]
        values = owner.values(points, Settings()) if wanted else {}
        numbers |= {variable: values[variable] for variable in wanted if variable in values}
    return numbers

"""Another library's operators as an oracle: curvlinops (Dangel et al.), where it is installed."""

from __future__ import annotations

import warnings
from typing import Any

import cases
import pytest
import reference
import torch
from lossnav.core import Problem
from lossnav.core.curvature.operators import curvature
from torch import nn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what curvlinops imports uses torch.jit, which torch deprecates
    curvlinops = pytest.importorskip("curvlinops")

CURVLINOPS = {
    "hessian": "HessianLinearOperator",
    "ggn": "GGNLinearOperator",
    "empirical_fisher": "EFLinearOperator",
}
PROBLEMS = {"classifier": lambda: cases.classifier(1, n=24), "smooth": lambda: cases.smooth(2, n=24)}


def oracle(problem: Problem, of: str, batch_size: int) -> Any:
    x, y = problem.args[0], problem.targets
    data = [(x[k : k + batch_size], y[k : k + batch_size]) for k in range(0, len(x), batch_size)]
    parameters = list(problem.model.parameters())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(curvlinops, CURVLINOPS[of])(problem.model, nn.CrossEntropyLoss(), parameters, data)


@pytest.mark.parametrize("batch_size", [24, 7])
@pytest.mark.parametrize("of", CURVLINOPS)
@pytest.mark.parametrize("case", PROBLEMS)
def test_products_are_those_of_curvlinops(case: str, of: str, batch_size: int) -> None:
    problem = PROBLEMS[case]()
    operator = curvature(problem, of=of, batch_size=5)
    rows = cases.normal(3, operator.size, seed=1)
    named = [reference.unflat(row, problem.parameters) for row in rows]
    columns = [torch.stack([v[k] for v in named], -1) for k in problem.parameters]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        images = oracle(problem, of, batch_size) @ columns
    expected = torch.cat([image.detach().flatten(0, -2) for image in images]).T
    assert float((operator.products(rows) - expected).norm() / expected.norm()) < 1e-6

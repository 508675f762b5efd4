"""Gradients of single examples against a loop over them."""

from __future__ import annotations

import cases
import pytest
import reference
import torch
from lossnav.core import Problem
from lossnav.core.curvature.example_gradients import chunk_rows, example_gradients, inner_products
from lossnav.core.curvature.loss_function import LossFunction

ROWS = sorted(set(cases.CASES) - {"path", "anchor"})


def one_by_one(problem: Problem) -> torch.Tensor:
    """(n, P): each example as a problem of its own; nothing predicted, nothing to learn."""
    point, rows = problem.parameters, []
    for n in range(problem.example_count):
        part = slice(n, n + 1)
        target = problem.targets[part]
        if not target.is_floating_point() and bool((target == -100).all()):
            rows.append(torch.zeros(problem.parameter_count, dtype=torch.float64))
            continue
        inputs = {k: t[part] for k, t in problem.kwargs.items()} or tuple(t[part] for t in problem.args)
        rows.append(reference.gradient(Problem(problem.model, inputs, target, problem.likelihood), point))
    return torch.stack(rows)


def gathered(problem: Problem, rows: int | None = None) -> torch.Tensor:
    function = LossFunction(problem, device="cpu")
    found = torch.cat(list(example_gradients(function, rows)))
    return torch.stack([reference.flat(function.layout.views(row)) for row in found])


@pytest.mark.parametrize("name", ROWS)
def test_each_row_is_the_gradient_of_that_examples_mean_loss(name: str) -> None:
    problem = cases.CASES[name]()
    torch.testing.assert_close(gathered(problem, rows=4), one_by_one(problem), rtol=1e-9, atol=1e-12)


def test_chunks_and_points_are_the_callers_choice() -> None:
    problem = cases.classifier(3)
    whole = gathered(problem)
    for rows in (1, 5, 100):
        torch.testing.assert_close(gathered(problem, rows), whole, rtol=1e-12, atol=1e-15)
    assert [len(piece) for piece in example_gradients(LossFunction(problem, device="cpu"), 5)] == [5, 5, 2]
    away = {k: v + 0.3 for k, v in problem.parameters.items()}
    function = LossFunction(problem, away, device="cpu")
    found = torch.cat(list(example_gradients(function)))
    torch.testing.assert_close(found.mean(0), function.gradient(), rtol=1e-10, atol=1e-12)
    assert chunk_rows(16_000_000) == 1


@pytest.mark.parametrize("rows", [1, 4, 5, 12, 100])
def test_inner_products_do_not_depend_on_the_chunks(rows: int) -> None:
    function = LossFunction(cases.classifier(), device="cpu")
    whole = torch.cat(list(example_gradients(function)))
    torch.testing.assert_close(inner_products(list(example_gradients(function, rows))), whole @ whole.T)

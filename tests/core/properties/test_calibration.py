"""The right class's probability and the calibration error, against loops over examples and models that are right by design."""

from __future__ import annotations

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import Plane, Problem, Settings, survey
from lossnav.core.survey.reading import read_landscape
from torch import nn

HERE = ((0.0, 0.0), (0.0, 0.0))


@pytest.mark.parametrize("case", ["classifier", "convolution", "tied tokens"])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_the_right_class_by_hand(case: str, temperature: float, tmp_path: object) -> None:
    problem = cases.CASES[case]()
    plane = Plane.random(problem, seed=2)
    survey(problem, plane, (2, 2), overlays=("probability",), store=f"{tmp_path}/land", batch_size=4)
    land = read_landscape(f"{tmp_path}/land", Settings(temperature=temperature))
    for place, point in reference.places(land, plane):
        rows = (reference.outputs(problem, point).flatten(0, -2) / temperature).softmax(-1)
        labels = problem.targets.flatten()
        right = [float(row[int(y)]) for row, y in zip(rows, labels, strict=True) if int(y) != -100]
        assert float(land["probability_right"][place]) == pytest.approx(np.mean(right), abs=1e-9)


def by_hand(problem: Problem, predictions: torch.Tensor) -> float:
    """Σ_b p_b |mean confidence − accuracy| over ten bins."""
    confidence, chosen = predictions.max(1)
    hits = (chosen == problem.targets).double()
    places = (confidence * 10).long().clamp(max=9)
    each = [(confidence[places == b] - hits[places == b]) for b in range(10)]
    return sum(len(e) / len(hits) * abs(float(e.mean())) for e in each if len(e))


def fixed(logits: torch.Tensor, labels: torch.Tensor) -> Problem:
    """A network whose logits are its inputs times one weight, which is 1."""

    class Times(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(()).double())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * self.weight

    return Problem(Times(), logits, labels)


def ece(problem: Problem) -> tuple[float, float]:
    start = problem.parameters
    line = Plane.line(start, {k: v + 1 for k, v in start.items()})
    land = survey(problem, line, (1, 1), HERE, overlays=("probability",))
    return land["probability_calibration"].item(), land["probability_calibration_se"].item()


def test_with_many_examples_it_is_the_plain_error_over_bins() -> None:
    logits = 3 * cases.normal(40_000, 4, seed=3)
    labels = torch.multinomial((logits / 3).softmax(1), 1, generator=torch.Generator().manual_seed(0))[:, 0]
    problem = fixed(logits, labels)  # three times too sure
    plain = by_hand(problem, logits.softmax(1))
    value, error = ece(problem)
    assert value == pytest.approx(plain, abs=1e-3)
    assert value > 0.1
    assert 0 < error < 0.01


@pytest.mark.parametrize("count", [100, 400])
def test_a_model_that_is_right_about_itself_has_less_error_than_chance_alone_shows(count: int) -> None:
    found, plain, errors = [], [], []
    for seed in range(60):
        logits = 1.5 * cases.normal(count, 4, seed=seed)
        labels = torch.multinomial(logits.softmax(1), 1, generator=torch.Generator().manual_seed(seed))[:, 0]
        problem = fixed(logits, labels)
        value, error = ece(problem)
        found.append(value)
        errors.append(error)
        plain.append(by_hand(problem, logits.softmax(1)))
    assert np.mean(found) < 0.6 * np.mean(plain)
    assert (np.array(found) <= 3 * np.array(errors)).mean() > 0.95


def test_the_error_is_the_spread_over_data_sets_where_the_model_is_wrong() -> None:
    values, errors = [], []
    for seed in range(60):
        logits = 3 * cases.normal(300, 4, seed=seed)
        labels = torch.multinomial((logits / 4).softmax(1), 1, generator=torch.Generator().manual_seed(seed))[:, 0]
        value, error = ece(fixed(logits, labels))
        values.append(value)
        errors.append(error)
    assert 0.6 < np.sqrt(np.mean(np.square(errors))) / np.std(values) < 1.6

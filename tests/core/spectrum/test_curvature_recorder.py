"""Curvature as a curve beside the loss: numbers of closed forms, places they go to, a training that does not notice."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lossnav.core import CurvatureRecorder, InputError, Problem, spectrum
from torch import Tensor, nn

X = torch.diag(torch.tensor([1.0, 2.0, 3.0])).double()
Y = torch.zeros(3, 1).double()


class Writer:
    def __init__(self) -> None:
        self.scalars: list[tuple[str, float, int]] = []

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.scalars.append((name, value, step))


class Run:
    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def log(self, row: dict[str, float]) -> None:
        self.rows.append(row)


def line() -> nn.Linear:
    model = nn.Linear(3, 1, bias=False).double()
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, -2.0, 0.5]]))
    return model


def mse(model: nn.Module, to: Any, **more: Any) -> CurvatureRecorder:
    return CurvatureRecorder(model, X, Y, to, loss="mse", device="cpu", **more)


def rows(path: Path) -> list[dict[str, float]]:
    with path.open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def test_numbers_are_those_of_the_quadratic_at_each_step(tmp_path: Path) -> None:
    """H = 2 XᵀX / 3 = diag(2/3, 8/3, 6), so that everything is known at every θ."""
    model, matrix = line(), torch.diag(2 * X.diag() ** 2 / 3)
    curvature, places = mse(model, tmp_path / "curve.csv", every=2), []
    for _ in range(5):
        curvature()
        theta = model.weight.detach()[0].clone()
        places.append(theta)
        with torch.no_grad():
            model.weight -= 0.1 * (matrix @ theta)
    found = rows(tmp_path / "curve.csv")
    assert [row["step"] for row in found] == [0, 2, 4]
    for k, row in enumerate(found):
        theta = places[2 * k]
        gradient = matrix @ theta
        assert row["loss"] == pytest.approx(float(0.5 * theta @ matrix @ theta), rel=1e-9)
        assert row["lambda_max"] == pytest.approx(6.0, rel=1e-9)
        assert (row["trace"], row["trace_se"]) == (pytest.approx(28 / 3, rel=1e-9), 0)
        along = float(gradient @ matrix @ gradient / (gradient @ gradient))
        assert row["critical_sharpness"] == pytest.approx(along, rel=2e-3)
        assert row["displacement"] == pytest.approx(float((theta - places[0]).norm()), abs=1e-12)
    steps = [float((b - a).norm()) for a, b in zip(places[0:4:2], places[2::2], strict=True)]
    np.testing.assert_allclose([row["path_length"] for row in found], np.cumsum([0, *steps]), atol=1e-12)


def test_at_a_minimum_no_step_lowers_the_loss_and_the_rest_is_there() -> None:
    model, seen = line(), []
    nn.init.zeros_(model.weight)
    mse(model, lambda step, found: seen.append(found))()
    assert math.isnan(seen[0]["critical_sharpness"])
    assert (seen[0]["loss"], seen[0]["lambda_max"]) == (0, pytest.approx(6.0))


def test_a_large_network_is_measured_by_lanczos_and_says_its_error() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 90), nn.Tanh(), nn.Linear(90, 4))
    x, y, seen = torch.randn(40, 8), torch.arange(40) % 4, []
    CurvatureRecorder(model, x, y, lambda step, found: seen.append(found), device="cpu")()
    whole = spectrum(Problem(model, x, y), top=1, method="exact", device="cpu")
    assert seen[0]["lambda_max"] == pytest.approx(float(whole.top[0]), rel=1e-3)
    assert abs(seen[0]["trace"] - whole.trace) < 6 * seen[0]["trace_se"]


def test_the_training_does_not_notice() -> None:
    """Losses, statistics and draws are those of a training without it, bit for bit."""

    def trained(watched: bool) -> list[Tensor]:
        torch.manual_seed(3)
        model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2))
        x, y = torch.randn(30, 3), torch.arange(30) % 2
        optimizer = torch.optim.Adam(model.parameters(), 0.01)
        curvature = CurvatureRecorder(model, x, y, lambda step, found: None, every=2, device="cpu")
        for _ in range(5):
            if watched:
                curvature()
                assert model.training
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        return [*model.state_dict().values(), torch.rand(3)]

    assert all(torch.equal(a, b) for a, b in zip(trained(True), trained(False), strict=True))


def test_a_writer_and_a_run_get_every_number_with_its_step() -> None:
    writer, run = Writer(), Run()
    for place in (writer, run):
        mse(line(), place, every=3)(step=6)
    named = {name: value for name, value, step in writer.scalars if step == 6}
    assert named["curvature/lambda_max"] == pytest.approx(6.0)
    assert run.rows == [{**named, "step": 6}]


def test_a_table_goes_on_where_that_is_asked_for(tmp_path: Path) -> None:
    place, model = tmp_path / "new" / "curve.csv", line()
    first = mse(model, place, every=10)
    for step in (0, 10, 20):
        first(step)
    with pytest.raises(InputError, match=r"is there already: resume=True goes on with it"):
        mse(model, place)
    again = mse(model, place, every=10, resume=True)
    again(10)  # the training went back
    assert [row["step"] for row in rows(place)] == [0, 10]
    place.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="is no table of a CurvatureRecorder"):
        mse(model, place, resume=True)


def test_a_measurement_that_fails_later_does_not_end_the_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = line()
    curvature = mse(model, tmp_path / "curve.csv", every=1)
    curvature()
    with torch.no_grad():
        model.weight.fill_(float("nan"))
    curvature()
    assert "Curvature at step 1 is left out" in caplog.text
    with torch.no_grad():
        model.weight.fill_(1.0)
    curvature()
    assert [row["step"] for row in rows(tmp_path / "curve.csv")] == [0, 2]


@pytest.mark.parametrize(
    ("to", "every", "said"),
    [
        (3, 1, "to should be a .csv file, a TensorBoard writer"),
        ("curve.txt", 1, "ends in .csv, but is 'curve.txt'"),
        ("curve.csv", 0, "every should be 1 or more steps, but is 0"),
    ],
)
def test_what_cannot_be_is_said_at_once(to: Any, every: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        mse(line(), to, every=every)


def test_an_impossible_problem_is_said_at_the_first_measurement() -> None:
    with pytest.raises(InputError):
        CurvatureRecorder(line(), X, torch.arange(3), lambda step, found: None, loss="cross_entropy", device="cpu")()

"""A person's metrics on the second data set: against scikit-learn, and against a survey of a problem on those data."""

from __future__ import annotations

from pathlib import Path

import cases
import numpy as np
import pytest
from heights import SPAN, TEST, X, Y, at_points, classifier, f1, outputs_of, top2
from lossnav.core import InputError, Plane, Problem, read_landscape, survey
from lossnav.core.survey import footprint as memory_needs
from lossnav.core.survey.specification import Specification
from torch import nn


def test_a_metric_on_the_second_data_is_scikit_learns_and_that_of_a_survey_of_their_own() -> None:
    problem = classifier(metrics={"f1": f1, "top2": top2}, test=TEST)
    own = Problem(cases.initialised(cases.mlp(), 1), *TEST, metrics={"f1": f1, "top2": top2})
    plane = Plane.random(problem)
    land, expected = survey(problem, plane, (4, 3), SPAN, batch_size=5), survey(own, plane, (4, 3), SPAN, batch_size=5)
    direct = [
        at_points(land, plane, lambda point, x=x, y=y: f1(outputs_of(problem, x, point), y))
        for x, y in ((X[:12], Y[:12]), TEST)
    ]
    np.testing.assert_array_equal(land["f1"], direct[0])
    np.testing.assert_array_equal(land["test_f1"], direct[1])
    np.testing.assert_array_equal(land["gap_f1"], direct[1] - direct[0])
    assert np.ptp(direct[1] - direct[0]) > 0
    for name in ("f1", "top2"):
        np.testing.assert_array_equal(land[f"test_{name}"], expected[name])
    assert [land[name].attrs["long_name"] for name in ("f1", "test_f1", "gap_f1")] == ["f1", "Test f1", "Gap of f1"]
    np.testing.assert_array_equal(land["test_loss"], expected["loss"])


def test_with_random_passes_every_column_is_the_right_one() -> None:
    """The error of the second loss over draws lies between sums and metrics."""
    right = {"right": lambda z, y: z.argmax(1) == y, "size": lambda z, y: z.square().mean()}
    inputs, targets = cases.normal(12, 3), cases.labels(12, classes=4)
    model = cases.initialised(cases.Noisy(), 2)
    problem = Problem(model, inputs[:7], targets[:7], draws=4, metrics=right, test=(inputs[7:], targets[7:]))
    own = Problem(model, inputs[7:], targets[7:], draws=4, metrics=right)
    plane = Plane.random(problem)
    land, expected = survey(problem, plane, (2, 2)), survey(own, plane, (2, 2))
    for name in ("loss", "accuracy", "loss_se", "right", "size"):
        np.testing.assert_allclose(land[f"test_{name}"], expected[name], rtol=1e-12)


def test_where_a_metric_fails_on_one_data_set_the_other_keeps_its_numbers(tmp_path: Path) -> None:
    def on_few(outputs, targets):
        if len(targets) > 12:
            raise KeyError("too many")
        return f1(outputs, targets)

    problem = classifier(metrics={"few": on_few}, test=TEST)
    plane = Plane.random(problem)
    land = survey(problem, plane, (3, 2), store=tmp_path / "land")
    direct = at_points(land, plane, lambda point: f1(outputs_of(problem, X[:12], point), Y[:12]))
    np.testing.assert_array_equal(land["few"], direct)
    assert not {"test_few", "gap_few"} & set(land.data_vars)
    for name in ("test_few", "gap_few"):
        assert "KeyError: 'too many'" in land.lossnav.unavailable[name]
    assert "few" not in land.lossnav.unavailable
    again = read_landscape(tmp_path / "land")
    assert again.lossnav.unavailable == land.lossnav.unavailable


def test_names_that_the_second_data_take_are_refused_in_a_sentence() -> None:
    for name in ("test_f1", "gap_f1"):
        problem = classifier(metrics={"f1": f1, name: f1}, test=TEST)
        with pytest.raises(InputError, match=f"'{name}' has a name that landscapes use already"):
            survey(problem, Plane.random(problem), (2, 2))
    alone = classifier(metrics={"f1": f1, "test_f1": f1})
    assert "test_f1" in survey(alone, Plane.random(alone), (2, 2))


def test_a_landscape_from_before_goes_on_and_gets_the_second_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = classifier(metrics={"f1": f1}, test=TEST)
    plane = Plane.random(problem)
    with monkeypatch.context() as before:
        before.setattr("lossnav.core.properties.metrics._on_second", lambda problem: False)
        old = survey(problem, plane, (3, 2), store=tmp_path / "land")
    assert "test_f1" not in old
    np.testing.assert_array_equal(
        survey(problem, plane, (3, 2), store=tmp_path / "land")["test_f1"], survey(problem, plane, (3, 2))["test_f1"]
    )


def test_memory_counts_the_outputs_of_both_data_sets() -> None:
    inputs, targets = cases.normal(500, 1), cases.labels(500, classes=2000)
    model = cases.initialised(nn.Linear(1, 2000, bias=False))
    problem = Problem(model, inputs, targets, metrics={"f1": f1}, test=(inputs[:100], targets[:100]))
    spec = Specification(problem, Plane.random(problem), (2, 2), batch_size=1)
    assert memory_needs.footprint(spec).lasting["outputs"] == pytest.approx(2 * 600 * 2000 * 8, rel=1e-3)

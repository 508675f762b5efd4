"""The loss without its regulariser, and what of metrics and second data makes a landscape the same."""

from __future__ import annotations

import copy
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from heights import SPAN, TEST, X, Y, at_points, classifier, f1, top2
from lossnav.core import InputError, Plane, Problem, read_landscape, survey
from lossnav.core.problem import problem_digest, problem_identity, with_less_second
from lossnav.core.properties import terrain
from lossnav.core.survey.specification import Specification
from sklearn.metrics import f1_score
from torch import Tensor


def test_the_loss_is_the_loss_of_the_data_and_the_penalty() -> None:
    plain, problem = classifier(), classifier(weight_decay=0.3)
    for plane in (Plane.random(problem), Plane.line({k: 0 * v for k, v in problem.parameters.items()}, problem.model)):
        land, without = survey(problem, plane, (5, 4), SPAN), survey(plain, plane, (5, 4), SPAN)
        penalty = at_points(land, plane, lambda point: 0.15 * sum(float(v.square().sum()) for v in point.values()))
        np.testing.assert_allclose(land["penalty"], penalty, rtol=1e-12, atol=1e-14)
        np.testing.assert_array_equal(land["data_loss"], without["loss"])
        np.testing.assert_allclose(land["loss"], land["data_loss"] + land["penalty"], rtol=1e-12)
    assert not {"penalty", "data_loss"} & set(without.data_vars)


def test_the_penalty_is_known_where_nothing_is_measured_and_small_losses_keep_their_digits() -> None:
    problem = classifier(weight_decay=1e6)
    model = copy.deepcopy(problem.model).float()
    problem = Problem(model, X[:12].float(), Y[:12], weight_decay=1e6)
    plain = Problem(model, X[:12].float(), Y[:12])
    plane = Plane.random(problem)
    land = survey(problem, plane, (3, 3))
    np.testing.assert_allclose(land["data_loss"], survey(plain, plane, (3, 3))["loss"], rtol=1e-7)
    assert np.isfinite(survey(problem, plane, (17, 17), tolerance=0.05)["penalty"]).all()


def test_metrics_and_second_data_are_part_of_what_a_landscape_is() -> None:
    cut = {k: (lambda z, y, k=k: (z.topk(k).indices == y[:, None]).any(1)) for k in (1, 2)}
    other = (TEST[0], TEST[1].flip(0))
    several = [
        classifier(),
        classifier(metrics={"f1": f1}),
        classifier(metrics={"f2": f1}),
        classifier(metrics={"f1": top2}),
        classifier(metrics={"f1": cut[1]}),
        classifier(metrics={"f1": cut[2]}),
        classifier(metrics={"f1": partial(f1_score, average="micro")}),
        classifier(metrics={"f1": partial(f1_score, average="macro")}),
        classifier(test=TEST),
        classifier(test=other),
    ]
    assert len({problem_digest(each) for each in several}) == len(several)
    assert problem_digest(classifier(metrics={"f1": f1})) == problem_digest(several[1])
    assert not {"metrics", "test"} & problem_identity(classifier()).keys()


def test_a_survey_without_them_says_nothing_of_them() -> None:
    problem = classifier()
    spec = Specification(problem, Plane.random(problem), (2, 2))
    assert spec.as_json()["columns"] == {"forward": ["loss", "accuracy"]}
    assert set(spec.facts["terrain"]) == {"loss_name", "is_likelihood"}


def test_a_survey_with_them_goes_on_and_takes_no_other_for_its_own(tmp_path: Path) -> None:
    made: list[int] = []

    def counted(outputs: Tensor, targets: Tensor) -> float:
        made.append(1)
        return float(outputs.mean())

    problem = classifier(metrics={"mean": counted}, test=TEST, weight_decay=0.1)
    plane, store = Plane.random(problem), tmp_path / "land"
    land = survey(problem, plane, (3, 3), store=store)
    again = len(made)
    np.testing.assert_array_equal(survey(problem, plane, (3, 3), store=store)["mean"], land["mean"])
    assert len(made) == again
    assert list(read_landscape(store).data_vars) == list(land.data_vars)
    for other in (classifier(weight_decay=0.1), classifier(metrics={"mean": f1}, test=TEST, weight_decay=0.1)):
        with pytest.raises(InputError, match="another landscape"):
            survey(other, plane, (3, 3), store=store)


def test_a_decayed_survey_from_before_goes_on_and_gets_the_new_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, store = classifier(weight_decay=0.2), tmp_path / "land"
    plane = Plane.random(problem)
    with monkeypatch.context() as before:
        before.setattr(terrain, "FURTHER", ())
        old = survey(problem, plane, (3, 3), store=store)
    assert list(read_landscape(store).data_vars) == list(old.data_vars) == ["measured", "loss", "accuracy", "error"]
    expected, grown = survey(problem, plane, (3, 3)), survey(problem, plane, (3, 3), store=store)
    assert {"data_loss", "penalty"} < set(grown.data_vars)
    for name in expected.data_vars:
        np.testing.assert_array_equal(grown[name], expected[name])


def test_a_first_picture_takes_a_share_of_the_second_data() -> None:
    problem = classifier(test=TEST)
    part = with_less_second(problem, 0.5)
    assert part.test is not None
    assert problem.test is not None
    assert (part.test.example_count, problem.test.example_count, part.example_count) == (9, 18, 12)
    assert with_less_second(classifier(), 0.5).test is None

"""A second data set beside the first: its loss, accuracy and gap, against surveys of its own."""

from __future__ import annotations

import copy
from typing import Any

import cases
import numpy as np
import pytest
import torch
from heights import SPAN, TEST, X, Y, at_points, classifier, outputs_of
from lossnav.core import Gaussian, InputError, Plane, Problem, survey
from lossnav.core.problem import at_checkpoint
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


@pytest.mark.parametrize(
    "given",
    [TEST, DataLoader(TensorDataset(*TEST), batch_size=4), TensorDataset(*TEST), ({"input": X[12:]}, Y[12:])],
    ids=["pair", "loader", "set", "dict"],
)
def test_the_second_data_have_the_loss_of_a_survey_of_their_own(given: Any) -> None:
    problem, own = classifier(test=given), Problem(cases.initialised(cases.mlp(), 1), *TEST)
    plane = Plane.random(problem)
    land, expected = survey(problem, plane, (4, 3), SPAN), survey(own, plane, (4, 3), SPAN)
    np.testing.assert_array_equal(land["test_loss"], expected["loss"])
    np.testing.assert_array_equal(land["test_accuracy"], expected["accuracy"])
    np.testing.assert_array_equal(land["gap"], expected["loss"] - land["loss"])
    assert (land["gap"].attrs["long_name"], land["gap"].attrs["units"]) == ("Generalisation gap", "nats")
    direct = at_points(land, plane, lambda point: float(F.cross_entropy(outputs_of(problem, X[12:], point), Y[12:])))
    np.testing.assert_allclose(land["test_loss"], direct, rtol=1e-12)
    assert problem.test is not None
    np.testing.assert_array_equal(survey(problem.test, plane, (4, 3), SPAN)["loss"], expected["loss"])


def test_batches_do_not_change_the_second_loss() -> None:
    problem = classifier(test=TEST)
    plane = Plane.random(problem)
    whole, cut = survey(problem, plane, (3, 3)), survey(problem, plane, (3, 3), batch_size=5)
    np.testing.assert_allclose(cut["test_loss"], whole["test_loss"], rtol=1e-12)


def test_weights_of_a_loss_are_divided_by_their_sum_over_the_second_data() -> None:
    weight = torch.tensor([1.0, 2.0, 0.5, 4.0]).double()
    problem = classifier(loss=nn.CrossEntropyLoss(weight=weight), test=TEST)
    plane = Plane.random(problem)
    land = survey(problem, plane, (3, 2), SPAN)
    direct = at_points(land, plane, lambda p: float(F.cross_entropy(outputs_of(problem, X[12:], p), Y[12:], weight)))
    np.testing.assert_allclose(land["test_loss"], direct, rtol=1e-12)


def test_a_regression_has_a_gap_and_no_accuracy() -> None:
    inputs, targets = cases.normal(9, 3, seed=2), cases.normal(9, 2, seed=3)
    plain = cases.regression(loss=Gaussian(0.5))
    problem = Problem(plain.model, plain.inputs[0], plain.targets, Gaussian(0.5), test=(inputs, targets))
    land = survey(problem, Plane.random(problem), (3, 2))
    assert "test_accuracy" not in land
    np.testing.assert_array_equal(land["gap"], land["test_loss"] - land["loss"])


def test_recalibrated_statistics_are_those_of_the_first_data() -> None:
    """One network at each point, on two data sets: the first data make its statistics, as the training data do."""
    plain, test = cases.convolution(), (cases.normal(6, 2, 5, 5, seed=8), cases.labels(6, classes=3, seed=9))
    for mode in ("eval", "recalibrate"):
        problem = Problem(plain.model, plain.inputs[0], plain.targets, batchnorm=mode, test=test)
        plane = Plane.random(problem)

        def direct(point: dict[str, Tensor], mode: str = mode) -> float:
            model = copy.deepcopy(plain.model).eval()
            model.load_state_dict(point, strict=False)
            if mode == "recalibrate":
                for layer in (m for m in model if isinstance(m, nn.BatchNorm2d)):
                    layer.reset_running_stats()
                    layer.train().momentum = None
                with torch.no_grad():
                    model(plain.inputs[0])
            return float(F.cross_entropy(model.eval()(test[0]), test[1]).detach())

        land = survey(problem, plane, (3, 2), SPAN)
        np.testing.assert_allclose(land["test_loss"], at_points(land, plane, direct), rtol=1e-10)


def test_random_passes_state_the_error_of_the_second_loss_and_bound_that_of_the_gap() -> None:
    inputs, targets = cases.normal(12, 3), cases.labels(12, classes=4)
    problem = Problem(
        cases.initialised(cases.Noisy(), 2), inputs[:7], targets[:7], draws=4, test=(inputs[7:], targets[7:])
    )
    plane = Plane.random(problem)
    assert problem.test is not None
    land, own = survey(problem, plane, (2, 2)), survey(problem.test, plane, (2, 2))
    np.testing.assert_array_equal(land["test_loss_se"], own["loss_se"])
    np.testing.assert_allclose(land["gap_se"], land["loss_se"] + land["test_loss_se"], rtol=1e-12)
    assert land["gap_se"].attrs["long_name"].endswith("at most")


def test_the_second_data_follow_the_network() -> None:
    path = cases.with_path()
    problem = Problem(path.model, path.inputs[0], path.targets, trajectory=path.trajectory, test=TEST)
    early, part = at_checkpoint(problem, 1), problem.over("0", 0.3)
    assert early.test is not None
    assert part.test is not None
    assert part.test.parameter_count == part.parameter_count < problem.parameter_count
    for each in (early, part, problem.of_examples(5)):
        plane = Plane.random(each)
        assert each.test is not None
        np.testing.assert_array_equal(
            survey(each, plane, (2, 2))["test_loss"], survey(each.test, plane, (2, 2))["loss"]
        )


def test_a_loss_of_the_network_has_a_second_data_set() -> None:
    def loss(model: nn.Module, batch: Any) -> Tensor:
        return (model(batch[0]).argmax(1) - batch[1]).abs() + model(batch[0]).square().mean(1)

    model = cases.initialised(nn.Linear(3, 4))
    problem = Problem.from_loss(model, (X[:12], Y[:12]), loss, test=TEST)
    own, plane = Problem.from_loss(model, TEST, loss), Plane.random(problem)
    np.testing.assert_array_equal(survey(problem, plane, (2, 2))["test_loss"], survey(own, plane, (2, 2))["loss"])


def test_what_is_wrong_with_the_second_data_is_said_of_them() -> None:
    for test, says in (((X[:, :2], Y), "inputs of shape"), (X, "targets"), ((X, Y + 4), "class indices")):
        with pytest.raises(InputError, match=f"second data set, test=: .*{says}"):
            classifier(test=test)

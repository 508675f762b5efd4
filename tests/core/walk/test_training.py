"""Paths of trainings on one plane against closed forms: gradient flow of a quadratic from two starts, by two optimisers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lossnav.core import InputError, Plane, Problem, Trajectory
from lossnav.core.walk import training_path
from torch import Tensor, nn

TARGET = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
RATE = 0.25


def descent(start: list[float], steps: int, momentum: float) -> Tensor:
    """θ of ‖θ − θ*‖²/2 by gradient descent, with heavy-ball momentum or without, (T + 1, 1, 3): by hand, not by torch.optim."""
    theta, velocity, path = torch.tensor([start], dtype=torch.float64), torch.zeros(1, 3).double(), []
    for _ in range(steps + 1):
        path.append(theta)
        velocity = momentum * velocity + (theta - TARGET)
        theta = theta - RATE * velocity
    return torch.stack(path)


def trained(start: list[float], steps: int, momentum: float = 0.0) -> Problem:
    """A linear network whose mean squared error is ‖θ − θ*‖²/3, at the end of its training."""
    path = descent(start, steps, momentum)
    net = nn.Linear(3, 1, bias=False).double()
    with torch.no_grad():
        net.weight.copy_(path[-1])
    inputs = torch.eye(3, dtype=torch.float64)
    return Problem(net, inputs, inputs @ TARGET.T, loss="mse", trajectory=Trajectory({"weight": path}))


ORIGIN = np.array([0.0, 0.0, 0.0])


def plane() -> Plane:
    """Through the ends of both trainings and a third place: by its directions the truth is worked out."""
    at = [torch.tensor([list(place)], dtype=torch.float64) for place in (ORIGIN, (2.0, 0.0, 0.0), (0.0, 3.0, 0.0))]
    return Plane.through(*({"weight": each} for each in at))


@pytest.mark.parametrize(("start", "momentum"), [([4.0, 1.0, 2.0], 0.0), ([-3.0, 5.0, -1.0], 0.6)])
def test_a_path_is_where_geometry_says_with_its_own_loss(start: list[float], momentum: float) -> None:
    problem = trained(start, 6, momentum)
    seen = training_path(problem, plane(), "cpu")
    true = descent(start, 6, momentum)[:, 0].numpy()
    if momentum == 0:  # θ_k = θ* + (1 − η)^k (θ_0 − θ*)
        shrunk = (1 - RATE) ** np.arange(7)[:, None]
        np.testing.assert_allclose(true, TARGET.numpy() + shrunk * (np.array(start) - TARGET.numpy()))
    # d₁ = (2, 0, 0); d₂ is as long, along the second axis: coordinates are halves, and off the plane is the third number
    np.testing.assert_allclose(seen.alpha, true[:, 0] / 2)
    np.testing.assert_allclose(seen.beta, true[:, 1] / 2)
    np.testing.assert_allclose(seen.off_plane, np.abs(true[:, 2]), atol=1e-12)
    np.testing.assert_allclose(seen.loss, ((true - TARGET.numpy()) ** 2).mean(1))
    assert seen.step.tolist() == list(range(7))


def test_on_a_plane_through_their_ends_both_trainings_end_on_it() -> None:
    one, other = trained([4.0, 1.0, 2.0], 5), trained([-3.0, 5.0, -1.0], 9, 0.6)
    shared = Plane.through(one, other, {"weight": torch.zeros(1, 3).double()})
    first, second = (training_path(each, shared, "cpu") for each in (one, other))
    np.testing.assert_allclose([first.alpha[-1], first.beta[-1], first.off_plane[-1]], [0, 0, 0], atol=1e-12)
    np.testing.assert_allclose([second.alpha[-1], second.beta[-1], second.off_plane[-1]], [1, 0, 0], atol=1e-12)
    assert min(first.off_plane[0], second.off_plane[0]) > 0.01  # and they come from elsewhere


def test_the_loss_is_each_trainings_own() -> None:
    one = trained([4.0, 1.0, 2.0], 3)
    shifted = Problem(one.model, one.inputs[0], one.targets + 1.0, loss="mse", trajectory=one.trajectory)
    lines = [training_path(each, plane(), "cpu") for each in (one, shifted)]
    np.testing.assert_array_equal(lines[0].alpha, lines[1].alpha)
    error = descent([4.0, 1.0, 2.0], 3, 0.0)[:, 0].numpy() - TARGET.numpy()
    np.testing.assert_allclose(lines[1].loss, ((error - 1.0) ** 2).mean(1))


def test_what_has_no_path_or_is_another_network_is_refused() -> None:
    bare = Problem(nn.Linear(3, 1, bias=False).double(), torch.eye(3).double(), torch.zeros(3, 1), loss="mse")
    with pytest.raises(InputError, match="has no training path"):
        training_path(bare, plane())
    wider = nn.Linear(4, 1, bias=False).double()
    way = Trajectory({"weight": torch.stack([torch.zeros(1, 4).double(), torch.ones(1, 4).double()])})
    with pytest.raises(InputError, match="another network than the plane's"):
        training_path(Problem(wider, torch.eye(4).double(), torch.zeros(4, 1), loss="mse", trajectory=way), plane())

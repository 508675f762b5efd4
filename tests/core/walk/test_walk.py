"""Walks against closed forms, torch's own loops, and themselves when they go on."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from cases import classifier, convolution, normal, smooth
from lossnav.core import InputError, Plane, Problem
from lossnav.core.walk import OPTIMIZERS, Recipe, read_walk, walk
from torch import Tensor, nn

CURVES = torch.tensor([1.0, 4.0, 0.25]).double()  # eigenvalues of the Hessian of the well


def well() -> Problem:
    """L = ½ Σ λ_i θ_i², its minimum at 0."""
    inputs = torch.diag((3 * CURVES / 2).sqrt())
    return Problem(nn.Linear(3, 1, bias=False).double(), inputs, torch.zeros(3, 1), loss="mse")


START = {"weight": torch.tensor([[1.0, -2.0, 3.0]]).double()}


def losses_of(path: Tensor) -> np.ndarray:
    return (0.5 * CURVES * path.square()).sum(1).numpy()


def test_gradient_descent_on_a_quadratic() -> None:
    found = walk(well(), Recipe("sgd", 20, rate=0.3, batch=None), START, device="cpu")
    path = torch.stack([(1 - 0.3 * CURVES) ** k * START["weight"][0] for k in range(21)])
    np.testing.assert_allclose(found.loss, losses_of(path), rtol=1e-12)
    np.testing.assert_allclose(found.end["weight"][0], path[-1], rtol=1e-12)
    np.testing.assert_allclose(found.time, 0.3 * np.arange(21))
    assert found.over == "All steps are made."


def test_momentum_is_heavy_ball() -> None:
    found = walk(well(), Recipe("sgd", 12, rate=0.1, batch=None, momentum=0.9), START, device="cpu")
    theta, speed, path = START["weight"][0], torch.zeros(3).double(), [START["weight"][0]]
    for _ in range(12):
        speed = 0.9 * speed + CURVES * theta
        theta = theta - 0.1 * speed
        path.append(theta)
    np.testing.assert_allclose(found.loss, losses_of(torch.stack(path)), rtol=1e-12)


def test_adams_first_step_is_the_rate_along_every_sign() -> None:
    found = walk(well(), Recipe("adam", 1, rate=0.01, batch=None), START, device="cpu")
    expected = START["weight"] - 0.01 * (CURVES * START["weight"]).sign()
    np.testing.assert_allclose(found.end["weight"], expected, atol=1e-9)


def test_flow_is_the_exponential_at_its_own_time() -> None:
    found = walk(well(), Recipe("flow", 25), START, device="cpu")
    path = torch.stack([torch.exp(-CURVES * t) * START["weight"][0] for t in found.time])
    assert found.time[-1] > 1
    np.testing.assert_allclose(found.loss, losses_of(path), rtol=5e-3)
    assert (np.diff(found.loss) < 0).all()


def test_sam_is_the_gradient_at_the_top_of_the_ball() -> None:
    problem = smooth(n=10)
    found = walk(problem, Recipe("sam", 5, rate=0.2, batch=None, rho=0.1), device="cpu")
    model = copy.deepcopy(problem.model)
    optimizer = torch.optim.SGD(model.parameters(), 0.2)
    for _ in range(5):
        slopes = _slopes(model, problem)
        length = math.sqrt(sum(float(g.square().sum()) for g in slopes))
        with torch.no_grad():
            for p, g in zip(model.parameters(), slopes, strict=True):
                p += 0.1 / length * g
        above = _slopes(model, problem)
        with torch.no_grad():
            for p, g, top in zip(model.parameters(), slopes, above, strict=True):
                p -= 0.1 / length * g
                p.grad = top
        optimizer.step()
    for name, p in model.named_parameters():
        torch.testing.assert_close(found.end[name], p.detach(), rtol=1e-10, atol=1e-12)


def _slopes(model: nn.Module, problem: Problem) -> tuple[Tensor, ...]:
    loss = nn.functional.cross_entropy(model(problem.args[0]), problem.targets)
    return torch.autograd.grad(loss, list(model.parameters()))


def test_minibatches_pass_every_example_once_an_epoch_and_follow_the_seed() -> None:
    """With a loss linear in θ a step's gradient is of its examples alone, so an epoch's steps add up to the whole."""
    inputs = normal(10, 3)
    problem = Problem(nn.Linear(3, 1, bias=False).double(), inputs, torch.zeros(10), loss=lambda z, y: z[:, 0])
    by = {seed: walk(problem, Recipe("sgd", 5, rate=1.0, batch=2, seed=seed), device="cpu") for seed in (0, 1)}
    for found in by.values():
        gone = found.end["weight"] - problem.parameters["weight"]
        np.testing.assert_allclose(gone[0], -5 * inputs.mean(0), rtol=1e-10)
    assert not np.allclose(by[0].loss[1:-1], by[1].loss[1:-1])
    again = walk(problem, Recipe("sgd", 5, rate=1.0, batch=2, seed=1), device="cpu")
    assert again.loss.tolist() == by[1].loss.tolist()


def test_a_batch_of_all_is_the_whole_gradient_and_weight_decay_counts() -> None:
    problem = classifier(weight_decay=0.3)
    one = walk(problem, Recipe("sgd", 4, batch=None), device="cpu")
    other = walk(problem, Recipe("sgd", 4, batch=1000), device="cpu")
    assert one.loss.tolist() == other.loss.tolist()
    theta = {name: p.clone().requires_grad_(True) for name, p in problem.parameters.items()}
    loss = nn.functional.cross_entropy(
        torch.func.functional_call(problem.model, theta, (problem.args[0],)), problem.targets
    )
    loss = loss + 0.15 * sum(p.square().sum() for p in theta.values())
    assert one.loss[0] == pytest.approx(float(loss.detach()))
    first = walk(problem, Recipe("sgd", 1, batch=None), device="cpu").end
    for (name, p), g in zip(theta.items(), torch.autograd.grad(loss, list(theta.values())), strict=True):
        torch.testing.assert_close(first[name], (p - 0.05 * g).detach(), rtol=1e-10, atol=1e-12)


def test_the_distance_off_the_plane_is_pythagoras() -> None:
    problem = smooth()
    plane = Plane.random(problem, seed=1)
    found = walk(problem, Recipe("adam", 6, rate=0.05), plane.at(0.4, -0.3), plane, device="cpu")
    assert (found.alpha[0], found.beta[0]) == pytest.approx((0.4, -0.3))
    assert found.off_plane[0] == pytest.approx(0, abs=1e-9)
    gone = torch.cat([(found.end[n] - plane.origin[n]).reshape(-1) for n in plane.origin])
    below = plane.at(found.alpha[-1], found.beta[-1])
    within = torch.cat([(below[n] - plane.origin[n]).reshape(-1) for n in plane.origin])
    assert found.off_plane[-1] ** 2 + float(within.square().sum()) == pytest.approx(float(gone.square().sum()))
    assert found.off_plane[-1] > 0.1


class Ends(Exception):
    """What ends a walk from outside."""


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_walk_that_goes_on_is_the_same_to_the_bit(optimizer: str, tmp_path: Path) -> None:
    problem, recipe = smooth(n=20), Recipe(optimizer, 9, batch=4, momentum=0.5, every=2)
    start = Plane.random(problem).at(0.5, 0.5)
    whole = walk(problem, recipe, start, device="cpu")

    def stop(found: object) -> None:
        if found.done == 4:  # type: ignore[attr-defined]
            write(found)
            raise Ends

    from lossnav.core.walk import write_walk

    def write(found: object) -> None:
        write_walk(found, tmp_path / "w.npz")  # type: ignore[arg-type]

    with pytest.raises(Ends):
        walk(problem, recipe, start, device="cpu", progress=stop)
    assert read_walk(tmp_path / "w.npz").done == 4
    again = walk(problem, recipe, start, device="cpu", store=tmp_path / "w.npz")
    kept = read_walk(tmp_path / "w.npz")
    for found in (again, kept):
        assert found.step.tolist() == [0, 2, 4, 6, 8, 9]
        assert (found.loss.tolist(), found.time.tolist()) == (whole.loss.tolist(), whole.time.tolist())
        assert all(torch.equal(found.end[name], whole.end[name]) for name in whole.end)
    assert kept.recipe == recipe
    with pytest.raises(InputError, match="holds another walk"):
        walk(problem, replace(recipe, seed=1), start, device="cpu", store=tmp_path / "w.npz")


def test_a_walk_that_diverges_says_so_and_keeps_what_it_was() -> None:
    found = walk(well(), Recipe("sgd", 400, rate=1e6, batch=None), START, device="cpu")
    assert "smaller rate" in found.over
    assert np.isfinite(found.loss[:-1]).all()


def test_statistics_are_recomputed_where_the_problem_says_so() -> None:
    problem = convolution("recalibrate", n=8)
    found = walk(problem, Recipe("sgd", 2, batch=4), device="cpu")
    assert np.isfinite(found.loss).all()
    assert "batches" in found.said or "examples" in found.said


def test_the_model_is_as_it_was() -> None:
    problem = classifier()
    before = {name: tensor.clone() for name, tensor in problem.model.state_dict().items()}
    walk(problem, Recipe("sgd", 3), device="cpu")
    assert all(torch.equal(before[name], tensor) for name, tensor in problem.model.state_dict().items())


def test_refusals_say_what_to_do(tmp_path: Path) -> None:
    for wrong, said in (
        ({"optimizer": "adm"}, "did you mean 'adam'"),
        ({"steps": 0}, "steps should be 1 or more"),
        ({"rate": -1.0}, "rate should be a positive number"),
        ({"optimizer": "flow", "rate": 0.1}, "no learning rate"),
        ({"momentum": 1.0}, "momentum should be"),
    ):
        with pytest.raises(InputError, match=said):
            Recipe(**wrong)
    with pytest.raises(InputError, match="There is no walk"):
        read_walk(tmp_path / "none.npz")
    (tmp_path / "w.npz").write_bytes(b"no zip")
    with pytest.raises(InputError, match="holds no walk"):
        read_walk(tmp_path / "w.npz")
    counts = Problem(
        nn.Linear(2, 2),
        torch.ones(3, 2),
        torch.tensor([0, 1, 0]),
        loss=lambda z, y: (z.argmax(1) != y).double() + z.detach().sum(1),
    )
    with pytest.raises(InputError, match="no gradient"):
        walk(counts, Recipe("sgd", 2), device="cpu")

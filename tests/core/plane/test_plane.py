"""Planes: what they span, how they are walked and projected onto, and the fidelity of what they show."""

from __future__ import annotations

import copy

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import Plane, Problem, Trajectory
from lossnav.core.curvature.loss_function import LossFunction
from lossnav.core.survey.fidelity import fidelity, random_walk_shares
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA
from torch import nn


def skewed(problem: Problem, ratio: float = 40.0) -> Plane:
    """A plane whose directions are neither orthogonal nor of unit nor of equal length."""
    first = {k: cases.normal(*v.shape, seed=1) for k, v in problem.parameters.items()}
    second = {k: ratio * (0.9 * first[k] + 0.3 * cases.normal(*v.shape, seed=2)) for k, v in problem.parameters.items()}
    return Plane.around(problem.parameters, first, second, "random", {})


@pytest.mark.parametrize("ratio", [1.0, 40.0, 1e-7])
def test_projection_is_least_squares(ratio: float) -> None:
    problem = cases.classifier()
    plane = skewed(problem, ratio)
    assert plane.cosine > 0.9
    for seed in range(4):
        point = {k: cases.normal(*v.shape, seed=10 + seed) for k, v in problem.parameters.items()}
        alpha, beta, off = plane.project(point)
        expected = reference.least_squares(point, plane.origin, plane.directions)
        assert alpha == pytest.approx(expected[0], rel=1e-7)
        assert beta == pytest.approx(expected[1], rel=1e-7)
        assert off == pytest.approx(expected[2], rel=1e-9)


@pytest.mark.parametrize(("alpha", "beta"), [(0.0, 0.0), (0.3, -2.0), (-7.5, 0.01)])
def test_what_lies_in_the_plane_projects_onto_itself(alpha: float, beta: float) -> None:
    plane = skewed(cases.classifier())
    found = plane.project(plane.at(alpha, beta))
    assert found[:2] == pytest.approx((alpha, beta), abs=1e-10)
    assert found[2] < 1e-10


def test_distance_off_the_plane_is_the_part_left_over() -> None:
    plane = skewed(cases.classifier())
    point = {k: cases.normal(*v.shape, seed=5) for k, v in plane.origin.items()}
    alpha, beta, off = plane.project(point)
    rest = reference.flat(point) - reference.flat(plane.at(alpha, beta))
    assert off == pytest.approx(float(rest.norm()), rel=1e-12)
    assert all(abs(float(rest @ reference.flat(d))) < 1e-9 * float(reference.flat(d).norm()) for d in plane.directions)


def test_cosine_is_that_of_the_vectors() -> None:
    plane = skewed(cases.classifier())
    d1, d2 = (reference.flat(d) for d in plane.directions)
    assert plane.cosine == pytest.approx(float(torch.cosine_similarity(d1, d2, 0)), abs=1e-14)


def test_trajectory_plane_is_the_principal_components() -> None:
    problem = cases.with_path()
    plane = Plane.trajectory(problem)
    assert problem.trajectory is not None
    rows = torch.stack([reference.flat(point) for point in problem.trajectory]).numpy()
    pca = PCA(n_components=2).fit(rows - rows[-1])
    assert plane.explained == pytest.approx(tuple(pca.explained_variance_ratio_), rel=1e-10)
    own = torch.stack([reference.flat(d) for d in plane.directions]).numpy()
    assert np.abs(own @ pca.components_.T) == pytest.approx(np.eye(2), abs=1e-10)
    assert reference.flat(plane.origin).numpy() == pytest.approx(reference.flat(problem.parameters).numpy())


def test_the_path_lies_inside_the_trajectory_planes_span() -> None:
    problem = cases.with_path()
    plane = Plane.trajectory(problem)
    assert problem.trajectory is not None
    for point in problem.trajectory:
        for place, (low, high) in zip(plane.project(point)[:2], plane.span, strict=True):
            assert low < place < high


def test_a_path_inside_a_plane_is_explained_by_it_wholly() -> None:
    problem = cases.classifier()
    flat = skewed(problem, 1.0)
    path = [flat.at(a, b) for a, b in [(2, 0), (1, 1), (0.5, 0.2), (0.1, -0.3), (0, 0)]]
    problem = cases.classifier(trajectory=Trajectory(path))
    plane = Plane.trajectory(problem)
    assert plane.explained is not None
    assert sum(plane.explained) == pytest.approx(1.0, abs=1e-12)
    assert max(plane.project(point)[2] for point in path) < 1e-9


@pytest.mark.parametrize("checkpoints", [3, 5, 12, 300])
def test_random_walk_shares_are_those_of_a_walk_as_long_as_the_path(checkpoints: int) -> None:
    walk = np.cumsum(np.random.default_rng(0).normal(size=(checkpoints, 20_000)), axis=0)
    shares = PCA(n_components=2).fit(walk).explained_variance_ratio_
    assert random_walk_shares(checkpoints) == pytest.approx(list(shares), rel=0.04)
    steps = np.tri(checkpoints)[:, 1:]  # the centred covariance itself
    centred = steps - steps.mean(0)
    exact = np.linalg.eigvalsh(centred @ centred.T)[::-1]
    assert random_walk_shares(checkpoints) == pytest.approx(list((exact / exact.sum())[:2]), rel=1e-9)


def test_beside_a_trajectory_stands_a_walk_of_its_own_length() -> None:
    model = cases.initialised(nn.Linear(3, 4))
    path = Trajectory([{k: v + cases.normal(*v.shape, seed=t) for k, v in model.named_parameters()} for t in range(3)])
    problem = Problem(model, cases.normal(4, 3), cases.labels(4, classes=4), trajectory=path)
    stated = fidelity(problem, Plane.trajectory(problem), torch.device("cpu"))["random_walk"]
    assert stated == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize("which", [("top", "second"), ("top", "bottom")])
def test_eigen_plane_is_of_the_dense_hessian(which: tuple[str, str]) -> None:
    problem = cases.smooth()
    H = reference.hessian(problem, problem.parameters)
    values, vectors = torch.linalg.eigh(H)
    chosen = [-1, -2 if which[1] == "second" else 0]
    plane = Plane.eigen(problem, which)
    assert plane.details["eigenvalues"] == pytest.approx(values[chosen].tolist(), rel=1e-6)
    for direction, column, value, residual in zip(
        plane.directions, chosen, values[chosen], plane.details["residuals"], strict=True
    ):
        v = reference.flat(direction)
        assert float(v.norm()) == pytest.approx(1.0, abs=1e-12)
        assert abs(float(v @ vectors[:, column])) == pytest.approx(1.0, abs=1e-6)
        own = float((H @ v - value * v).norm() / value.abs())
        assert own <= 1e-4 + 1e-6
        assert residual == pytest.approx(own, abs=1e-6)


def test_eigen_plane_of_an_eigenvalue_that_occurs_twice() -> None:
    problem = cases.linear(outputs=2)  # each output has the same Hessian, so every eigenvalue comes in pairs
    values, vectors = torch.linalg.eigh(reference.hessian(problem, problem.parameters))
    assert values[-1] == pytest.approx(float(values[-2]), rel=1e-12)
    plane = Plane.eigen(problem)
    assert plane.details["eigenvalues"] == pytest.approx(values[[-1, -2]].tolist(), rel=1e-8)
    own = torch.stack([reference.flat(d) for d in plane.directions], 1)
    assert np.abs(subspace_angles(own.numpy(), vectors[:, -2:].numpy())).max() < 1e-5


def test_gradient_plane() -> None:
    problem = cases.smooth()
    plane = Plane.gradient(problem)
    slope = reference.gradient(problem, problem.parameters)
    top = torch.linalg.eigh(reference.hessian(problem, problem.parameters))[1][:, -1]
    first, second = (reference.flat(d) for d in plane.directions)
    assert first.numpy() == pytest.approx((slope / slope.norm()).numpy(), abs=1e-10)
    rest = top - (top @ first) * first
    assert abs(float(second @ rest / rest.norm())) == pytest.approx(1.0, abs=1e-6)
    assert plane.cosine == pytest.approx(0.0, abs=1e-10)
    assert float(second.norm()) == pytest.approx(1.0, abs=1e-10)


def test_through_three_configurations() -> None:
    a, b, c = (cases.classifier(seed) for seed in (0, 1, 2))
    plane = Plane.through(a, b.model, c.parameters)
    assert plane.project(a)[:3] == pytest.approx((0, 0, 0), abs=1e-12)
    assert plane.project(b)[:3] == pytest.approx((1, 0, 0), abs=1e-9)
    alpha, beta, off = plane.project(c)
    assert beta > 0
    assert off < 1e-9
    assert plane.cosine == pytest.approx(0.0, abs=1e-12)
    assert plane.gram[0, 0] == pytest.approx(plane.gram[1, 1], rel=1e-12)
    low, high = plane.span[0]
    assert low < min(0.0, alpha)
    assert high > max(1.0, alpha)


def test_line_runs_from_one_to_the_other() -> None:
    a, b = cases.classifier(0), cases.classifier(1)
    line = Plane.line(a, b)
    assert line.is_line
    assert reference.flat(line.at(1.0)).numpy() == pytest.approx(reference.flat(b.parameters).numpy(), abs=1e-14)
    assert line.project(line.at(0.25))[:2] == pytest.approx((0.25, 0.0), abs=1e-12)
    assert np.isnan(line.cosine)


def test_a_plane_from_state_dicts_leaves_tied_copies_and_statistics_out() -> None:
    models = [cases.initialised(cases.Tied(), seed) for seed in range(3)]
    problem = Problem(models[0], cases.labels(4, 3, classes=6), cases.labels(4, 3, classes=6, seed=1))
    whole = Plane.through(*(m.state_dict() for m in models))
    assert set(whole.origin) > set(problem.parameters)
    plane = whole.over(problem.parameters)
    assert plane.gram[0, 0] == pytest.approx(float(reference.flat(plane.directions[0]).square().sum()))
    assert plane.project(models[1])[:3] == pytest.approx((1, 0, 0), abs=1e-9)


def test_fidelity_against_dense_truth() -> None:
    problem = cases.smooth()
    path = [{k: v + s * cases.normal(*v.shape, seed=s) for k, v in problem.parameters.items()} for s in (3, 2, 1, 0)]
    problem = cases.smooth(trajectory=Trajectory(path))
    plane = Plane.random(problem, seed=3)
    found = fidelity(problem, plane, torch.device("cpu"))
    span = torch.linalg.qr(torch.stack([reference.flat(d) for d in plane.directions], 1))[0]
    H, g = reference.hessian(problem, problem.parameters), reference.gradient(problem, problem.parameters)
    assert found["gradient_share"] == pytest.approx(float((span.T @ g).square().sum() / g.square().sum()), rel=1e-8)
    assert found["trace_share"] * found["trace"] == pytest.approx(float(torch.trace(span.T @ H @ span)), rel=1e-8)
    assert abs(found["trace"] - float(torch.trace(H))) < 4 * found["trace_se"]
    for t, point in enumerate(path):
        alpha, beta, off = reference.least_squares(point, plane.origin, plane.directions)
        assert found["path"]["off_plane"][t] == pytest.approx(off, abs=1e-9)
        assert found["path"]["true_loss"][t] == pytest.approx(float(reference.loss(problem, point)), rel=1e-9)
        under = float(reference.loss(problem, plane.at(alpha, beta)))
        assert found["path"]["plane_loss"][t] == pytest.approx(under, rel=1e-7)


def test_band_holds_the_slices_of_other_seeds() -> None:
    problem = cases.smooth()
    band = fidelity(problem, Plane.random(problem, seed=0), torch.device("cpu"))["band"]
    others = [Plane.random(problem, seed=s) for s in range(1, 9)]
    place = 3
    alpha = band["alpha"][place]
    values = [float(reference.loss(problem, p.at(*xy))) for p in others for xy in ((alpha, 0.0), (0.0, alpha))]
    assert band["mean"][place] == pytest.approx(np.mean(values), rel=1e-9)
    assert band["low"][place] == pytest.approx(np.quantile(values, 0.1), rel=1e-9)
    assert band["high"][place] == pytest.approx(np.quantile(values, 0.9), rel=1e-9)


def test_recalibrated_statistics_are_those_of_the_point_in_planes_and_fidelity() -> None:
    moving = cases.convolution("recalibrate")
    data = moving.inputs[0]
    for name, buffer in moving.model.named_buffers():
        if name.endswith("running_var"):
            buffer *= 4  # statistics far from the data's

    def frozen(point: dict[str, torch.Tensor]) -> Problem:
        """The network at a point, its statistics set to the data's by hand and held there."""
        model = copy.deepcopy(moving.model)
        model.load_state_dict(point, strict=False)
        with torch.no_grad():
            return Problem(reference.recalibrated(model, data), data, moving.targets)

    own, held = frozen(moving.parameters), Problem(moving.model, data, moving.targets)
    for kind in (Plane.eigen, Plane.gradient):
        found, expected, other = (kind(problem) for problem in (moving, own, held))
        for mine, theirs in zip(found.directions, expected.directions, strict=True):
            assert float(reference.flat(mine) @ reference.flat(theirs)) == pytest.approx(1.0, abs=1e-5)
        assert abs(float(reference.flat(other.directions[0]) @ reference.flat(found.directions[0]))) < 0.999

    path = [{k: v * scale for k, v in moving.parameters.items()} for scale in (0.5, 0.8, 1.0)]
    path[0]["0.weight"] = path[0]["0.weight"] + 0.1 * cases.normal(*path[0]["0.weight"].shape)
    walked = Problem(moving.model, data, moving.targets, batchnorm="recalibrate", trajectory=Trajectory(path))
    plane = Plane.random(walked)
    stated = fidelity(walked, plane, torch.device("cpu"))
    truth = fidelity(own, Plane.around(own.parameters, *plane.directions, "line", {}), torch.device("cpu"))
    for name in ("gradient_share", "trace", "trace_share"):
        assert stated[name] == pytest.approx(truth[name], rel=1e-6)
    for index, point in enumerate(path):
        alpha, beta, _ = plane.project(point)
        for name, there in (("true_loss", point), ("plane_loss", plane.at(alpha, beta))):
            problem = frozen(there)
            assert stated["path"][name][index] == pytest.approx(
                LossFunction(problem).loss(LossFunction(problem).point), rel=1e-9
            )


def test_fidelity_of_a_flat_landscape_has_no_shares() -> None:
    problem = Problem(nn.Linear(2, 1).double(), cases.normal(4, 2), cases.normal(4), loss=lambda f, y: 0.0 * f[:, 0])
    found = fidelity(problem, Plane.random(problem, ignore=None), torch.device("cpu"))
    assert found["trace"] == 0.0
    assert found["trace_share"] is None
    assert found["gradient_share"] is None


def test_products_agree_between_functions_of_one_plane() -> None:
    problem = cases.smooth()
    plane = Plane.random(problem, seed=1)
    function = LossFunction(problem, plane.at(0.5, -0.5))
    assert function.loss(function.point) == pytest.approx(float(reference.loss(problem, plane.at(0.5, -0.5))))

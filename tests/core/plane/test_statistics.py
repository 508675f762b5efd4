"""BatchNorm on lines and planes through other networks: each network's statistics at its own point, the data's between."""

from __future__ import annotations

import copy

import cases
import pytest
import reference
import torch
from lossnav.core import InputError, Plane, Problem, Trajectory, survey
from lossnav.core.plane.identity import plane_recipe
from lossnav.core.plane.statistics import on_plane, said_of
from lossnav.core.problem.identity import problem_identity
from lossnav.core.survey.fidelity import fidelity
from torch import Tensor, nn

ENDS = ((0.0, 1.0), (0.0, 0.0))


def loss_of(model: nn.Module, problem: Problem) -> float:
    """As it is, in eval mode."""
    with torch.no_grad():
        return float(nn.functional.cross_entropy(model.eval()(problem.inputs[0]), problem.targets))


def recalibrated_loss(problem: Problem, point: dict[str, Tensor]) -> float:
    model = copy.deepcopy(problem.model)
    model.load_state_dict(point, strict=False)
    with torch.no_grad():
        return loss_of(reference.recalibrated(model, problem.inputs[0]), problem)


@pytest.fixture
def pair() -> tuple[Problem, Problem]:
    """Two networks on the same data, their statistics as different trainings leave them: neither those of the data."""
    first, second = cases.convolution(seed=0), cases.convolution(seed=3)
    for problem, scale in ((first, 1.5), (second, 0.6)):
        for name, buffer in problem.model.named_buffers():
            if name.endswith("running_var"):
                buffer *= scale
    return first, Problem(second.model, first.inputs[0], first.targets)


def test_a_line_has_each_networks_own_at_its_ends_and_the_datas_between(pair: tuple[Problem, Problem]) -> None:
    a, b = pair
    line = Plane.line(b, a)
    land = survey(a, line, (3, 1), ENDS, fidelity=True)
    expected = [loss_of(b.model, a), recalibrated_loss(a, line.at(0.5)), loss_of(a.model, a)]
    assert land["loss"].values.ravel().tolist() == pytest.approx(expected, rel=1e-9)
    kept = survey(a, Plane.line(b, a, batchnorm="eval"), (3, 1), ENDS)
    assert float(kept["loss"][2, 0]) == pytest.approx(loss_of(a.model, a), rel=1e-9)
    stayed = copy.deepcopy(a.model)
    stayed.load_state_dict(b.parameters, strict=False)
    assert float(kept["loss"][0, 0]) == pytest.approx(loss_of(stayed, a), rel=1e-9)
    everywhere = survey(Problem(a.model, a.inputs[0], a.targets, batchnorm="recalibrate"), line, (3, 1), ENDS)
    ends = [recalibrated_loss(a, line.at(alpha)) for alpha in (0.0, 0.5, 1.0)]
    assert everywhere["loss"].values.ravel().tolist() == pytest.approx(ends, rel=1e-9)


def test_what_is_measured_around_a_point_has_the_same_statistics(pair: tuple[Problem, Problem]) -> None:
    a, b = pair
    land = survey(a, Plane.line(b.model, a), (3, 1), ENDS, ("slope",))
    for row, network in ((0, b), (2, a)):
        loss = nn.functional.cross_entropy(network.model.eval()(a.inputs[0]), a.targets)
        slopes = torch.autograd.grad(loss, [p for p in network.model.parameters() if p.requires_grad])
        length = float(torch.cat([g.flatten() for g in slopes]).norm())
        assert float(land["slope"][row, 0]) == pytest.approx(length, rel=1e-6)


def test_a_plane_through_three_networks(pair: tuple[Problem, Problem]) -> None:
    a, b = pair
    c = {**cases.convolution(seed=5).parameters}  # which brings no statistics along
    plane = Plane.through(a, b.model.state_dict(), c)
    moved = on_plane(a, plane.over(a.parameters))
    assert (moved.batchnorm, len(moved.known_statistics)) == ("recalibrate", 2)
    at = plane.project(c)[:2]
    for (alpha, beta), right in (
        ((0.0, 0.0), loss_of(a.model, a)),
        ((1.0, 0.0), loss_of(b.model, a)),
        (at, recalibrated_loss(a, plane.over(a.parameters).at(*at))),
    ):
        point = ((alpha, alpha), (beta, beta))
        assert float(survey(a, plane, (1, 1), point)["loss"][0, 0]) == pytest.approx(right, rel=1e-7)


def test_statistics_and_their_choice_identify_the_plane(pair: tuple[Problem, Problem]) -> None:
    a, b = pair
    other = copy.deepcopy(b.model)
    for buffer in other.buffers():
        buffer += 1
    planes = [Plane.line(b, a), Plane.line(other, a), Plane.line(b, a, batchnorm="eval"), Plane.line(b.parameters, a)]
    assert len({str(plane_recipe(plane)) for plane in planes}) == 4
    assert said_of(planes[0].details, {"batchnorm": "recalibrate"}).startswith(
        "BatchNorm statistics are each network's"
    )
    assert said_of(planes[2].details, {"batchnorm": "eval"}) == "BatchNorm statistics stay the trained network's."
    with pytest.raises(InputError, match="did you mean 'eval'"):
        Plane.line(a, b, batchnorm="evl")


def test_networks_without_such_statistics_are_as_they_were() -> None:
    a, b = cases.classifier(0), cases.classifier(1)
    line = Plane.line(b, a)
    assert on_plane(a, line) is a
    assert line.details == {}
    assert said_of(line.details, problem_identity(a)) == ""
    random = Plane.random(cases.convolution())
    assert on_plane(problem := cases.convolution(), random) is problem


def test_true_losses_have_each_checkpoints_own_statistics(pair: tuple[Problem, Problem]) -> None:
    a, b = pair
    middle = {k: (v + b.model.state_dict()[k]) / 2 for k, v in a.model.state_dict().items()}
    states = [b.model.state_dict(), middle, a.model.state_dict()]
    path = Trajectory(states)
    problem = Problem(a.model, a.inputs[0], a.targets, trajectory=path)
    assert problem.trajectory is not None
    assert set(problem.trajectory.statistics_at(0)) == {
        k for k in middle if k.endswith(("running_mean", "running_var"))
    }
    plane = Plane.random(problem)
    found = fidelity(problem, plane, torch.device("cpu"))["path"]
    for index, state in enumerate(states):
        model = copy.deepcopy(a.model)
        model.load_state_dict(state)
        assert found["true_loss"][index] == pytest.approx(loss_of(model, a), rel=1e-9)
        under = copy.deepcopy(a.model)  # the plane's own points keep the trained network's
        under.load_state_dict(plane.at(*plane.project(problem.trajectory.at(index))[:2]), strict=False)
        assert found["plane_loss"][index] == pytest.approx(loss_of(under, a), rel=1e-9)
    without = Problem(
        a.model, a.inputs[0], a.targets, trajectory=Trajectory([{k: s[k] for k in a.parameters} for s in states])
    )
    assert "path_statistics" not in problem_identity(without)
    assert problem_identity(problem)["trajectory"] == problem_identity(without)["trajectory"]
    line = Plane.make("line", problem, between="checkpoint:0,trained")
    land = survey(problem, line, (2, 1), ENDS)
    assert land["loss"].values.ravel().tolist() == pytest.approx([loss_of(b.model, a), loss_of(a.model, a)], rel=1e-9)
    bare = survey(without, Plane.make("line", without, between="checkpoint:0,trained"), (2, 1), ENDS)
    assert float(bare["loss"][0, 0]) == pytest.approx(recalibrated_loss(a, b.parameters), rel=1e-9)

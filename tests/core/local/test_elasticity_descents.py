"""Pull and recovery against closed forms of quadratics and against plain descent."""

from __future__ import annotations

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import Anchor, InputError, Plane, Problem, Settings, survey
from lossnav.core.curvature.fisher import fisher_diagonal
from lossnav.core.local.estimation import Estimation
from lossnav.core.properties.elasticity import anchored
from lossnav.core.survey.reading import read_landscape
from torch import Tensor, nn

SPAN = ((-0.6, 0.7), (-0.4, 0.5))


def quadratic(x: Tensor, y: Tensor, home: Tensor, fisher: Tensor, strength: float) -> Problem:
    """Linear regression with an anchor."""
    model = cases.initialised(nn.Linear(x.shape[1], 1, bias=False))
    anchor = Anchor({"weight": home[None]}, {"weight": fisher[None]}, strength)
    return Problem(model, x, y, loss="mse", anchor=anchor)


@pytest.mark.parametrize("steps", [1, 7, 50])
def test_on_a_quadratic_recovery_is_a_product_for_each_eigendirection(steps: int) -> None:
    """Where θ* is the minimum of L and the penalty too: (θ_k − θ*)_i = (1 − η λ_i)^k (θ − θ*)_i."""
    x, home = cases.normal(9, 5), cases.normal(5, seed=3)
    problem = quadratic(x, x @ home[:, None], home, cases.normal(5, seed=4).abs(), 0.3)
    anchor = problem.anchor
    assert anchor is not None
    A = 2 * x.T @ x / len(x) + 2 * 0.3 * torch.diag(anchor.fisher["weight"][0])
    values, vectors = torch.linalg.eigh(A)
    factors = (1 - values / values[-1]) ** steps  # P = 5: the step is exactly 1/λₘₐₓ
    plane = Plane.random(problem, seed=1)
    effort = Estimation(descent_steps=steps)
    land = survey(problem, plane, (3, 2), SPAN, overlays=("elasticity_recovery",), effort=effort)
    for place, point in reference.places(land, plane):
        gap = reference.flat(point) - home
        after = factors * (vectors.T @ gap)
        expected = 1 - float(after.norm() / gap.norm())
        assert float(land["elasticity_recovery"][place]) == pytest.approx(expected, rel=1e-9)
        assert expected <= 1


@pytest.mark.parametrize("name", ["anchor", "classifier", "convolution", "gaussian"])
def test_recovery_is_plain_descent_on_loss_and_penalty(name: str) -> None:
    problem = cases.CASES[name]()
    plane = Plane.random(problem, seed=2)
    from lossnav.core.local.context import Instruments
    from lossnav.core.properties.elasticity import ElasticityProperty, recovery_step

    own = ElasticityProperty().prepared(problem)
    anchor = own.anchor
    assert anchor is not None
    effort = Estimation(descent_steps=4)
    land = survey(problem, plane, (2, 1), SPAN, overlays=("elasticity_recovery",), effort=effort)
    home, weights = reference.flat(anchor.parameters), 2 * anchor.strength * reference.flat(anchor.fisher)
    total = reference.hessian(problem, anchor.parameters) + torch.diag(weights)
    shared = Instruments(own, plane.over(problem.parameters), effort, 0, torch.device("cpu"))
    step = shared.once(recovery_step)
    assert step == pytest.approx(1 / float(torch.linalg.eigvalsh(total)[-1]), rel=2e-2)
    assert step >= 1 / float(torch.linalg.eigvalsh(total)[-1]) - 1e-12
    for place, point in reference.places(land, plane):
        start = reference.flat(point)
        end = reference.descended(problem, start, home, weights, step, 4)
        before, after = float((start - home).norm()), float((end - home).norm())
        expected = 1 - after / before if after <= before else before / after - 1
        assert float(land["elasticity_recovery"][place]) == pytest.approx(expected, rel=1e-7, abs=1e-9)


def test_recovery_by_way_of_sampled_examples_is_that_of_those() -> None:
    problem = cases.with_anchor(11)
    from lossnav.core.local.samples import sampled_examples

    plane, effort = Plane.random(problem, seed=2), Estimation(descent_steps=3, examples=5)
    land = survey(problem, plane, (2, 1), SPAN, overlays=("elasticity_recovery",), effort=effort, seed=6)
    part = sampled_examples(problem, 5, 6)
    alone = survey(part, plane, (2, 1), SPAN, overlays=("elasticity_recovery",), effort=effort, seed=6)
    assert land["elasticity_recovery"].values == pytest.approx(alone["elasticity_recovery"].values, rel=1e-12)


def test_a_descent_that_diverges_is_minus_one_and_at_the_anchor_itself_nothing_is_lost() -> None:
    """L = Σ w⁴ is flat at θ* = 0, so the step fitted to it is far too long away from it."""

    class Point(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.zeros(2).double())

        def forward(self, x: Tensor) -> Tensor:
            return (self.w**4).sum().expand(len(x), 1)

    zeros = {"w": torch.zeros(2).double()}
    anchor = Anchor(zeros, {"w": torch.ones(2).double()}, 0.05)
    problem = Problem(
        Point(),
        torch.zeros(3, 1).double(),
        torch.zeros(3, 1).double(),
        loss=lambda f, y: f[:, 0] + 0 * y[:, 0],
        anchor=anchor,
    )
    line = Plane.line(problem.model, {"w": torch.tensor([1.0, 0.5]).double()})
    land = survey(problem, line, (3, 1), ((0, 8), (0, 0)), overlays=("elasticity_recovery",))
    home, near, far = land["elasticity_recovery"].values.ravel()
    assert home == 1.0
    assert near == far == -1.0
    close = survey(problem, line, (2, 1), ((0, 0.05), (0, 0)), overlays=("elasticity_recovery",))
    assert float(close["elasticity_recovery"][1, 0]) > 0.9


@pytest.mark.parametrize("strength", [None, 0.0, 40.0])
@pytest.mark.parametrize("name", ["anchor", "classifier", "convolution"])
def test_pull_is_the_penaltys_share_of_the_forces_along_the_way_back(
    name: str, strength: float | None, tmp_path: object
) -> None:
    from lossnav.core.properties.elasticity import ElasticityProperty

    problem = cases.CASES[name]()
    anchor = ElasticityProperty().prepared(problem).anchor
    assert anchor is not None
    scale = anchor.strength if strength is None else strength
    plane = Plane.random(problem, seed=2)
    path = f"{tmp_path}/land"
    survey(problem, plane, (5, 4), ((-1, 1), (-1, 1)), overlays=("elasticity",), store=path)
    land = read_landscape(path, Settings(strength=strength))
    home, fisher = reference.flat(anchor.parameters), reference.flat(anchor.fisher)
    for place, point in reference.places(land, plane):
        row = reference.flat(point)
        way = (home - row) / (home - row).norm()
        penalty = -2 * scale * fisher * (row - home)  # −∇ of it
        push = -reference.gradient(problem, point)
        back, away = float(penalty @ way), -float(push @ way)
        expected = back / (back + abs(away))
        assert float(land["elasticity_pull"][place]) == pytest.approx(expected, rel=1e-7)


def test_pull_and_recovery_are_finite_everywhere_and_known_at_the_anchor() -> None:
    problem = cases.classifier(1)  # its own anchor
    land = survey(problem, Plane.random(problem), (3, 3), overlays=("elasticity_pull", "elasticity_recovery"))
    for variable, low, home in (("elasticity_pull", 0.0, 0.0), ("elasticity_recovery", -1.0, 1.0)):
        values = land[variable].values
        assert values[1, 1] == home
        assert (values >= low).all() and (values <= 1).all()  # noqa: PT018 - a range
        assert np.ptp(np.delete(values.ravel(), 4)) > 0


@pytest.mark.parametrize("index", [0, 2])
def test_a_checkpoint_can_be_the_anchor(index: int) -> None:
    plain = cases.with_path()
    assert plain.trajectory is not None
    problem, plane = anchored(plain, index), Plane.random(plain)
    point = plain.trajectory.at(index)
    fisher = fisher_diagonal(plain, point)
    land = survey(problem, plane, (2, 2), SPAN, overlays=("elasticity",))
    for place, there in reference.places(land, plane):
        assert float(land["elasticity"][place]) == pytest.approx(reference.penalty(there, point, fisher), rel=1e-9)
    assert land.lossnav.facts["elasticity"]["anchor"] == f"checkpoint {index}"
    assert "remark" not in land["elasticity"].attrs


def test_without_an_earlier_task_it_is_said_that_the_penalty_is_a_paraboloid() -> None:
    problem = cases.classifier(1)
    land = survey(problem, Plane.random(problem), (2, 2), overlays=("elasticity",))
    assert "one paraboloid" in land["elasticity"].attrs["remark"]


def test_an_anchor_that_is_no_checkpoint_is_refused() -> None:
    with pytest.raises(InputError, match="from 0 to"):
        anchored(cases.with_path(), 99)
    with pytest.raises(InputError, match="training path"):
        anchored(cases.classifier(1), 0)


def test_an_anchor_without_a_finite_loss_has_no_recovery() -> None:
    model = cases.initialised(cases.mlp((3, 5, 5, 5, 4)))
    start = {k: v.detach() for k, v in model.named_parameters()}
    far = Anchor({k: 1e100 * v for k, v in start.items()}, {k: torch.ones_like(v) for k, v in start.items()})
    problem = Problem(model, cases.normal(9, 3), cases.labels(9, classes=4), anchor=far)
    land = survey(problem, Plane.random(problem), (2, 1), SPAN, overlays=("elasticity_recovery",))
    assert np.isnan(land["elasticity_recovery"].values).all()

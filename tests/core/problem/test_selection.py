"""A landscape over some of the parameters, and with the regulariser: against a network of which the rest is frozen, and dense truth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cases
import numpy as np
import pytest
import torch
from lossnav.core import (
    Estimation,
    InputError,
    Plane,
    Problem,
    Trajectory,
    coupling_matrix,
    spectrum,
    survey,
)
from lossnav.core.curvature.dense import dense_matrix
from lossnav.core.curvature.example_gradients import example_gradients
from lossnav.core.curvature.operators import curvature
from lossnav.core.problem.identity import problem_identity
from torch import nn

WIDTHS = (3, 4, 4, 3)
EFFORT = Estimation(probes=3, steps=4, examples=None, descent_steps=5)
OVERLAYS = ("slope", "viscosity", "coupling", "elasticity", "memory", "density_coverage", "elasticity_recovery")


def model(frozen: bool = False) -> nn.Module:
    made = cases.initialised(cases.mlp(WIDTHS, nn.Tanh))
    if frozen:
        for name, parameter in made.named_parameters():
            parameter.requires_grad_(name.startswith("2."))
    return made


def problem(frozen: bool = False, **more: object) -> Problem:
    return Problem(model(frozen), cases.normal(12, 3), cases.labels(12, classes=3), name="both", **more)  # type: ignore[arg-type]


def path() -> Trajectory:
    point = dict(model().named_parameters())
    ends = [{k: v.detach() + t * cases.normal(*v.shape, seed=t) for k, v in point.items()} for t in (3, 2, 1)]
    return Trajectory([*ends, point])


@pytest.mark.parametrize("wanted", ["2", "2.*", ["2.weight", "2.bias"], lambda name: name.startswith("2.")])
def test_chosen_parameters_are_those_left_when_the_rest_is_frozen(wanted: object) -> None:
    chosen, frozen = problem(parameters=wanted, trajectory=path()), problem(True, trajectory=path())
    assert list(chosen.parameters) == ["2.weight", "2.bias"]
    lands = [survey(p, Plane.random(p), (3, 3), overlays=OVERLAYS, effort=EFFORT) for p in (chosen, frozen)]
    assert set(lands[0].variables) == set(lands[1].variables)
    for name, found in lands[0].data_vars.items():
        np.testing.assert_array_equal(found, lands[1][name], str(name))
    np.testing.assert_array_equal(coupling_matrix(chosen, device="cpu"), coupling_matrix(frozen, device="cpu"))
    assert spectrum(chosen, device="cpu").eigenvalues.shape[-1] == chosen.parameter_count
    assert all(p.requires_grad for p in chosen.model.parameters())
    assert "over 20 of 51 trainable parameters" in " ".join(chosen.notes)


def test_a_choice_is_part_of_the_identity_and_none_is_not() -> None:
    known = {"name", "network", "weights", "data", "trajectory", "anchor", "strength", "loss", "sigma", "data_entropy"}
    known |= {"batchnorm", "parameters", "examples", "predictions"}
    assert set(problem_identity(problem())) == known
    assert problem_identity(problem(parameters="2")) != problem_identity(problem(True))
    every = [problem(), problem(weight_decay=0.1), problem(weight_decay=0.2), problem(parameters="2")]
    identities = [str(problem_identity(p)) for p in every]
    assert len(set(identities)) == len(every)


def test_a_problem_over_other_parameters() -> None:
    again = problem(trajectory=path()).over("2", 0.3)
    direct = problem(parameters="2", weight_decay=0.3, trajectory=path())
    assert problem_identity(again) == problem_identity(direct)
    assert again.notes == direct.notes
    assert problem().over().selection is None


@pytest.mark.parametrize("kind", ["cross_entropy", "mse"])
def test_weight_decay_lifts_the_terrain_and_every_eigenvalue(kind: str) -> None:
    targets = cases.labels(12, classes=3) if kind == "cross_entropy" else cases.normal(12, 3, seed=3)
    plain, decayed = (Problem(model(), cases.normal(12, 3), targets, kind, weight_decay=w) for w in (0.0, 0.7))
    plane = Plane.random(plain, ignore="none")
    first, second = (
        survey(p, plane, (3, 3), overlays=("slope", "perplexity"), effort=EFFORT) for p in (plain, decayed)
    )
    for a in (-1.0, 0.0, 1.0):
        theta = torch.cat([v.flatten() for v in plane.at(a, a).values()])
        gap = float(second["loss"].sel(alpha=a, beta=a) - first["loss"].sel(alpha=a, beta=a))
        assert gap == pytest.approx(0.35 * float(theta @ theta), rel=1e-12)
        function = curvature(decayed, at=plane.at(a, a), device="cpu").function
        loss, slope = function.loss_and_gradient(function.point)
        assert loss == pytest.approx(float(second["loss"].sel(alpha=a, beta=a)), rel=1e-10)
        assert function.loss(function.point) == pytest.approx(loss, rel=1e-12)
        assert float(slope.norm()) == pytest.approx(float(second["slope"].sel(alpha=a, beta=a)), rel=1e-10)
    identity = torch.eye(plain.parameter_count, dtype=torch.float64)
    for of in ("hessian", "ggn"):
        matrices = [dense_matrix(curvature(p, of=of, device="cpu")) for p in (plain, decayed)]
        torch.testing.assert_close(matrices[1] - matrices[0], 0.7 * identity, rtol=1e-9, atol=1e-9)
    if kind == "cross_entropy":
        np.testing.assert_allclose(second["perplexity"], np.exp(first["loss"]))  # of the probabilities alone
        fishers = [dense_matrix(curvature(p, of="fisher", device="cpu")) for p in (plain, decayed)]
        assert torch.equal(*fishers)


def test_the_slope_is_the_derivative_of_the_drawn_loss() -> None:
    decayed = problem(weight_decay=0.4)
    function = curvature(decayed, device="cpu").function
    step = 1e-6 * function.layout.occupied(function.point) * torch.linspace(-1, 1, len(function.point)).double()
    rise = (function.loss(function.point + step) - function.loss(function.point - step)) / 2
    assert rise == pytest.approx(float(function.gradient() @ step), rel=1e-6)
    every = torch.cat(list(example_gradients(function)))
    torch.testing.assert_close(every.mean(0), function.gradient())


BAD: dict[str, tuple[Callable[[], object], str]] = {
    "no such module": (lambda: problem(parameters="4.wieght"), "did you mean '4.weight'"),
    "a pattern": (lambda: problem(parameters=["2.*", "*.lora_*"]), r"'\*.lora_\*' fits no trainable"),
    "none by a function": (lambda: problem(parameters=lambda name: False), "chooses none of the 6"),
    "an empty list": (lambda: problem(parameters=[]), "names none"),
    "negative decay": (lambda: problem(weight_decay=-1.0), "λ ≥ 0"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_choice_that_means_nothing(what: str) -> None:
    attempt, words = BAD[what]
    with pytest.raises(InputError, match=words) as caught:
        attempt()
    assert str(caught.value).endswith(".")


FILE = """
import torch
from torch import nn
from lossnav.core import Problem
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3))
problem = Problem(net, torch.randn(12, 3), torch.arange(12) % 3)
"""


def test_the_commands_take_parameters_decay_and_dtype(tmp_path: Path) -> None:
    import json

    from lossnav.explorer.cli import app
    from typer.testing import CliRunner

    (tmp_path / "mine.py").write_text(FILE)
    chosen = ["--parameters", "2.*", "--weight-decay", "0.5", "--dtype", "float64", "--device", "cpu"]
    target = str(tmp_path / "mine.py")
    tops = []
    for more in (chosen, [*chosen[:2], *chosen[4:]]):
        file = str(tmp_path / "spectrum.json")
        result = CliRunner().invoke(app, ["spectrum", target, "--top", "1", *more, "--out", file])
        assert result.exit_code == 0, result.output
        tops.append(json.loads(Path(file).read_text())["spectrum"]["top"][0])
    assert tops[0] - tops[1] == pytest.approx(0.5, rel=1e-6)
    for command in (["coupling"], ["density", "--permutations", "5"]):
        result = CliRunner().invoke(app, [*command[:1], target, *command[1:], *chosen])
        assert result.exit_code == 0, result.output
    out = ["--grid", "3x3", "--overlay", "slope", "--out", str(tmp_path / "land"), "--no-fidelity"]
    result = CliRunner().invoke(app, ["survey", target, *out, *chosen])
    assert result.exit_code == 0, result.output
    result = CliRunner().invoke(app, ["survey", target, *out, "--parameters", "3.*", "--overwrite"])
    assert isinstance(result.exception, InputError)

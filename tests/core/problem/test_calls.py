"""How networks are called: wrapped ones, arguments that are no examples, inputs that a forward changes, labels to be shifted."""

from __future__ import annotations

from typing import Any

import cases
import numpy as np
import pytest
import torch
from lossnav.core import Estimation, Plane, Problem, density_map, spectrum, survey
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

X, Y = cases.normal(12, 3), cases.labels(12, classes=3)
EFFORT = Estimation(probes=3, steps=4, examples=None, descent_steps=5)
OVERLAYS = ("slope", "viscosity", "density_coverage")


def measured(problem: Problem) -> Any:
    """Every stage."""
    land = survey(problem, Plane.random(problem), (3, 3), overlays=OVERLAYS, effort=EFFORT, batch_size=5)
    assert np.isfinite(spectrum(problem, top=1, steps=6, probes=2, device="cpu").top).all()
    assert np.isfinite(density_map(problem, permutations=5, device="cpu")["gradient_norm"]).all()
    return land


class Tempered(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = cases.mlp((3, 4, 3), nn.Tanh)

    def forward(
        self, scale: float, x: Tensor, mask: Tensor | None = None, temperature: Any = 1.0, add: bool = False
    ) -> Tensor:
        z = scale * self.net(x) / temperature + (1.0 if add else 0.0)
        return z if mask is None else z * mask


@pytest.mark.parametrize("inputs", ["positional", "named"])
def test_what_is_the_same_for_all_examples_is_handed_over_as_it_is(inputs: str) -> None:
    model = cases.initialised(Tempered())
    given: Any = [2.0, X, None, torch.tensor(3.0).double(), True]
    if inputs == "named":
        given = dict(zip(("scale", "x", "mask", "temperature", "add"), given, strict=True))
    land = measured(problem := Problem(model, given, Y))
    expected = F.cross_entropy(model(2.0, X, None, 3.0, True), Y)
    assert float(land["loss"].sel(alpha=0, beta=0)) == pytest.approx(float(expected.detach()), rel=1e-12)
    assert problem.fixed[3 if inputs == "positional" else "temperature"] == 3.0


class InPlace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = cases.mlp((3, 4, 3), nn.Tanh)

    def forward(self, x: Tensor) -> Tensor:
        x.sub_(0.5).mul_(2.0)
        return self.net(x)  # type: ignore[no-any-return]


def test_a_forward_that_changes_its_input_finds_the_same_at_every_point() -> None:
    model, data = cases.initialised(InPlace()), X.clone()
    problem = Problem(model, data, Y)
    land = measured(problem)
    assert torch.equal(data, X)
    plane = Plane.random(problem)
    for a in (-1.0, 0.0, 1.0):
        expected = F.cross_entropy(functional_call(model, plane.at(a, a), (X.clone(),)), Y)
        assert float(land["loss"].sel(alpha=a, beta=a)) == pytest.approx(float(expected.detach()), rel=1e-12)
    assert "given a copy" in " ".join(problem.notes)


def test_a_wrapped_network_is_the_network_inside() -> None:
    inner = cases.initialised(cases.mlp((3, 4, 3), nn.Tanh))
    plain = measured(Problem(inner, X, Y))
    for wrapper in (nn.DataParallel, torch.optim.swa_utils.AveragedModel):
        problem = Problem(wrapper(inner), X, Y)
        assert list(problem.parameters) == list(dict(inner.named_parameters()))
        land = measured(problem)
        for name in plain.data_vars:
            np.testing.assert_array_equal(plain[name], land[name])
        assert wrapper.__name__ in " ".join(problem.notes)


class TinyCausalLM(nn.Module):
    """Named as those are whose own loss shifts the labels."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(7, 4), nn.Linear(4, 7)

    def forward(self, input_ids: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        return {"logits": self.head(self.embed(input_ids).cumsum(1)), "past": input_ids}


def test_labels_that_the_model_would_shift_are_shifted_and_it_is_said() -> None:
    model = cases.initialised(TinyCausalLM())
    tokens = cases.labels(6, 5, classes=7)
    told = Problem(model, {"input_ids": tokens}, tokens)
    assert torch.equal(told.targets, torch.cat([tokens[:, 1:], torch.full((6, 1), -100)], 1))
    assert any("shift_labels=False" in note for note in told.notes)
    hidden = tokens.masked_fill(tokens == 2, -100)
    masked = Problem(model, {"input_ids": tokens}, hidden)
    assert torch.equal(masked.targets[:, :-1], hidden[:, 1:])
    logits = model(tokens)["logits"]
    found = Problem(model, {"input_ids": tokens}, tokens, shift_labels=True)
    expected = F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
    land = survey(found, Plane.random(found), (1, 1), ((0, 0), (0, 0)))
    assert land["loss"].item() == pytest.approx(float(expected.detach()), rel=1e-12)
    assert "'logits'" in " ".join(found.notes)
    same = Problem(model, {"input_ids": tokens}, tokens, shift_labels=False)
    expected = F.cross_entropy(logits.flatten(0, 1), tokens.flatten())
    land = survey(same, Plane.random(same), (1, 1), ((0, 0), (0, 0)))
    assert land["loss"].item() == pytest.approx(float(expected.detach()), rel=1e-12)
    moved = torch.cat([tokens[:, 1:], torch.full((6, 1), -100)], 1)
    assert torch.equal(Problem(model, {"input_ids": tokens}, moved).targets, found.targets)

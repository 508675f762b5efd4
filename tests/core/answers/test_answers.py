"""What a network says of examples, against closed forms and its own forward pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from cases import Tied, classifier, convolution, initialised, labels, mlp, normal
from lossnav.core import GaussianHeads, InputError, Plane, Problem
from lossnav.core.answers import (
    CLASSES,
    CONTINUATION,
    CURVE,
    LOSSES,
    TRAINED,
    VALUES,
    answers,
    read_answers,
    write_answers,
)
from torch import Tensor, nn
from torch.func import functional_call


class Counter(nn.Module):
    """Says token + step after each token, surely: a text that goes on in closed form."""

    def __init__(self, count: int = 7, sees_all: bool = False) -> None:
        super().__init__()
        self.step, self.count, self.sees_all = nn.Parameter(torch.tensor(1.0).double()), count, sees_all

    def forward(self, tokens: Tensor) -> Tensor:
        wanted = (tokens.double() + self.step) % self.count
        if self.sees_all:
            wanted = wanted + 0.01 * tokens.double().mean(1, keepdim=True)
        return -10 * (torch.arange(self.count).double() - wanted[..., None]).square()


def counted(length: int = 12, **more: bool) -> Problem:
    text = torch.stack([(torch.arange(length + 1) + start) % 7 for start in range(5)])
    return Problem(Counter(**more), text[:, :-1], text[:, 1:])


def test_probabilities_are_the_networks_own_at_each_place() -> None:
    problem = classifier(n=30)
    there = Plane.random(problem).at(0.5, -1.0)
    found = answers(problem, {TRAINED: None, "there": there}, examples=[4, 11], device="cpu")
    assert (found.kind, found.places, found.rows.tolist()) == (CLASSES, (TRAINED, "there"), [4, 11])
    for place, theta in enumerate((problem.parameters, there)):
        p = functional_call(problem.model, theta, (problem.args[0][[4, 11]],)).softmax(-1).detach()
        np.testing.assert_allclose(found.numbers["probability"][place], p, rtol=1e-12)
        right = p[range(2), problem.targets[[4, 11]]].log().neg()
        np.testing.assert_allclose(found.loss[place], right, rtol=1e-12)
    assert found.numbers["label"].tolist() == problem.targets[[4, 11]].tolist()


def test_of_many_classes_the_likeliest_are_kept_and_the_right_one() -> None:
    model = initialised(mlp((3, 50)))
    found = answers(Problem(model, normal(9, 3), labels(9, classes=50)), examples=4, device="cpu")
    p = model(normal(9, 3)[found.rows]).softmax(-1).detach().numpy()
    kept = found.numbers["class"]
    assert set(found.numbers["label"]) <= set(kept)
    assert set(np.argsort(-p, 1)[:, :6].ravel()) <= set(kept)
    np.testing.assert_allclose(found.numbers["probability"][0], p[:, kept], rtol=1e-12)
    np.testing.assert_allclose(found.numbers["entropy"][0], -(p * np.log(p)).sum(1), rtol=1e-10)


def test_a_text_goes_on_as_the_rule_says_at_each_place() -> None:
    problem = counted()
    found = answers(problem, {TRAINED: None, "by two": {"step": torch.tensor(2.0).double()}}, examples=2, device="cpu")
    assert found.kind == CONTINUATION
    prompt, said = found.numbers["prompt"], found.numbers["said"]
    ahead = np.arange(1, said.shape[2] + 1)
    for place, step in enumerate((1, 2)):
        assert (said[place] == (prompt[:, -1:] + step * ahead) % 7).all()
    assert (found.numbers["true"] == said[0]).all()
    assert (found.numbers["probability"][0] > 0.99).all()


def test_a_network_that_sees_what_comes_behind_goes_on_with_nothing() -> None:
    found = answers(counted(sees_all=True), device="cpu")
    assert found.kind == LOSSES
    assert "depends on what comes behind it" in found.why
    assert found.numbers["right"].tolist() == [[1.0] * 5]


def test_targets_that_are_no_next_tokens_are_no_text() -> None:
    tokens = labels(6, 5, classes=6)
    found = answers(Problem(initialised(Tied()), tokens, labels(6, 5, classes=6, seed=1)), device="cpu")
    assert (found.kind, found.numbers["right"].shape) == (LOSSES, (1, 6))


def test_a_fit_over_one_input_is_the_function() -> None:
    x = normal(40, 1)
    problem = Problem(nn.Linear(1, 1).double(), x, 3 * x + 1, loss="mse")
    line = {"weight": torch.tensor([[3.0]]).double(), "bias": torch.tensor([1.0]).double()}
    found = answers(problem, {TRAINED: None, "truth": line}, device="cpu")
    assert found.kind == CURVE
    np.testing.assert_allclose(found.numbers["y"][1], 3 * found.numbers["x"] + 1, rtol=1e-12)
    np.testing.assert_allclose(found.numbers["data_y"], 3 * found.numbers["data_x"] + 1, rtol=1e-12)
    assert found.loss[1] == pytest.approx(0, abs=1e-24)


def test_with_more_inputs_predictions_stand_beside_true_values() -> None:
    model = initialised(mlp((3, 4, 2), nn.Tanh))
    problem = Problem(model, normal(10, 3), normal(10, 2, seed=1), loss="mse")
    found = answers(problem, device="cpu")
    assert found.kind == VALUES
    np.testing.assert_allclose(found.numbers["target"], problem.targets.reshape(-1))
    np.testing.assert_allclose(found.numbers["predicted"][0], model(problem.args[0]).detach().reshape(-1), rtol=1e-12)


def test_outputs_that_are_no_values_are_not_drawn_as_such() -> None:
    class Heads(nn.Linear):
        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            return super().forward(x).split(2, 1)

    heads = Problem(Heads(3, 4).double(), normal(8, 3), normal(8, 2), loss=GaussianHeads("log_variance"))
    counts = Problem(nn.Linear(3, 1).double(), normal(8, 3), labels(8, 1, classes=4).double(), loss="poisson")
    for problem in (heads, counts):
        assert answers(problem, device="cpu").kind == LOSSES


def test_statistics_are_those_of_the_data_where_they_are_recomputed() -> None:
    problem = convolution("recalibrate", n=8)
    there = Plane.random(problem).at(0.3, 0.2)
    found = answers(problem, {"there": there}, examples=[2], device="cpu")
    whole = problem.working_copy()
    whole.load_state_dict({**whole.state_dict(), **there})
    for module in whole.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
            module.train()
    whole(problem.args[0])
    p = whole.eval()(problem.args[0])[2].softmax(-1).detach()
    np.testing.assert_allclose(found.numbers["probability"][0, 0], p, rtol=1e-9)


def test_the_same_seed_shows_the_same_examples_and_the_model_stays() -> None:
    problem = classifier(n=40)
    before = {name: tensor.clone() for name, tensor in problem.model.state_dict().items()}
    rows = [answers(problem, seed=seed, device="cpu").rows.tolist() for seed in (0, 0, 1)]
    assert rows[0] == rows[1] != rows[2]
    assert all(torch.equal(before[name], tensor) for name, tensor in problem.model.state_dict().items())


def test_what_is_written_is_read(tmp_path: Path) -> None:
    found = answers(classifier(), device="cpu")
    write_answers(found, tmp_path / "a.json")
    again = read_answers(tmp_path / "a.json")
    assert (again.kind, again.places, again.shape, again.why) == (found.kind, found.places, found.shape, found.why)
    for name, values in found.numbers.items():
        np.testing.assert_array_equal(again.numbers[name], values)
    (tmp_path / "b.json").write_text("[]")
    with pytest.raises(InputError, match="holds no answers"):
        read_answers(tmp_path / "b.json")


def test_refusals_say_what_to_do() -> None:
    problem = classifier()
    with pytest.raises(InputError, match="rows from 0 to 11"):
        answers(problem, examples=[12])
    with pytest.raises(InputError, match="one place or more"):
        answers(problem, {})
    with pytest.raises(InputError, match="The place 'x'"):
        answers(problem, {"x": {}})
    one = Problem(mlp(), torch.ones(4, 3), torch.ones(4, 4), loss=lambda z, y: (z - y).square().mean())
    with pytest.raises(InputError, match="one number for a whole batch"):
        answers(one)

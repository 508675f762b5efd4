"""Weight matching: a permuted copy is found exactly, the function stays, and what is no chain is refused in a sentence."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from cases import Attention, Recurrent, initialised, labels, mlp, normal
from lossnav.core import InputError, Problem
from lossnav.core.alignment import aligned
from lossnav.core.profile import barrier, losses_between
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F


def network(kind: str, seed: int = 0) -> nn.Module:
    if kind == "mlp":
        return initialised(mlp((3, 7, 6, 4), nn.Tanh), seed)
    if kind == "functional":
        return initialised(Functional(), seed)
    layers = [nn.Conv2d(1, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(5, 6, 2), nn.ReLU()]
    found = initialised(nn.Sequential(*layers, nn.Flatten(), nn.Linear(24, 8), nn.ReLU(), nn.Linear(8, 3)), seed)
    norm = found[1]
    norm.running_mean.copy_(normal(5, seed=seed + 1))
    norm.running_var.copy_(normal(5, seed=seed + 2).square() + 0.5)
    return found.eval()


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(3, 6), nn.Linear(6, 5), nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first(x.view(x.size(0), -1)))
        return self.third(torch.tanh(self.second(x))).log_softmax(1)


def problem_of(kind: str, seed: int = 0) -> Problem:
    model = network(kind, seed)
    inputs = normal(20, 1, 8, 8) if kind == "cnn" else normal(20, 3)
    classes = {"mlp": 4, "functional": 2, "cnn": 3}[kind]
    return Problem(model, inputs, labels(20, classes=classes))


def permuted(model: nn.Module, kind: str, seed: int) -> dict[str, Tensor]:
    """The same function with hidden units in another order, made by hand."""
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    draw = np.random.default_rng(seed)
    chains = {
        "mlp": [("0", (), "2", 1), ("2", (), "4", 1)],
        "functional": [("first", (), "second", 1), ("second", (), "third", 1)],
        "cnn": [("0", ("1",), "4", 1), ("4", (), "7", 4), ("7", (), "9", 1)],
    }
    for layer, norms, behind, each in chains[kind]:
        order = torch.from_numpy(draw.permutation(len(state[f"{layer}.weight"])))
        for name in state:
            owner = name.rpartition(".")[0]
            if owner in (layer, *norms) and state[name].ndim:
                state[name] = state[name][order]
        columns = (order[:, None] * each + torch.arange(each)).flatten()
        state[f"{behind}.weight"] = state[f"{behind}.weight"][:, columns]
    return state


@pytest.mark.parametrize("kind", ["mlp", "functional", "cnn"])
@pytest.mark.parametrize("seed", range(3))
def test_a_permuted_copy_is_found_exactly(kind: str, seed: int) -> None:
    problem = problem_of(kind)
    other = permuted(problem.model, kind, seed)
    outputs = [
        functional_call(problem.model, state, (problem.args[0],)) for state in (problem.model.state_dict(), other)
    ]
    assert torch.allclose(*outputs, rtol=1e-12, atol=1e-12)  # the copy made by hand is one
    found = aligned(problem, problem.parameters, other)
    for name, theta in problem.parameters.items():
        assert torch.equal(found.tensors[name], theta), name
    if kind == "cnn":
        assert torch.equal(found.tensors["1.running_var"], problem.model[1].running_var)
    assert found.similarity[1] == pytest.approx(1, abs=1e-12)
    assert found.similarity[0] < 0.9


@pytest.mark.parametrize("kind", ["mlp", "functional", "cnn"])
def test_the_function_of_another_network_stays_and_its_weights_come_nearer(kind: str) -> None:
    problem, other = problem_of(kind), network(kind, seed=9)
    found = aligned(problem, problem, other)
    state = {**other.state_dict(), **found.tensors}
    x = problem.args[0]
    torch.testing.assert_close(functional_call(other, state, (x,)), other(x), rtol=1e-12, atol=1e-12)
    assert found.similarity[1] > found.similarity[0]
    assert found.moved > 0
    assert all(sorted(order) == list(range(len(order))) for order in found.orders.values())


def test_of_one_hidden_layer_the_best_of_all_orders_is_found() -> None:
    model, other = initialised(mlp((3, 5, 2))), initialised(mlp((3, 5, 2)), seed=4)
    problem = Problem(model, normal(6, 3), labels(6, classes=2))
    found = aligned(problem, model, other)
    a, b = ({n: p.detach() for n, p in m.named_parameters()} for m in (model, other))

    def inner(order: tuple[int, ...]) -> float:
        rows = list(order)
        first = (a["0.weight"] * b["0.weight"][rows]).sum() + (a["0.bias"] * b["0.bias"][rows]).sum()
        return float(first + (a["2.weight"] * b["2.weight"][:, rows]).sum())

    best = max(itertools.permutations(range(5)), key=inner)
    assert found.orders["0.weight"].tolist() == list(best)


def test_the_barrier_to_a_permuted_copy_is_gone() -> None:
    problem = problem_of("mlp")
    other = permuted(problem.model, "mlp", 1)
    before = barrier(*losses_between(problem, problem.parameters, other, device="cpu"))
    found = aligned(problem, problem.parameters, other)
    after = barrier(
        *losses_between(problem, {n: t + 1e-9 for n, t in problem.parameters.items()}, found.tensors, device="cpu")
    )
    assert before.height > 0.05
    assert after.height == pytest.approx(0, abs=1e-6)


def test_the_same_seed_gives_the_same_order() -> None:
    problem, other = problem_of("mlp"), network("mlp", seed=5)
    one, two = (aligned(problem, problem, other, seed=3).orders for _ in range(2))
    assert all(np.array_equal(one[name], two[name]) for name in one)


class Skip(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(x + torch.relu(self.a(x)))


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(torch.relu(self.a(torch.relu(self.a(x)))))


class Looking(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x) if x.sum() > 0 else torch.relu(self.a(x)))


REFUSED = {
    "takes something else": lambda: Problem(initialised(Skip()), normal(6, 3), labels(6, classes=2)),
    "used twice": lambda: Problem(initialised(Twice()), normal(6, 3), labels(6, classes=2)),
    "cannot be followed": lambda: Problem(initialised(Looking()), normal(6, 3), labels(6, classes=2)),
    "no hidden layer": lambda: Problem(initialised(mlp((3, 2))), normal(6, 3), labels(6, classes=2)),
    "is none of these": lambda: Problem(
        initialised(nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))),
        normal(6, 3),
        labels(6, classes=2),
    ),
    "cut into groups": lambda: Problem(
        initialised(nn.Sequential(nn.Conv2d(2, 4, 2, groups=2), nn.Flatten(), nn.Linear(16, 2))),
        normal(6, 2, 3, 3),
        labels(6, classes=2),
    ),
    "no parameter of this landscape": lambda: Problem(
        initialised(mlp((3, 4, 2))), normal(6, 3), labels(6, classes=2), parameters="2.*"
    ),
    "this network is none": lambda: Problem(initialised(Recurrent()), normal(6, 4, 3), labels(6, classes=3)),
    "Weight matching is defined": lambda: Problem(initialised(Attention()), normal(6, 4, 8), labels(6, classes=3)),
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_is_no_chain_is_refused_in_a_sentence(said: str) -> None:
    problem = REFUSED[said]()
    with pytest.raises(InputError, match=said) as refusal:
        aligned(problem, problem, problem)
    assert str(refusal.value).endswith("without alignment.")

"""What comes in another shape than a network of tensors in and one tensor out: taken, or refused with what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from further import CLASSES, TWO, N, X, module, net, readouts
from lossnav.core import InputError, Problem
from lossnav.core.curvature.loss_function import LossFunction
from torch import Tensor, nn
from torch.nn import functional as F


class Grows(nn.Module):
    """Its last layer is made when the first input is seen."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(3, 4), None

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.first(x))
        if self.head is None:
            self.head = nn.Linear(h.shape[1], 3).double()
        return self.head(h)  # type: ignore[no-any-return]


def sharded() -> nn.Module:
    """By its name alone: the real one needs a process group."""
    return type("FullyShardedDataParallel", (nn.Module,), {})()  # type: ignore[no-any-return]


def with_a_program_inside() -> nn.Module:
    return nn.Sequential(torch.jit.trace(net(3, 4), X), net(4, 3))  # type: ignore[no-untyped-call]


def with_sparse_weights() -> nn.Module:
    return module(lambda self, x: torch.sparse.mm(self.w, x.T).T, w=nn.Parameter(torch.eye(3).to_sparse()))


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "parameters made in the first pass": (
        lambda: Problem(Grows().double(), X, CLASSES),
        r"makes parameters in its first pass",
    ),
    "sharded weights": (lambda: Problem(sharded(), X, CLASSES), "get_model_state_dict"),
    "a program inside": (lambda: Problem(with_a_program_inside(), X, CLASSES), "'0' is a TorchScript program"),
    "sparse weights": (lambda: Problem(with_sparse_weights(), X, CLASSES), r"'w' is a sparse tensor.*to_dense"),
    "a step that gives a dict without a loss": (
        lambda: Problem.from_loss(net(3, 3), (X, CLASSES), lambda m, b: {"error": F.cross_entropy(m(b[0]), b[1])}),
        "but returned dict",
    ),
    "a step that sums": (
        lambda: Problem.from_loss(
            net(3, 3), (X, CLASSES), lambda m, b: F.cross_entropy(m(b[0]), b[1], reduction="sum")
        ),
        "gives the sum over a batch",
    ),
    "nested tensors": (
        lambda: Problem(net(2, 3), torch.nested.nested_tensor([torch.ones(2 + i % 2, 2) for i in range(N)]), CLASSES),
        "have different lengths",
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_had_is_said_with_what_to_do(name: str) -> None:
    build, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        build()


def test_what_grew_is_taken_once_it_has() -> None:
    """The remedy, followed."""
    model = Grows().double()
    model(X[:2])
    problem = Problem(model, X, CLASSES)
    function = LossFunction(problem, None, "cpu")
    assert function.loss(function.point) == pytest.approx(float(F.cross_entropy(model(X), CLASSES).detach()))


class Steps(nn.Module):
    """A LightningModule's shape."""

    def __init__(self) -> None:
        super().__init__()
        self.net = net(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)  # type: ignore[no-any-return]

    def training_step(self, batch: Any, _index: int) -> Tensor:
        x, y = batch
        return F.cross_entropy(self(x), y, ignore_index=0)


def test_a_training_step_is_a_loss() -> None:
    """One number for a batch, its mean over those that are predicted there: batches are as named."""
    data = torch.utils.data.TensorDataset(X, CLASSES)
    problem = Problem.from_loss(
        Steps(),
        torch.utils.data.DataLoader(data, 5),
        lambda model, batch: model.training_step(batch, 0),
        batches="loader",
    )
    function = LossFunction(problem, None, "cpu")
    cuts = [slice(0, 5), slice(5, 10), slice(10, 12)]
    own = sum(float(problem.model.training_step((X[c], CLASSES[c]), 0).detach()) * len(X[c]) for c in cuts) / N
    assert function.loss(function.point) == pytest.approx(own, rel=1e-9)
    assert any("one number for a batch" in note for note in problem.notes)


@pytest.mark.filterwarnings("ignore")
def test_a_compiled_forward_is_that_of_the_copy() -> None:
    model = net(3, 4, 3)
    model.forward = torch.compile(model.forward, backend="eager")  # type: ignore[method-assign]
    function = LossFunction(Problem(model, X, CLASSES), None, "cpu")
    moved = net(3, 4, 3)
    moved.load_state_dict({k: v + 0.1 for k, v in model.state_dict().items()})
    assert function.loss(function.point + 0.1) == pytest.approx(float(F.cross_entropy(moved(X), CLASSES).detach()))
    assert "forward" in vars(model)


class Flat(nn.Module):
    def __init__(self, flat: bool) -> None:
        super().__init__()
        self.net, self.flat = net(3, 4, 1), flat

    def forward(self, x: Tensor) -> Tensor:
        z: Tensor = self.net(x)
        return z[:, 0] if self.flat else z


def test_one_output_without_a_dimension_has_the_fisher_of_one_with_it() -> None:
    y = TWO[:, 0]
    lands = [
        readouts(
            Problem(Flat(flat), X, y, loss=lambda z, y: (z.reshape(-1) - y) ** 2),
            "effective_rank",
            "effective_dimension",
        )
        for flat in (True, False)
    ]
    for name in ("density_effective_rank", "density_effective_dimension"):
        assert float(lands[0][name][0, 0]) == pytest.approx(float(lands[1][name][0, 0]), rel=1e-9)


def test_a_loss_of_the_network_says_that_it_has_no_fisher() -> None:
    for data, loss in (
        ((X, TWO), lambda m, b: (m(b[0]) - b[1]).square().sum(1)),
        ((X, TWO[:5]), lambda m, b: m(b[0]).square().mean() + b[1].sum()),
    ):
        problem = Problem.from_loss(net(3, 4, 2), data, loss)
        reasons = json.loads(readouts(problem, "effective_rank", "effective_dimension").attrs["unavailable"])
        assert all(
            "no outputs between" in reasons[f"density_{name}"] for name in ("effective_rank", "effective_dimension")
        )

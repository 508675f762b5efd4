"""Data as people keep them: the same loss as from plain tensors."""

from __future__ import annotations

import random
from collections import UserDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cases
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from brought_data import EXPECTED, Endless, Items, Loop, Stream, X, Y, loss, network, number, pairs
from lossnav.core import Problem
from lossnav.core.problem.identity import problem_identity
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset, WeightedRandomSampler

SAME: dict[str, Callable[[], Problem]] = {
    "loader": lambda: Problem(network(), DataLoader(pairs, 8)),
    "shuffling loader": lambda: Problem(network(), DataLoader(pairs, 8, shuffle=True)),
    "loader without batches": lambda: Problem(network(), DataLoader(pairs, batch_size=None)),
    "loader of a stream": lambda: Problem(network(), DataLoader(Stream(), 8)),
    "set": lambda: Problem(network(), pairs),
    "subset": lambda: Problem(network(), Subset(pairs, range(20))),
    "stream": lambda: Problem(network(), Stream()),
    "generator of batches": lambda: Problem(network(), ((x, y) for x, y in DataLoader(pairs, 6))),
    "loader of one's own": lambda: Problem(network(), Loop()),
    "list of pairs": lambda: Problem(network(), list(pairs)),
    "list of batches": lambda: Problem(network(), list(DataLoader(pairs, 6))),
    "set of dicts": lambda: Problem(network(), Items()),
    "loader of dicts": lambda: Problem(network(), DataLoader(Items(), 8, collate_fn=stacked)),
    "dict": lambda: Problem(network(), {"input": X, "label": Y}),
    "UserDict": lambda: Problem(network(), UserDict({"input": X, "labels": Y})),
    "named": lambda: Problem(network(), {"image": X, "kind": Y}, "kind"),
    "by place": lambda: Problem(network(), TensorDataset(X, Y, torch.arange(20)), targets=1),
    "array": lambda: Problem(network(), X.numpy(), Y.numpy()),
    "reversed array": lambda: Problem(network(), X.numpy()[::-1], Y.numpy()[::-1]),
    "other byte order": lambda: Problem(network(), X.numpy().astype(">f4"), Y.numpy().astype(">i8")),
    "small unsigned": lambda: Problem(network(), X.numpy(), Y.numpy().astype(np.uint16)),
    "table": lambda: Problem(network(), pd.DataFrame(X.numpy()), pd.Series(Y.numpy())),
    "nullable table": lambda: Problem(
        network(), pd.DataFrame(X.numpy()).convert_dtypes(), pd.Series(Y.numpy(), dtype="Int64")
    ),
    "lists": lambda: Problem(network(), X.tolist(), Y.tolist()),
    "list of rows": lambda: Problem(network(), list(X), list(Y)),
    "scipy's sparse matrix": lambda: Problem(network(), scipy.sparse.csr_matrix(X.numpy()), Y),
    "scipy's sparse array": lambda: Problem(network(), (scipy.sparse.coo_array(X.numpy()),), Y),
    "list of arrays": lambda: Problem(network(), [x.numpy() for x in X], Y),
}


def stacked(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "text": [i["text"] for i in items],
        "input": torch.tensor([i["input"] for i in items]),
        "label": torch.tensor([i["label"] for i in items]),
    }


@pytest.mark.parametrize("kind", SAME)
def test_the_loss_is_that_of_plain_tensors(kind: str) -> None:
    problem = SAME[kind]()
    assert problem.example_count == 20
    assert loss(problem) == pytest.approx(EXPECTED, rel=1e-6)


def test_a_data_set_in_its_own_order_is_the_same_problem_as_its_tensors() -> None:
    plain = problem_identity(Problem(network(), X, Y))
    assert problem_identity(Problem(network(), pairs)) == plain
    assert problem_identity(Problem(network(), DataLoader(pairs, 8))) == plain


def test_shuffling_is_frozen_once_and_said_and_moves_nobodys_random_state() -> None:
    loader = DataLoader(pairs, 8, shuffle=True, generator=torch.Generator().manual_seed(7))
    model = network()
    torch.manual_seed(3)
    states = torch.get_rng_state(), random.getstate(), loader.generator.get_state()
    one, two = Problem(model, loader), Problem(model, loader)
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1] == random.getstate()
    assert torch.equal(states[2], loader.generator.get_state())
    assert torch.equal(one.inputs[0], two.inputs[0])
    assert not torch.equal(one.inputs[0], X)
    assert any("shuffles" in note for note in one.notes)
    assert one.loader_batches == (8, 8, 4)


@pytest.mark.parametrize("draw", [lambda: float(torch.rand(())), random.random, lambda: float(np.random.rand())])
def test_random_crops_are_frozen_once_and_said(draw: Callable[[], float]) -> None:
    class Noisy(Dataset[tuple[Tensor, Tensor]]):
        def __len__(self) -> int:
            return len(X)

        def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
            return X[i] + draw(), Y[i]

    one, two = (Problem(network(), Noisy()) for _ in range(2))
    assert torch.equal(one.inputs[0], two.inputs[0])
    assert any("at random" in note for note in one.notes)
    own = np.random.default_rng(0)
    draw_own = own.random
    Noisy.__getitem__ = lambda self, i: (X[i] + draw_own(), Y[i])  # type: ignore[method-assign]
    assert any("generator of its own" in note for note in Problem(network(), Noisy()).notes)


def test_what_a_loader_leaves_out_or_draws_twice_is_said() -> None:
    dropped = Problem(network(), DataLoader(pairs, 8, drop_last=True))
    assert dropped.example_count == 16
    assert any("drop_last leaves 4" in note for note in dropped.notes)
    weighted = DataLoader(pairs, 8, sampler=WeightedRandomSampler([1.0] * 20, 30))
    drawn = Problem(network(), weighted)
    assert drawn.example_count == 30
    assert any("with replacement" in note for note in drawn.notes)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: Problem(network(), X, Y, examples=n),
        lambda n: Problem(network(), pairs, examples=n),
        lambda n: Problem(network(), DataLoader(pairs, 6), examples=n),
        lambda n: Problem(network(), {"input": X, "label": Y}, examples=n),
    ],
)
def test_a_subset_is_drawn_from_a_seed_and_the_same_for_every_kind(make: Callable[[Any], Problem]) -> None:
    part = make(9)
    rows = [i for i in range(20) if any(torch.equal(X[i], x) for x in part.inputs[0])]
    assert part.example_count == len(rows) == 9
    assert torch.equal(part.inputs[0], X[rows])
    assert torch.equal(part.targets, Y[rows])
    assert torch.equal(part.inputs[0], make(9).inputs[0])
    assert any("9 of 20 examples" in note for note in part.notes)
    assert loss(part) == pytest.approx(number(F.cross_entropy(network()(X[rows]), Y[rows])), rel=1e-6)
    assert make(100).example_count == 20
    chosen = make([3, 1])
    assert sorted(chosen.targets.tolist()) == sorted(Y[[3, 1]].tolist())


def test_only_the_chosen_examples_of_a_set_are_read() -> None:
    read: list[int] = []

    class Counting(Dataset[tuple[Tensor, Tensor]]):
        def __len__(self) -> int:
            return 10**9

        def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
            read.append(i)
            return torch.full((6,), float(i % 7)), torch.tensor(i % 3)

    assert Problem(network(), Counting(), examples=[5, 10**8]).example_count == 2
    assert set(read) == {0, 5, 10**8}


def test_a_stream_gives_its_first_examples() -> None:
    problem = Problem(network(), Endless(), examples=5)
    assert problem.example_count == 5
    assert any("first 5" in note for note in problem.notes)
    assert Problem(network(), DataLoader(Stream(), 8), examples=10).example_count == 10


def test_a_memmap_is_read_from_the_disk(tmp_path: Path) -> None:
    file = np.memmap(tmp_path / "x.bin", np.float32, "w+", shape=(20, 6))
    file[:] = X.numpy()
    file.flush()
    kept = np.memmap(tmp_path / "x.bin", np.float32, "r", shape=(20, 6))
    problem = Problem(network(), kept, Y)
    assert problem.inputs[0].data_ptr() == kept.ctypes.data  # no copy of it
    assert loss(problem) == pytest.approx(EXPECTED, rel=1e-6)


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.layer(a * b)


@pytest.mark.parametrize("named", [False, True])
def test_several_inputs_in_a_tuple_or_dict_of_their_own_are_a_pair_with_the_targets(named: bool) -> None:
    model, a, b, y = (
        cases.initialised(Two()),
        cases.normal(7, 3),
        cases.normal(7, 3, seed=1),
        cases.labels(7, classes=3),
    )
    inputs = [{"b": q, "a": p} if named else (p, q) for p, q in zip(a, b, strict=True)]
    problem = Problem(model, DataLoader(list(zip(inputs, y, strict=True)), 3))  # type: ignore[arg-type]
    assert loss(problem) == pytest.approx(number(F.cross_entropy(model(a, b), y)), rel=1e-12)

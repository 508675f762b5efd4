"""Data that cannot be taken, or not all at once: one sentence that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cases
import numpy as np
import pandas as pd
import pytest
import torch
from brought_data import Endless, Items, Stream, X, Y, loss, network, number, pairs
from lossnav.core import InputError, Plane, Problem, survey
from lossnav.core.problem.identity import problem_identity
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset


def test_inputs_that_are_the_same_for_all_examples() -> None:
    class Tempered(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 3)

        def forward(self, x: Tensor, scale: float = 1.0, offset: Tensor | None = None) -> Tensor:
            return self.layer(x) * scale

    model = cases.initialised(Tempered(), dtype=torch.float32)
    two, three = (Problem(model, {"x": X, "scale": s, "offset": None}, Y) for s in (2.0, 3.0))
    assert loss(three) == pytest.approx(number(F.cross_entropy(model.layer(X) * 3, Y)), rel=1e-6)
    assert problem_identity(two) != problem_identity(three)


class Words(Dataset[tuple[str, int]]):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, i: int) -> tuple[str, int]:
        return "abc"[i], i


class Broken(Dataset[Any]):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, i: int) -> Any:
        raise OSError("no such image")


class Module:
    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(pairs)


class TwoInputs(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x


REFUSED: dict[str, tuple[Callable[[], Problem], str]] = {
    "targets twice": (lambda: Problem(network(), DataLoader(pairs), Y), "its own targets.*leave those out"),
    "inputs alone": (lambda: Problem(network(), TensorDataset(X)), "targets"),
    "no targets": (lambda: Problem(network(), X), "inputs alone.*pair"),
    "three parts": (lambda: Problem(network(), TensorDataset(X, Y, Y)), "3 parts.*targets=1"),
    "no such place": (lambda: Problem(network(), pairs, targets=7), "2 parts"),
    "pair for two inputs": (lambda: Problem(TwoInputs(), pairs), "2 parts"),
    "no known key": (lambda: Problem(network(), {"input": X, "kind": Y}), 'targets="labels"'),
    "two known keys": (lambda: Problem(network(), {"input": X, "label": Y, "y": Y}), "not clear which"),
    "no such key": (lambda: Problem(network(), {"input": X, "y": Y}, "z"), "'z' is not among"),
    "unknown names": (lambda: Problem(network(), {"a": X, "b": X, "y": Y}), "rename them"),
    "several sets": (lambda: Problem(network(), {"train": Items(), "test": Items()}), r"data\['train'\]"),
    "module of loaders": (lambda: Problem(network(), Module()), r"train_dataloader\(\)"),
    "words": (lambda: Problem(network(), Words()), "text.*tokenizer"),
    "word targets": (lambda: Problem(network(), X, pd.Series(list("abcd") * 5)), "number the classes"),
    "word column": (lambda: Problem(network(), pd.DataFrame({"a": [1.0] * 20, "b": ["x"] * 20}), Y), "column 'b'"),
    "missing targets": (lambda: Problem(network(), X, np.array([None] * 20)), "missing"),
    "dates": (lambda: Problem(network(), X, np.array(["2020-01-01"] * 20, "M8[D]")), "dates"),
    "several targets": (lambda: Problem(network(), X, (Y, Y)), "tuple of 2"),
    "dict of targets": (lambda: Problem(network(), X, {"y": Y}), "dict with 'y'"),
    "unreadable": (lambda: Problem(network(), Broken()), "Example 0.*no such image"),
    "endless": (lambda: Problem(network(), Endless()), "examples="),
    "empty set": (lambda: Problem(network(), TensorDataset(X[:0], Y[:0])), "empty"),
    "used generator": (lambda: Problem(network(), iter(())), "read only once"),
    "nothing": (lambda: Problem(network(), None), "no data"),
    "no examples": (lambda: Problem(network(), X, Y, examples=0), "examples should be 1 or more"),
    "rows beyond": (lambda: Problem(network(), X, Y, examples=[30]), "rows from 0 to 19"),
    "rows of a stream": (lambda: Problem(network(), Stream(), examples=[1]), "as a number"),
    "images of two sizes": (lambda: Problem(network(), [torch.ones(2, 3), torch.ones(4, 5)], [0, 1]), "resizing"),
    "shapes of targets": (lambda: Problem(network(), X[:2], [[0.5], [0.5, 1.0]]), "real values of different lengths"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_taken_is_said_in_a_sentence(kind: str) -> None:
    make, text = REFUSED[kind]
    with pytest.raises(InputError, match=text) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_data_that_do_not_fit_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lossnav.core.problem.data.reading.free_bytes", lambda: 10_000)
    read = 0

    class Large(Dataset[tuple[Tensor, Tensor]]):
        def __len__(self) -> int:
            return 1_000_000

        def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
            nonlocal read
            read += 1
            return torch.zeros(6), torch.tensor(0)

    with pytest.raises(InputError, match=r"1,000,000 examples needs about 64 MB.*examples=\d+.*memmap"):
        Problem(network(), Large())
    assert read < 10


def anonymous_bytes() -> int:
    """Memory of this process that is no file's."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("RssAnon"))
    return 1024 * int(line.split()[1])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not say whose memory it is")
def test_a_large_memmap_stays_on_the_disk(tmp_path: Path) -> None:
    rows, width = 40_000, 1000
    file = np.memmap(tmp_path / "x.bin", np.float32, "w+", shape=(rows, width))
    for start in range(0, rows, 1000):
        file[start : start + 1000] = (np.arange(start, start + 1000) % 7)[:, None] / 7
    file.flush()
    kept = np.memmap(tmp_path / "x.bin", np.float32, "r", shape=(rows, width))
    model = cases.initialised(nn.Linear(width, 3), dtype=torch.float32)
    start = anonymous_bytes()
    problem = Problem(model, kept, torch.arange(rows) % 3)
    found = loss(problem)
    assert anonymous_bytes() - start < kept.nbytes / 2
    rows_of = torch.arange(rows)
    scores = model((rows_of % 7)[:, None].expand(rows, width) / 7)
    assert found == pytest.approx(number(F.cross_entropy(scores, rows_of % 3)), rel=1e-5)


def test_a_copy_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lossnav.core.problem.data.tensors.free_bytes", lambda: 100)
    with pytest.raises(InputError, match=r"are float64.*Save them as float32"):
        Problem(network(), X.double(), Y)


def test_data_that_do_not_fit_in_another_precision_are_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lossnav.core.network.streamed.free_bytes", lambda *_: 100)
    problem = Problem(network(), X, Y)
    line = Plane.random(problem)
    found = survey(problem, line, (3, 3), overlays=("slope", "viscosity"), dtype="float64", batch_size=7)
    monkeypatch.undo()
    expected = survey(problem, line, (3, 3), overlays=("slope", "viscosity"), dtype="float64", batch_size=7)
    for name in ("loss", "slope", "viscosity"):
        np.testing.assert_array_equal(found[name], expected[name])

"""What the tests of data share: a small table, kinds of sets that hold it, and the loss that is right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cases
import torch
from lossnav.core import Plane, Problem, survey
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset, IterableDataset, TensorDataset

X, Y = cases.normal(20, 6, dtype=torch.float32), cases.labels(20, classes=3)


def network(seed: int = 0) -> nn.Module:
    return cases.initialised(nn.Linear(6, 3), seed, torch.float32)


def loss(problem: Problem, plane: Plane | None = None) -> float:
    line = plane or Plane.random(problem)
    return float(survey(problem, line, (3, 3))["loss"].sel(alpha=0, beta=0))


def number(found: Tensor) -> float:
    return float(found.detach())


EXPECTED = number(F.cross_entropy(network()(X), Y))


class Stream(IterableDataset[tuple[Tensor, Tensor]]):
    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter(zip(X, Y, strict=True))


class Endless(IterableDataset[tuple[Tensor, Tensor]]):
    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            yield X[0, :1].expand(6), Y[0]


class Items(Dataset[dict[str, Any]]):
    """Examples as dicts with text, an index, and labels, the way Hugging Face's sets give them."""

    column_names = ("text", "idx", "input", "label")

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, i: int) -> dict[str, Any]:
        return {"text": f"number {i}", "idx": i, "input": X[i].tolist(), "label": int(Y[i])}


class Loop:
    """A loader of one's own."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter(zip(X.split(7), Y.split(7), strict=True))


pairs = TensorDataset(X, Y)

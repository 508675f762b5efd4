"""One case for every tool, in a file: the same trained network, the same examples, the same two directions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from lossnav.core import Plane, Problem
from torch import Tensor, nn

PLANE_SEED = 0


@dataclass(frozen=True)
class Case:
    """A network in eval mode, its data, and two filter-normalised directions over its parameters.

    inputs, targets  (n, …) and (n,) class indices
    first, second    d₁ and d₂, dicts name → tensor; biases and BatchNorm's parameters stay (zeros)
    """

    name: str
    model: nn.Module
    inputs: Tensor
    targets: Tensor
    first: dict[str, Tensor]
    second: dict[str, Tensor]

    @classmethod
    def of(cls, problem: Problem) -> Case:
        first, second = Plane.random(problem, seed=PLANE_SEED).directions
        return cls(problem.name, problem.model, problem.args[0], problem.targets, dict(first), dict(second))

    @classmethod
    def load(cls, path: Path | str, device: str = "cpu") -> Case:
        """Read what `save` wrote (a pickle, so only one's own)."""
        case = cls(**torch.load(path, weights_only=False))
        first, second = ({k: v.to(device) for k, v in d.items()} for d in (case.first, case.second))
        model, inputs, targets = case.model.to(device), case.inputs.to(device), case.targets.to(device)
        return cls(case.name, model, inputs, targets, first, second)

    def save(self, path: Path | str) -> None:
        torch.save({k: getattr(self, k) for k in self.__dataclass_fields__}, path)

    @property
    def origin(self) -> dict[str, Tensor]:
        """θ₀, dict name → tensor."""
        return {k: p.detach() for k, p in self.model.named_parameters()}

    def problem(self) -> Problem:
        return Problem(self.model, self.inputs, self.targets, name=self.name)

    def plane(self) -> Plane:
        """The plane of the same directions, from their seed."""
        return Plane.random(self.problem(), seed=PLANE_SEED)


class Tokens(nn.Module):
    """A network of sequences whose tokens are the examples, as tools for classifiers take it: (n, t) → (n·t, classes)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.model(tokens)
        return logits.flatten(0, 1)

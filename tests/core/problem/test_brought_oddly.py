"""Things that people bring and that were misread: each right, or refused in a sentence that can be followed."""

from __future__ import annotations

import copy
import dataclasses
from types import SimpleNamespace
from typing import Any

import cases
import pytest
import torch
from further import Kind, agrees_with_its_training_code, module
from lossnav.core import Gaussian, InputError, Plane, Problem, Trajectory, survey
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

X, Y = cases.normal(24, 3), cases.labels(24, classes=3)


def net() -> nn.Module:
    return cases.initialised(cases.mlp((3, 4, 3), nn.Tanh))


def test_labels_that_begin_with_many_left_out() -> None:
    labels = Y.clone()
    labels[:20] = -100
    problem = Problem(net(), X, labels)
    agrees_with_its_training_code(Kind(problem, lambda m: F.cross_entropy(m(X), labels)))
    land = survey(problem, Plane.random(problem), (3, 1), overlays=("slope", "gradient_signal"), fidelity=False)
    assert "slope" in land


def test_a_deviation_for_each_dimension_is_refused() -> None:
    with pytest.raises(InputError, match="expects a positive number"):
        Gaussian([0.1, 0.2])  # type: ignore[arg-type]


def test_networks_are_checkpoints() -> None:
    networks = [net() for _ in range(3)]
    with torch.no_grad():
        for i, each in enumerate(networks):
            for parameter in each.parameters():
                parameter.add_(0.1 * (2 - i))
    given, plain = Trajectory(networks), Trajectory([copy.deepcopy(each.state_dict()) for each in networks])
    assert all(torch.equal(given.at(1)[name], plain.at(1)[name]) for name, _ in networks[0].named_parameters())


def test_an_inner_step_inside_forward_is_refused_by_its_name() -> None:
    def forward(self: Any, x: Tensor) -> Tensor:
        weight = self.layer.weight
        (slope,) = torch.autograd.grad(F.linear(x, weight).square().mean(), weight, create_graph=True)
        return F.linear(x, weight - 0.1 * slope)

    with pytest.raises(InputError, match="inner step of MAML"):
        Problem(module(forward, layer=nn.Linear(3, 3)), X, Y)


@dataclasses.dataclass
class Example:
    """An example of a data set as an object."""

    image: Tensor
    label: Tensor


class Examples(Dataset[Any]):
    """A data set of objects."""

    def __init__(self, wrap: Any) -> None:
        self.wrap = wrap

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> Any:
        return self.wrap(Example(X[index], Y[index]))


def as_object(rows: Any) -> Any:
    return SimpleNamespace(x=torch.stack([r.image for r in rows]), y=torch.stack([r.label for r in rows]))


@pytest.mark.parametrize("data", [Examples(lambda e: e), DataLoader(Examples(lambda e: e), 6, collate_fn=as_object)])
def test_objects_of_a_data_set_are_refused_with_a_remedy_that_works(data: Any) -> None:
    with pytest.raises(InputError, match=r"give objects .*vars\(example\)"):
        Problem(net(), data)
    problem = Problem(net(), Examples(vars), targets="label")
    agrees_with_its_training_code(Kind(problem, lambda m: F.cross_entropy(m(X), Y)))

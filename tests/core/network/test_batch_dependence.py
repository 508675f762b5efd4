"""Examples that belong together are found, and their loss is the mean over the batches that were named."""

from __future__ import annotations

import json

import cases
import pytest
import torch
from lossnav.core import InputError, Plane, Problem, spectrum, survey
from lossnav.core.curvature.loss_function import LossFunction
from lossnav.core.local.samples import sampled_examples
from lossnav.core.network.batch_dependence import draws_numbers, examples_coupled
from lossnav.core.network.batching import required_batch_size
from torch import Tensor, nn
from torch.nn import functional as F


def contrastive(z: Tensor, _targets: Tensor) -> Tensor:
    left, right = F.normalize(z[:, :2], dim=1), F.normalize(z[:, 2:], dim=1)
    return F.cross_entropy(left @ right.T / 0.2, torch.arange(len(z)), reduction="none")


def pairs(n: int = 12, **more: object) -> Problem:
    model = cases.initialised(cases.mlp((3, 5, 4), nn.Tanh), 1)
    return Problem(model, cases.normal(n, 3), torch.zeros(n), loss=contrastive, **more)  # type: ignore[arg-type]


class Whitened(nn.Module):
    """Statistics of the batch, written by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        z = self.layer(x)
        return (z - z.mean(0)) / (z.var(0, unbiased=False) + 1e-3).sqrt()


class Graph(nn.Module):
    """One graph: it takes all of its nodes, or none."""

    def __init__(self, nodes: int) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)
        self.register_buffer("links", cases.normal(nodes, nodes, seed=3).softmax(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.links @ self.layer(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize("case", cases.CASES)
def test_ordinary_examples_are_found_to_be_apart(case: str) -> None:
    problem = cases.CASES[case]()
    assert not examples_coupled(problem)
    assert not draws_numbers(problem)
    assert required_batch_size(problem) is None


@pytest.mark.parametrize("make", [pairs, lambda: cases.four_classes(Whitened())])
def test_examples_that_belong_together_are_found(make: object) -> None:
    problem = make()  # type: ignore[operator]
    assert examples_coupled(problem)
    assert required_batch_size(problem) == problem.example_count


def test_a_network_that_draws_is_not_taken_for_a_coupled_one_and_a_coupled_one_is_found_through_its_draws() -> None:
    assert draws_numbers(cases.four_classes(cases.Noisy()))
    assert not examples_coupled(cases.four_classes(cases.Noisy()))
    model = cases.initialised(cases.Noisy(), 2)
    tied = Problem(model, cases.normal(12, 3), torch.zeros(12), loss=contrastive)
    assert draws_numbers(tied)
    assert examples_coupled(tied)


@pytest.mark.parametrize(("batches", "size"), [(None, 12), ("whole", 12), (4, 4), (5, 5), (99, 12)])
def test_the_loss_is_the_mean_over_the_named_batches(batches: int | str | None, size: int) -> None:
    problem = pairs(batches=batches)
    outputs = problem.model(problem.inputs[0]).detach()
    expected = float(sum(contrastive(part, part).sum() for part in outputs.split(size)) / 12)
    land = survey(problem, Plane.random(problem), (1, 1))
    assert float(land["loss"][0, 0]) == pytest.approx(expected, rel=1e-12)
    assert LossFunction(problem).loss(LossFunction(problem).point) == pytest.approx(expected, rel=1e-12)


def test_the_curvature_is_that_of_the_same_batches() -> None:
    problem = pairs(batches=4)
    names = list(problem.parameters)

    def loss(*values: Tensor) -> Tensor:
        outputs = torch.func.functional_call(problem.model, dict(zip(names, values, strict=True)), (problem.inputs[0],))
        return torch.stack([contrastive(part, part).sum() for part in outputs.split(4)]).sum() / 12

    values = tuple(problem.parameters.values())
    rows = torch.autograd.functional.hessian(loss, values)
    blocks = [torch.cat([b.reshape(v.numel(), -1) for b in row], 1) for v, row in zip(values, rows, strict=True)]
    expected = torch.linalg.eigvalsh(torch.cat(blocks))
    torch.testing.assert_close(torch.from_numpy(spectrum(problem).eigenvalues), expected, rtol=1e-9, atol=1e-11)


def test_readouts_of_single_examples_say_why_they_are_not_to_be_had() -> None:
    problem = pairs()
    land = survey(problem, Plane.random(problem), (1, 1), overlays=("slope", "density"), effort="preview")
    assert "slope" in land
    assert "density_coverage" not in land
    assert "belong together" in json.loads(land.attrs["unavailable"])["density_coverage"]


def test_samples_are_whole_batches() -> None:
    part = sampled_examples(pairs(23, batches=5), 11, seed=0)
    assert part.example_count in (10, 8)
    assert part.batch_numbers is not None
    first = [5 * number for number in part.batch_numbers[0]]
    assert [float(part.inputs[0][5 * k, 0]) for k in range(len(first))] == [
        float(pairs(23).inputs[0][i, 0]) for i in first
    ]


def test_a_graph_is_taken_whole_without_being_asked() -> None:
    problem = cases.four_classes(Graph(12))
    assert problem.batches == "whole"
    expected = float(F.cross_entropy(problem.model(problem.inputs[0]).detach(), problem.targets))
    land = survey(problem, Plane.random(problem), (1, 1), overlays=("slope", "viscosity"), effort="preview")
    assert float(land["loss"][0, 0]) == pytest.approx(expected, rel=1e-12)
    assert {"slope", "viscosity"} <= set(land.data_vars)


@pytest.mark.parametrize("batches", [0, -1, "all", 2.0, True])
def test_batches_that_are_none_are_refused(batches: object) -> None:
    with pytest.raises(InputError, match="batches should be 'whole', 'loader' or a number"):
        pairs(batches=batches)


def test_the_loaders_own_batches_are_taken_where_they_are_named() -> None:
    from torch.utils.data import DataLoader, TensorDataset

    loader = DataLoader(TensorDataset(cases.normal(12, 3), torch.zeros(12)), batch_size=5)
    model = cases.initialised(cases.mlp((3, 5, 4), nn.Tanh), 1)
    problem = Problem(model, loader, loss=contrastive, batches="loader")
    assert required_batch_size(problem) == 5
    with pytest.raises(InputError, match="no loader"):
        pairs(batches="loader")


def test_a_size_that_would_be_another_loss_is_refused() -> None:
    problem = pairs(batches=4)
    with pytest.raises(InputError, match="part of this loss"):
        survey(problem, Plane.random(problem), (1, 1), batch_size=3)


def test_naming_no_batches_changes_no_identity() -> None:
    from lossnav.core.problem.identity import problem_identity

    assert not {"batches", "draws"} & problem_identity(pairs()).keys()
    assert problem_identity(pairs(batches=4))["batches"] == 4

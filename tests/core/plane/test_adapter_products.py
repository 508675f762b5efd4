"""Directions in a low-rank adapter measured by its product: the merged weight's filters, and what rescaling the factors leaves alone."""

from __future__ import annotations

import copy
from typing import Any

import cases
import pytest
import torch
from lossnav.core import InputError, Plane, Problem, survey
from torch import Tensor, nn
from torch.nn import functional as F


class Adapted(nn.Module):
    """A layer with an adapter as many codes write it, beside a plain one."""

    def __init__(self, fresh: bool = False, by: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(cases.normal(5, 4, seed=1), requires_grad=False)
        self.lora_A = nn.Parameter(cases.normal(2, 4, seed=2) * by)
        self.lora_B = nn.Parameter(torch.zeros(5, 2) if fresh else cases.normal(5, 2, seed=3) / by)
        self.scaling = 0.5

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight + self.scaling * self.lora_B @ self.lora_A)


def problem(**kind: Any) -> Problem:
    return Problem(Adapted(**kind).double(), cases.normal(6, 4), cases.labels(6, classes=5))


@pytest.mark.parametrize("fresh", [True, False])
def test_the_change_of_the_product_has_the_merged_weights_filters(fresh: bool) -> None:
    net = problem(fresh=fresh).model
    plane = Plane.random(problem(fresh=fresh), normalize="product")
    merged = net.weight + 0.5 * net.lora_B @ net.lora_A
    for d in plane.directions:
        change = 0.5 * d["lora_B"] @ net.lora_A
        assert torch.allclose(change.norm(dim=1), merged.norm(dim=1).double())
        assert torch.allclose(d["lora_A"].norm(dim=1), net.lora_A.norm(dim=1))


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("by", [0.0625, 32.0])
def test_rescaling_the_factors_leaves_the_map_as_it_is(fresh: bool, by: float) -> None:
    maps = [
        survey(p, Plane.random(p, normalize="product"), (4, 4), fidelity=False)["loss"].values
        for p in (problem(fresh=fresh), problem(fresh=fresh, by=by))
    ]
    assert maps[1] == pytest.approx(maps[0], rel=1e-6)
    assert maps[0].std() > 1e-2
    if not fresh:  # which filters one by one do as well, and layers do not
        p, q = problem(fresh=fresh), problem(fresh=fresh, by=by)
        layers = [
            survey(each, Plane.random(each, normalize="layer"), (4, 4), fidelity=False)["loss"].values
            for each in (p, q)
        ]
        assert abs(layers[1] - layers[0]).max() > 1e-3


def test_a_turned_plane_and_another_seed_are_measured_alike() -> None:
    net = problem(fresh=True)
    merged = net.model.weight
    turned = Plane.random(net, normalize="product").turned(40.0)
    change = 0.5 * turned.directions[1]["lora_B"] @ net.model.lora_A
    assert torch.allclose(change.norm(dim=1), merged.norm(dim=1))
    held, drawn = (Plane.random(net, normalize="product", held=kept).directions[1] for kept in (True, False))
    assert all(torch.allclose(held[name], drawn[name]) for name in held)


def test_an_adapter_whose_first_factor_is_zero() -> None:
    net = problem()
    with torch.no_grad():
        net.model.lora_A.zero_()
    d = Plane.random(net, normalize="product").directions[0]
    assert float((0.5 * net.model.lora_B.detach() @ d["lora_A"]).norm()) == pytest.approx(
        float(net.model.weight.norm())
    )
    assert torch.allclose(d["lora_B"].norm(dim=0), net.model.lora_B.norm(dim=0))


def test_what_has_no_adapter_is_refused() -> None:
    plain = Problem(nn.Linear(2, 3), cases.normal(6, 2).float(), cases.labels(6, classes=3))
    with pytest.raises(InputError, match="of which this network has none: use 'filter'"):
        Plane.random(plain, normalize="product")


def peft_model(layer: nn.Module, **config: Any) -> Any:
    peft = pytest.importorskip("peft")
    torch.manual_seed(0)
    base = nn.Sequential(layer)
    return peft.get_peft_model(base, peft.LoraConfig(r=2, lora_alpha=6, target_modules=["0"], **config))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["linear", "convolution", "embedding", "transposed linear"])
def test_pefts_adapters_change_the_weight_that_peft_merges(kind: str) -> None:
    """The truth is peft's own merged weight at the moved place."""
    layers = {"linear": nn.Linear(4, 5), "convolution": nn.Conv2d(2, 5, 3), "embedding": nn.Embedding(7, 4)}
    if kind == "transposed linear":
        utils = pytest.importorskip("transformers.pytorch_utils")
        layers[kind] = utils.Conv1D(5, 4)
    model = peft_model(layers[kind], **({"fan_in_fan_out": True} if kind == "transposed linear" else {}))
    inputs = {"convolution": cases.normal(3, 2, 3, 3).float(), "embedding": torch.tensor([[0], [3], [6]])}.get(
        kind, cases.normal(3, 4).float()
    )
    net = Problem(model, inputs, torch.zeros(3), loss=lambda z, y: z.flatten(1).square().sum(1))
    d = Plane.random(net, normalize="product").directions[0]
    outer = next(name for name in d if "lora_embedding_A" in name or "lora_B" in name)
    before, after = _merged(model, {}), _merged(model, {outer: net.parameters[outer] + d[outer]})
    if kind == "transposed linear":
        before, after = before.T, after.T
    assert torch.allclose((after - before).flatten(1).norm(dim=1), before.flatten(1).norm(dim=1), rtol=1e-4)


def _merged(model: Any, moved: dict[str, Tensor]) -> Tensor:
    other = copy.deepcopy(model)
    with torch.no_grad():
        for name, p in other.named_parameters():
            if name in moved:
                p.copy_(moved[name])
    return other.merge_and_unload()[0].weight.detach()

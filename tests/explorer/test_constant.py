"""A loss that nothing in the plane moves is said to be one: by the verdict, beside the picture, and in a published page."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr
from lossnav.core import InputError, Plane, Problem, survey
from lossnav.explorer.published.landscape import _trust
from lossnav.explorer.summaries.constant import CONSTANT, constant_sentences, is_constant
from lossnav.explorer.summaries.verdict import RED, verdict
from torch import Tensor, nn


class Adapter(nn.Module):
    """A fresh adapter: its second factor is zero, so that directions scaled to it leave the network as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen = nn.Linear(3, 2).requires_grad_(False)
        self.a, self.b = nn.Linear(3, 2, bias=False), nn.Linear(2, 2, bias=False)
        nn.init.zeros_(self.b.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.frozen(x) + self.b(self.a(x))


class Nothing(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * 0


def of(net: nn.Module) -> Problem:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(8, 3, generator=generator)
    return Problem(net, inputs, torch.arange(8) % 2)


def test_a_plane_that_leaves_the_network_as_it_is_is_called_flat() -> None:
    problem = of(Adapter())
    land = survey(problem, Plane.random(problem), (3, 3), device="cpu")
    assert np.ptp(land["loss"].values) == 0
    found = verdict(land)
    assert found.light == RED
    assert found.says.startswith("Do not trust this picture yet: the loss is the same at every measured point")
    assert "lossnav check" in found.reasons[0].advice
    assert constant_sentences(land)[0].startswith(CONSTANT)
    assert any(CONSTANT in sentence for sentence in _trust(land))


def test_a_network_without_a_landscape_is_refused_by_the_survey() -> None:
    problem = of(Nothing(3, 2))
    with pytest.raises(InputError, match="its loss is a constant"):
        survey(problem, Plane.random(problem), (3, 3), device="cpu")


def test_rounding_is_not_a_landscape_and_a_landscape_is_not_rounding() -> None:
    axes = {"alpha": np.arange(3.0), "beta": np.arange(3.0)}

    def land(values: np.ndarray) -> xr.Dataset:
        return xr.Dataset({"loss": (("alpha", "beta"), values)}, axes)

    level = np.full((3, 3), 0.6931472)
    level[1, 1] = np.nextafter(np.float32(0.6931472), np.float32(1))
    assert is_constant(land(level))
    level[0, 0] += 1e-5
    assert not is_constant(land(level))
    assert not is_constant(land(np.full((3, 3), np.nan)))
    assert is_constant(land(np.zeros((3, 3))))
    assert not is_constant(xr.Dataset())

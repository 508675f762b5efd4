"""loss-landscape-anim: its `LossGrid` on a `GenericModel`, what `loss_landscape_anim(...)` runs after its training.

Its own entry point cannot run on torch 2.6 or newer (it unpickles a whole model with torch.load) and would train a
network anew. The grid always has an even number of points, −res … res − 1. Three things are eased for it here: its
imports want torchvision for MNIST, which nothing here uses; it refuses networks with buffers (BatchNorm) on loading
parameters; and the network is in eval mode, where its own flow leaves the training mode on.
"""

from __future__ import annotations

import sys
import types
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.case import Case
from benchmarks.peers.walk import Walk, mesh

_vision = {name: types.ModuleType(name) for name in ("torchvision", "torchvision.datasets", "torchvision.transforms")}
_vision["torchvision"].transforms = _vision["torchvision.transforms"]  # type: ignore[attr-defined]
_vision["torchvision.datasets"].MNIST = None  # type: ignore[attr-defined]
import pytorch_lightning  # noqa: E402, F401  (looks for torchvision itself, before the stand-in is there)

with mock.patch.dict(sys.modules, _vision):
    from loss_landscape_anim import GenericModel
    from loss_landscape_anim.loss_landscape import MARGIN, LossGrid


class Wrapped(GenericModel):
    """The network in the package's own dress."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(optimizer="adam", learning_rate=1e-3)
        self.network = network
        self.loss_fn = nn.CrossEntropyLoss()

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)

    def init_from_flat_params(self, flat_params: Tensor) -> None:
        self.load_state_dict(self._unflatten_to_state_dict(flat_params, self._get_param_shapes()), strict=False)


def grid(case: Case, steps: int) -> Walk:
    half = steps // 2
    model = Wrapped(case.model).eval()
    first, second = (torch.cat([d.flatten() for d in v.values()]).cpu() for v in (case.first, case.second))
    origin = model.get_flat_params().detach().cpu()
    path = np.array([[-1 / (1 + MARGIN), 0.0], [0.0, 0.0]])  # its step is this path's length (1 + MARGIN) / res

    def run() -> np.ndarray:
        data = (case.inputs, case.targets)
        found = LossGrid([origin], model, data, path, (first, second), res=half, tqdm_disable=True, save_grid=False)
        return found.loss_values_2d.T  # rows are its second direction

    line = np.arange(-half, half) / half
    points = mesh(line, line)
    return Walk(run, case.first, case.second, points, points)

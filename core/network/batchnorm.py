"""BatchNorm statistics recomputed on the data at the present point, for `batchnorm="recalibrate"`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .workspace import Workspace


def recalibrate(workspace: Workspace) -> None:
    """Set every BatchNorm's running mean and variance to those of the data at the present point.

    A cumulative average over the batches (momentum=None), as in stochastic weight averaging's `update_bn`
    (Izmailov et al. 2018); with the whole data set in one batch, which is the rule here, they are exact up to
    torch's own n/(n − 1) in the running variance.
    """
    layers = [m for m in workspace.model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
        layer.train()
    with torch.no_grad():
        for batch in workspace.batches:
            workspace.outputs(batch)
    for layer in layers:
        layer.eval()


def calibrate(workspace: Workspace, point: Tensor) -> None:
    """Where the problem asks for recalibration: statistics of all the data at a flat point, held fixed from then on.

    Whatever the batches, the data pass in one; without recalibration the statistics stay at θ₀'s.
    """
    if workspace.problem.batchnorm == "recalibrate":
        size = workspace.batch_size
        workspace.flat.copy_(point)
        workspace.rebatch(workspace.problem.example_count)
        recalibrate(workspace)
        workspace.rebatch(size)

"""BatchNorm statistics recomputed on the data at the present point, for `batchnorm="recalibrate"`, or a network's own."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..checks import InputError, first_line
from .batch_dependence import drawing
from .workspace import Workspace

ROUNDINGS = 16  # units of the last place, between a point of a plane and the network that it is


def recalibrate(workspace: Workspace) -> None:
    """Set every BatchNorm's running mean and variance to those of the data at the present point.

    At the point of a network whose own are known (`Problem.known_statistics`) they are these.

    The data pass in one batch, however they are cut for the loss, so that the statistics are exact up to torch's own n/(n − 1)
    in the running variance: an average over batches, as stochastic weight averaging's `update_bn` takes (Izmailov et al. 2018),
    leaves out what lies between them, gives a smaller last batch the weight of the others, and is further off in every deeper layer.
    """
    own = _own_statistics(workspace)
    if own is not None:
        adopt(workspace, own)
        return
    layers = [m for m in workspace.model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
        layer.train()
    try:
        with torch.set_grad_enabled(workspace.problem.differentiates):
            for batch in workspace.in_one_batch():
                with drawing(workspace.problem, batch, workspace.device):
                    workspace.outputs(batch)
    except ValueError as error:  # torch's own refusal of a channel with a single value
        raise InputError(
            f"BatchNorm's statistics cannot be recomputed on this data ({first_line(error)}): give more examples, or "
            "batchnorm='eval'."
        ) from error
    finally:
        for layer in layers:
            layer.eval()


def adopt(workspace: Workspace, statistics: Mapping[str, Tensor]) -> None:
    """Set the running means and variances of the workspace's network to these, by name."""
    for name, buffer in workspace.model.named_buffers():
        if name in statistics:
            buffer.copy_(statistics[name])


def _own_statistics(workspace: Workspace) -> Mapping[str, Tensor] | None:
    """Those of the known network that the present point is, but for rounding; None where it is none of them."""
    here = workspace.layout.views(workspace.flat)
    for parameters, statistics in workspace.problem.known_statistics:
        if all(_alike(theta, parameters[name].to(theta)) for name, theta in here.items()):
            return statistics
    return None


def _alike(a: Tensor, b: Tensor) -> bool:
    largest = float(b.abs().max()) if b.numel() else 0.0
    return bool((a - b).abs().max() <= ROUNDINGS * torch.finfo(a.dtype).eps * largest) if b.numel() else True


def calibrate(workspace: Workspace, point: Tensor) -> None:
    """Where the problem asks for recalibration: statistics of all the data at a flat point, held fixed from then on.

    Without recalibration the statistics stay at θ₀'s.
    """
    if workspace.problem.batchnorm == "recalibrate":
        workspace.flat.copy_(point)
        recalibrate(workspace)

"""What a network that predicts numbers predicts: over its one input as a curve, else beside the true values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..network.batchnorm import calibrate
from ..network.workspace import Workspace
from .rows import outputs_at

GRID = 200
MARGIN = 0.1  # of the data's reach, by which a curve goes beyond it
MOST_POINTS = 500
DRAW = 0  # seed of which examples are shown where there are more


def predicts_values(space: Workspace, outputs: Tensor) -> bool:
    """Whether the outputs are the targets' own values: as many numbers, and a loss that is stationary where they are equal."""
    likelihood, batch = space.problem.likelihood, space.batches[0]
    rows = likelihood.target_rows(batch.shaped_targets)
    if outputs.shape != rows.shape or not rows.is_floating_point():
        return False
    with torch.enable_grad():
        same = rows.to(outputs.dtype).clone().requires_grad_(True)
        (slope,) = torch.autograd.grad(likelihood.losses(same, rows.to(outputs.dtype)).sum(), same)
        far = (rows.to(outputs.dtype) + 1.0).detach().requires_grad_(True)
        (beside,) = torch.autograd.grad(likelihood.losses(far, rows.to(outputs.dtype)).sum(), far)
    return bool(slope.abs().max() <= 1e-4 * beside.abs().max())


def curve(space: Workspace, points: Sequence[Tensor]) -> dict[str, np.ndarray] | None:
    """The outputs over a grid of the one input at each flat point; None where inputs or outputs are not one real number."""
    problem = space.problem
    if len(problem.inputs) != 1 or problem.kwargs:
        return None
    x, targets = problem.inputs[0], problem.targets
    one = all(t.numel() == t.shape[0] and t.is_floating_point() for t in (x, targets))
    first = _outputs(space, points[0], 0) if one else None
    if first is None or not predicts_values(space, first):
        return None
    low, high = float(x.min()), float(x.max())
    room = MARGIN * (high - low)
    grid = torch.linspace(low - room, high + room, GRID, dtype=space.batches[0].args[0].dtype, device=space.device)
    fitted = [_on_grid(space, point, grid.reshape(GRID, *x.shape[1:])) for point in points]
    shown = _some(problem.example_count)
    return {
        "x": grid.double().cpu().numpy(),
        "y": np.stack(fitted),
        "data_x": x.reshape(-1)[shown].double().cpu().numpy(),
        "data_y": targets.reshape(-1)[shown].double().cpu().numpy(),
    }


def values(space: Workspace, points: Sequence[Tensor]) -> dict[str, np.ndarray] | None:
    """Predicted beside true values at each flat point; None where the outputs are no values of the targets."""
    problem = space.problem
    first = _outputs(space, points[0], 0)
    if first is None or not predicts_values(space, first):
        return None
    targets = problem.likelihood.target_rows(problem.targets)
    each = max(1, targets[0].numel())
    shown = _some(problem.example_count, max(1, MOST_POINTS // each))
    predicted = [_all_outputs(space, point).reshape(len(targets), -1)[shown].reshape(-1) for point in points]
    target = targets.reshape(len(targets), -1)[shown].reshape(-1).double().cpu().numpy()
    return {"target": target, "predicted": np.stack([p.double().cpu().numpy() for p in predicted])}


def _outputs(space: Workspace, point: Tensor, index: int) -> Tensor | None:
    batch = space.batches[index]
    found = outputs_at(space, point, batch, batch.args, batch.kwargs)
    return found.detach() if isinstance(found, Tensor) else None


def _all_outputs(space: Workspace, point: Tensor) -> Tensor:
    calibrate(space, point)
    count = -(-space.problem.example_count // space.batch_size)
    found = [_outputs(space, point, index) for index in range(count)]
    return torch.cat([each for each in found if each is not None])


def _on_grid(space: Workspace, point: Tensor, grid: Tensor) -> np.ndarray:
    calibrate(space, point)
    found = outputs_at(space, point, space.batches[0], (grid,), {}).detach()
    return np.asarray(found.reshape(-1).double().cpu().numpy())


def _some(count: int, most: int = MOST_POINTS) -> Tensor:
    """Which examples are shown: all, or so many drawn from a seed."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(DRAW))[:most].sort().values

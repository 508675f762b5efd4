"""Several points of a plane in one pass, as grouped kernels: for networks too small to fill a GPU one by one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from ..network.workspace import Batch, Workspace
from .precision import lowered


def sums_at_once(
    workspace: Workspace,
    flats: Tensor,
    sums: Callable[[Tensor, Batch], Tensor],
    precision: str | None,
) -> Tensor:
    """Sums over predictions at the points whose parameters are `flats` (k, size), (k, columns).

    sums  (outputs, one row per prediction; batch) → (columns,)

    Raises
    ------
    RuntimeError  torch has no rule for several points at once for one of the operations
    """

    def at_one(flat: Tensor, batch: Batch) -> Tensor:
        with lowered(precision, workspace.device.type):
            outputs = workspace.outputs_at(workspace.layout.views(flat), batch.args, batch.kwargs)
        return sums(workspace.rows(outputs, batch), batch)

    at_all = vmap(at_one, in_dims=(0, None), randomness="error")
    with _no_loops():
        return torch.stack([at_all(flats, batch) for batch in workspace.batches]).sum(0)


@contextlib.contextmanager
def _no_loops() -> Iterator[None]:
    """Operations that vmap could only run point by point raise an error inside."""
    functorch: Any = torch._C._functorch
    before = functorch._is_vmap_fallback_enabled()
    functorch._set_vmap_fallback_enabled(False)
    try:
        yield
    finally:
        functorch._set_vmap_fallback_enabled(before)

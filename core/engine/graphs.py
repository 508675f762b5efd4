"""A point's kernels launched as one CUDA graph: for networks so small that launching takes longer than computing."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

WARM_UPS = 3  # torch's own advice, so that libraries have chosen and loaded their kernels before the capture


class Replay:
    """Captures a computation on CUDA once and launches it again at each call.

    compute  from tensors whose memory stays in place to one tensor; it must not look at values on the CPU
    device   where they lie

    A call returns the same tensor each time: it is to be copied before the next call.
    """

    def __init__(self, compute: Callable[[], Tensor], device: torch.device) -> None:
        with torch.cuda.device(device):
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(WARM_UPS):
                    compute()
            torch.cuda.current_stream().wait_stream(aside)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._result = compute()

    def __call__(self) -> Tensor:
        """The computation's result from what its tensors hold now."""
        self._graph.replay()
        return self._result

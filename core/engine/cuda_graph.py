"""A point's kernels launched as one CUDA graph: for networks so small that launching takes longer than computing."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

WARM_UPS = 2  # libraries choose and load their kernels, and constants come to the device, before the capture


class Replay:
    """Captures a computation on CUDA once and launches it again at each call.

    compute  from tensors whose memory stays in place to one tensor
    device   where they lie

    A call returns the same tensor each time: it is to be copied before the next call.

    Raises
    ------
    RuntimeError  the computation waits for the GPU: it looks at values, or brings tensors from the CPU
    """

    def __init__(self, compute: Callable[[], Tensor], device: torch.device) -> None:
        with torch.cuda.device(device):
            aside = _stream(device)
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(WARM_UPS):
                    compute()
                with (
                    _no_waiting()
                ):  # found here it is an error like any other; in a capture it would spoil torch's state
                    compute()
            torch.cuda.current_stream().wait_stream(aside)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, stream=aside):
                self._result = compute()

    def __call__(self) -> Tensor:
        """The computation's result from what its tensors hold now."""
        self._graph.replay()
        return self._result


@functools.cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """One for each device: cuBLAS keeps a workspace for every stream it has seen, and torch's own stream for captures lies
    on whichever GPU was the first to capture."""
    return torch.cuda.Stream(device)


@contextlib.contextmanager
def _no_waiting() -> Iterator[None]:
    """Operations that wait for the GPU raise RuntimeError inside."""
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's notice that this mode does not yet see all of them
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)

"""The floor under a time: the operations the work must do, over the matrix-multiply speed measured on the spot."""

from __future__ import annotations

import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.case import Case

SIZES = (512, 1024, 2048, 4096)
SECONDS = 0.4


def flops_per_point(case: Case) -> int:
    """Multiplications and additions of one forward pass over the whole data set, as torch counts them."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        case.model(case.inputs)
    return int(counter.get_total_flops())


def matrix_speed(device: str = "cpu", dtype: str = "float32") -> float:
    """Best FLOP/s of a square matrix product over several sizes, on torch's present threads.

    `dtype` "tf32" is float32 with TF32 allowed; plain "float32" forbids it.
    """
    torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"
    kind = torch.float32 if dtype == "tf32" else getattr(torch, dtype)
    return max(_speed(size, torch.device(device), kind) for size in SIZES)


def _speed(size: int, device: torch.device, dtype: torch.dtype) -> float:
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    out = torch.empty_like(a)
    torch.mm(a, b, out=out)
    best, stop = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < stop:
        start = time.perf_counter()
        torch.mm(a, b, out=out)
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best

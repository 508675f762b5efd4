"""The floor under a time: the operations the work must do, over the matrix-multiply speed measured on the spot."""

from __future__ import annotations

import time
from collections.abc import Callable

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
    """Best FLOP/s of torch.mm on square matrices of several sizes, on torch's present threads.

    `dtype` "tf32" is float32 with TF32 allowed; plain "float32" forbids it.
    """
    torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"
    return max(_product(size, device, _kind(dtype)) for size in SIZES)


def kernel_speed(device: str = "cpu", dtype: str = "float32") -> float:
    """Best FLOP/s of the same products by any library that torch has: on a CPU oneDNN's too.

    torch.mm goes through MKL, which leaves half of an AMD processor's vector units unused; oneDNN does not. A floor at
    MKL's speed would be passed by any network of convolutions.
    """
    best = matrix_speed(device, dtype)
    if device != "cpu" or not torch.backends.mkldnn.is_available():
        return best
    return max(best, *(_onednn_product(size, _kind(dtype)) for size in SIZES))


def _kind(dtype: str) -> torch.dtype:
    kind: torch.dtype = torch.float32 if dtype == "tf32" else getattr(torch, dtype)
    return kind


def _product(size: int, device: str, dtype: torch.dtype) -> float:
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    out = torch.empty_like(a)
    return 2 * size**3 / _shortest(lambda: torch.mm(a, b, out=out), device)


def _onednn_product(size: int, dtype: torch.dtype) -> float:
    a, b = (torch.randn(size, size).to(dtype) for _ in range(2))
    with torch.no_grad():
        multiply = torch.ops.mkldnn._linear_pointwise
        return 2 * size**3 / _shortest(lambda: multiply(a, b, None, "none", [], ""), "cpu")


def _shortest(work: Callable[[], object], device: str) -> float:
    """The least seconds that `work` took in a stretch of repeats."""
    work()
    best, stop = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < stop:
        start = time.perf_counter()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return best

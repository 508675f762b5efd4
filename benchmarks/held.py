"""How much memory this process, or the GPU, holds."""

from __future__ import annotations

import os
from pathlib import Path

import torch


def settle(device: str) -> None:
    """Wait until the GPU has done what it was given."""
    if device != "cpu":
        torch.cuda.synchronize()


def held(device: str) -> int:
    """Bytes held now: of the GPU's memory, or resident in this process."""
    if device != "cpu":
        return torch.cuda.memory_allocated()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def most_held(device: str) -> int:
    """The most bytes held since the process began."""
    if device != "cpu":
        return torch.cuda.max_memory_allocated()
    # not getrusage: its ru_maxrss begins with what the parent held when it forked
    status = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in status if line.startswith("VmHWM")).split()[1])

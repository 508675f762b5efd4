"""How much memory is free: on this machine, in this container, on a GPU."""

from __future__ import annotations

import os
from pathlib import Path

import torch

CPU = torch.device("cpu")
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def free_bytes(device: torch.device = CPU) -> int | None:
    """Bytes that can still be had, caches that the system would give up included; None where the system does not say."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free) + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return min((free for free in (_available(), _left_in_container()) if free is not None), default=None)


def total_bytes() -> int | None:
    """Bytes of the machine's memory; None where the system does not say."""
    if not hasattr(os, "sysconf"):
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _available() -> int | None:
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:
        return total_bytes()
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    return found[0] if found else total_bytes()


def _left_in_container() -> int | None:
    """Bytes that the control groups (version 2) of this process still allow, the innermost and those around it."""
    try:
        lines = _MEMBERSHIP.read_text().splitlines()
    except OSError:
        return None
    own = next((_CGROUP / line[3:].strip().lstrip("/") for line in lines if line.startswith("0::")), _CGROUP)
    around = [group for group in own.parents if group.is_relative_to(_CGROUP)]
    return min((left for group in (own, *around) if (left := _left_in(group)) is not None), default=None)


def _left_in(group: Path) -> int | None:
    """File caches count as free, as the system drops them when asked."""
    try:
        limit, used = ((group / f"memory.{name}").read_text().strip() for name in ("max", "current"))
        caches = [x for x in (group / "memory.stat").read_text().splitlines() if x.startswith("inactive_file ")]
    except OSError:
        return None
    if not limit.isdigit():
        return None
    return max(0, int(limit) - int(used) + sum(int(line.split()[1]) for line in caches))


def byte_text(count: float) -> str:
    """Bytes for people, to two digits.

    >>> byte_text(31.4e9), byte_text(1.23e9), byte_text(45.6e6), byte_text(800)
    ('31 GB', '1.2 GB', '46 MB', '1 MB')
    """
    unit, value = ("GB", count / 1e9) if count >= 0.95e9 else ("MB", max(count / 1e6, 1.0))
    return f"{value:.1f} GB" if unit == "GB" and value < 9.95 else f"{value:.0f} {unit}"

"""Keeps freed memory with the process between forward passes, where the C library would hand it back every time.

glibc gives every block above a threshold (128 KiB at first) pages of its own and returns them when it is freed, so that
each pass touches fresh pages for each activation: a page fault every 4 KiB.
"""

from __future__ import annotations

import ctypes
import os

from . import capabilities

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
OWN_PAGES_BYTES = 32 * 2**20  # glibc's own upper limit for what it adapts the threshold to
SPARE_BYTES = 256 * 2**20
SETTINGS = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_MAX_", "LD_PRELOAD")


def keep_freed_memory() -> bool:
    """Set glibc's thresholds for the whole process; returns whether that was done.

    Nothing is done on other systems, and where the user has set the allocator up (MALLOC_*, GLIBC_TUNABLES, LD_PRELOAD).
    """
    settled = any(name in os.environ for name in SETTINGS) or "malloc" in os.environ.get("GLIBC_TUNABLES", "")
    if settled or capabilities.lacking("glibc"):
        return False
    library = ctypes.CDLL(None)
    kept = library.mallopt(M_MMAP_THRESHOLD, OWN_PAGES_BYTES)
    return bool(kept and library.mallopt(M_TRIM_THRESHOLD, SPARE_BYTES))

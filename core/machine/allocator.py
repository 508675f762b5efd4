"""What the C library does with freed memory: kept for the next forward pass, or given back where many threads share a process.

glibc gives every block above a threshold (128 KiB at first) pages of its own and returns them when it is freed, so that
each pass touches fresh pages for each activation: a page fault every 4 KiB. That threshold follows what is freed, up to 32 MiB: in a
server, whose threads have 8 heaps for each core, arrays and texts of megabytes then lie among small blocks that outlive them, and what
is freed between these is neither given back nor found by another heap.
"""

from __future__ import annotations

import ctypes
import os

from . import capabilities

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
OWN_PAGES_BYTES = 32 * 2**20  # glibc's own upper limit for what it adapts the threshold to
SPARE_BYTES = 256 * 2**20
SHARED_OWN_PAGES_BYTES = 256 * 2**10  # a column of a landscape of 181 × 181 points; what is smaller is soon used again
SETTINGS = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_MAX_", "LD_PRELOAD")


_given_back = False


def keep_freed_memory() -> bool:
    """Set glibc's thresholds for the whole process; returns whether that was done.

    Nothing is done on other systems, where the user has set the allocator up (MALLOC_*, GLIBC_TUNABLES, LD_PRELOAD), and in a
    process that gives memory back.
    """
    if _given_back or not _is_ours():
        return False
    library = ctypes.CDLL(None)
    kept = library.mallopt(M_MMAP_THRESHOLD, OWN_PAGES_BYTES)
    return bool(kept and library.mallopt(M_TRIM_THRESHOLD, SPARE_BYTES))


def give_back_freed_memory() -> bool:
    """Have every large block go back to the system when it is freed, for as long as the process lives; whether that was done.

    For a server of many threads. Nothing is done where `keep_freed_memory` does nothing.
    """
    global _given_back
    if not _is_ours():
        return False
    _given_back = bool(ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, SHARED_OWN_PAGES_BYTES))
    return _given_back


def _is_ours() -> bool:
    settled = any(name in os.environ for name in SETTINGS) or "malloc" in os.environ.get("GLIBC_TUNABLES", "")
    return not settled and not capabilities.lacking("glibc")

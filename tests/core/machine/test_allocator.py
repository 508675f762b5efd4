"""Freed memory stays with the process, unless the user has set the allocator up."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from abilities import absent, needs
from lossnav.core.machine import allocator as allocation

FAULTS = """
import resource, torch
from lossnav.core.machine.allocator import keep_freed_memory
print(keep_freed_memory())
def fill(): [torch.empty(1_500_000).fill_(1.0) for _ in range(4)]
fill()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50): fill()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(**environment: str) -> tuple[str, int]:
    own = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_", "LD_PRELOAD"))}
    command = [sys.executable, "-c", FAULTS]
    done = subprocess.run(command, env=own | environment, capture_output=True, text=True, check=True, timeout=120)
    said, count = done.stdout.split()
    return said, int(count)


@needs("glibc")
def test_pages_are_touched_once_and_not_at_every_pass() -> None:
    said, kept = faults()
    assert said == "True"
    pages = 50 * 4 * 6_000_000 // os.sysconf("SC_PAGE_SIZE")
    assert kept < pages / 20
    said, given_back = faults(
        MALLOC_MMAP_THRESHOLD_="131072"
    )  # the user's own setting stands, and hands every block back
    assert said == "False"
    assert given_back > pages / 2


@pytest.mark.parametrize(
    ("name", "value"), [("MALLOC_TRIM_THRESHOLD_", "1"), ("LD_PRELOAD", "x.so"), ("GLIBC_TUNABLES", "glibc.malloc.x=1")]
)
def test_a_users_setting_stands(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert not allocation.keep_freed_memory()


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, "glibc")
    assert not allocation.keep_freed_memory()


HELD = """
import ctypes, sys, threading
import numpy as np
from lossnav.core.machine.allocator import give_back_freed_memory, keep_freed_memory
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks in_use free keepcost".split()]
library = ctypes.CDLL(None)
library.mallinfo2.restype = Info
if sys.argv[1] == "server":
    print(give_back_freed_memory(), keep_freed_memory())
kept = []
def page():
    for _ in range(40):
        large = [np.ones(300_000) for _ in range(3)]  # 2.4 MB each
        kept.append(np.ones(1000))  # small, and stays
for _ in range(8):
    threads = [threading.Thread(target=page) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
print(library.mallinfo2().free)
"""


def free_in_heaps(way: str) -> list[str]:
    """What the allocation said, and bytes that are free within glibc's heaps after threads came and went."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_", "LD_PRELOAD"))}
    command = [sys.executable, "-c", HELD, way]
    return subprocess.run(command, env=own, capture_output=True, text=True, check=True, timeout=120).stdout.split()


@needs("glibc")
def test_a_server_leaves_little_free_in_its_heaps_though_threads_come_and_go() -> None:
    (untouched,) = free_in_heaps("untouched")
    *said, given_back = free_in_heaps("server")
    assert said == ["True", "False"], "what gives back does not keep"
    assert int(given_back) < 4e6
    assert int(untouched) > 3 * int(given_back), "otherwise this test shows nothing"

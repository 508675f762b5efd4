"""What a server holds in memory is bounded in bytes and shared by its sessions, and what it frees goes back to the system."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import weakref

import pytest
from abilities import needs
from lossnav.core import Plane, Settings, load_problem, survey
from lossnav.explorer import landscape_file, landscapes
from lossnav.explorer.comparable import comparable
from lossnav.explorer.landscape_file import landscape_path, opened_once
from lossnav.explorer.landscapes import Found
from lossnav.explorer.panels import charts, compare
from lossnav.explorer.request.survey import SurveyRequest
from platformdirs import user_cache_path

STARTED = """
import ctypes
import numpy as np
from streamlit.starlette import App
from lossnav.explorer.server import Access, serve
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks own_pages usmblks fsmblks in_use free keepcost".split()]
library = ctypes.CDLL(None)
library.mallinfo2.restype = Info
def run(self, config):
    for _ in range(3):  # after the first, the C library by itself would keep such blocks among the small ones
        before = library.mallinfo2().own_pages
        block = np.ones(2**20)
        print(library.mallinfo2().own_pages - before >= block.nbytes)
        del block
App.run = run
serve(None, 0, Access(port=%d), False)
"""


def looked_at(count: int) -> list[Found]:
    """So many landscapes of the cache, each looked at through a request of its own."""
    problem = load_problem("linear-regression")
    requests = [SurveyRequest("linear-regression", seed=seed) for seed in range(20, 20 + count)]
    folder = user_cache_path("lossnav") / "landscapes"
    for request in requests:
        survey(problem, Plane.random(problem, seed=request.seed), (9, 9), store=request.path, fidelity=False)
    assert sorted(folder.glob("*.zarr")) == sorted(request.path for request in requests)
    found = [landscapes.exact_match(request) for request in requests]
    assert all(each is not None for each in found)
    return [each for each in found if each is not None]


def test_landscapes_that_were_read_are_kept_up_to_a_bound_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landscapes._lasts, "entries", [])
    found = looked_at(4)
    each = found[0].points.values.nbytes + found[0].points.done.nbytes
    assert sum(entry.bytes for entry in landscapes._lasts.entries) == 4 * each
    monkeypatch.setattr(landscapes._lasts, "bound", 2.5 * each)
    landscapes._lasts.grown(landscapes._found, found[-1].path)
    kept = [entry.result.landscape for entry in landscapes._lasts.entries]
    assert kept == found[-2:], "those looked at last"
    gone = [weakref.ref(one) for one in found[:2]]
    del found, kept
    gc.collect()
    assert [one() for one in gone] == [None, None]


def test_files_are_kept_up_to_a_bound_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landscape_file._recent, "entries", [])
    first = opened_once(landscape_path("linear-regression"))
    assert opened_once(landscape_path("linear-regression")) is first
    monkeypatch.setattr(landscape_file._recent, "bound", 1.5 * landscape_file._size(first))
    opened_once(landscape_path("linear-regression.trajectory"))
    assert len(landscape_file._recent.entries) == 1


def test_sessions_that_compare_share_what_they_compare() -> None:
    each = next(iter(comparable().values()))
    assert compare.held_landscape(each) is compare.held_landscape(each)
    assert compare.held_landscape(each) is charts.landscape(each.source(), Settings()), "of which the bound is in bytes"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@needs("glibc")
def test_a_server_that_starts_has_large_blocks_go_back_to_the_system() -> None:
    own = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_", "LD_PRELOAD"))}
    command = [sys.executable, "-c", STARTED % free_port()]
    done = subprocess.run(command, env=own, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.split() == ["True"] * 3, done.stderr

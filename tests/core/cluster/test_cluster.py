"""Surveys on several processes: a real scheduler and workers that are killed; the numbers of one process, bit for bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import cases
import numpy as np
import pytest
import torch
import xarray as xr
from lossnav.core import InputError, Problem, read_landscape
from lossnav.core.cluster import Recipe, Workers, connected, pool, spectra, spectra_on_workers
from lossnav.core.cluster import connection as connecting
from lossnav.core.spectrum import spectra_along
from lossnav.core.survey import LandscapeStore, surveyed
from lossnav.core.survey import run as course
from lossnav.core.survey.reading import read_points

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow

TESTS = Path(cases.__file__).parent


def recipe(**words: Any) -> Recipe:
    return Recipe("cluster_recipes:every_stage", words)


@contextmanager
def process(*words: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    env = {**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1", **more}
    with subprocess.Popen([sys.executable, "-m", *words], env=env, stderr=subprocess.DEVNULL) as one:
        try:
            yield one
        finally:
            one.kill()


@contextmanager
def scheduler(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    file = folder / "scheduler.json"
    words = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    with process("distributed.cli.dask_scheduler", *words) as one:
        while not file.exists():
            assert one.poll() is None
            time.sleep(0.05)
        yield str(file), one


def worker(address: str, folder: Path, **more: str) -> Any:
    words = ("--scheduler-file", address, "--no-nanny", "--nthreads", "1", "--no-dashboard")
    return process("distributed.cli.dask_worker", *words, "--local-directory", str(folder), **more)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A scheduler's file, with two workers."""
    folder = tmp_path_factory.mktemp("cluster")
    with ExitStack() as stack:
        file, _ = stack.enter_context(scheduler(folder))
        for _ in range(2):
            stack.enter_context(worker(file, folder))
        yield file


def on_workers(client: Any, asked: Recipe, store: Path | None = None) -> xr.Dataset:
    spec = asked.specification()
    return surveyed(spec, store, elsewhere=Workers(client, asked, spec))


def same(found: xr.Dataset, alone: xr.Dataset) -> None:
    assert set(found) == set(alone)
    for name in alone:
        np.testing.assert_array_equal(found[name].values, alone[name].values, err_msg=str(name))
    for said in ("spec", "centre", "descents", "fidelity", "unavailable"):
        assert found.attrs.get(said) == alone.attrs.get(said)


@pytest.mark.parametrize(("tolerance", "threads"), [(None, 2), (0.1, 1)])
def test_the_numbers_are_those_of_one_process_to_the_last_bit(
    address: str, tolerance: float | None, threads: int
) -> None:
    torch.set_num_threads(threads)  # the fixture of every test sets it back
    asked = recipe(tolerance=tolerance, fidelity=True)
    with connected(address=address) as client:
        client.wait_for_workers(2)
        found = on_workers(client, asked)
    same(found, surveyed(asked.specification()))
    (signed,) = found.lossnav.provenance
    assert (signed["workers"], signed["threads"], len(signed["worker_machines"])) == (2, threads, 1)


def test_a_worker_that_is_killed_in_mid_tile_costs_that_tile(tmp_path: Path) -> None:
    asked = recipe(shape=(9, 9), overlays=("slope",))
    with (
        scheduler(tmp_path) as (file, _),
        worker(file, tmp_path, LOSSNAV_TEST_DEATH=str(tmp_path)) as one,
        worker(file, tmp_path, LOSSNAV_TEST_DEATH=str(tmp_path)) as two,
        connected(address=file) as client,
    ):
        client.wait_for_workers(2)
        found = on_workers(client, asked, tmp_path / "land.zarr")
        left = [each.poll() for each in (one, two)]
    assert sorted(map(str, left)) == ["-9", "None"]
    same(found, surveyed(asked.specification()))
    points = read_points(tmp_path / "land.zarr")
    assert points.made == points.planned


CLIENT = """
import os, signal, sys
from pathlib import Path
from lossnav.core.cluster import Recipe, Workers, connected
from lossnav.core.survey import run, surveyed
run.SECONDS_BETWEEN_WRITES = -1.0
asked = Recipe("cluster_recipes:every_stage", {"shape": [9, 9], "overlays": ["slope"]})
spec = asked.specification()
stop = lambda done, total: done >= 20 and os.kill(os.getpid(), signal.SIGKILL)
with connected(address=sys.argv[1]) as client:
    surveyed(spec, sys.argv[2], stop, elsewhere=Workers(client, asked, spec))
"""


def test_a_killed_client_goes_on_from_the_store(address: str, tmp_path: Path) -> None:
    place, asked = tmp_path / "land.zarr", recipe(shape=(9, 9), overlays=("slope",))
    env = {**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", CLIENT, address, str(place)], env=env, check=False)
    assert done.returncode == -signal.SIGKILL
    assert 20 <= read_points(place).made < 162
    with connected(address=address) as client:
        found = on_workers(client, asked, place)
    same(found, surveyed(asked.specification()))
    first, second = found.lossnav.provenance
    assert first["measurements"] >= 20
    assert first["measurements"] + second["measurements"] == 162


def test_two_clients_do_not_write_one_store(address: str, tmp_path: Path) -> None:
    asked = recipe()
    with (
        connected(address=address) as client,
        LandscapeStore(tmp_path / "land.zarr").writing(),
        pytest.raises(InputError, match="Another process is writing"),
    ):
        on_workers(client, asked, tmp_path / "land.zarr")


def test_a_worker_with_another_problem_refuses(tmp_path: Path) -> None:
    with (
        scheduler(tmp_path) as (file, _),
        worker(file, tmp_path, LOSSNAV_TEST_OTHER="1"),
        connected(address=file) as client,
        pytest.raises(
            InputError, match=r"would measure something else, as its problem is .* give every machine the same"
        ),
    ):
        on_workers(client, recipe())


def test_without_workers_or_a_scheduler_it_is_said_and_what_was_measured_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course, "SECONDS_BETWEEN_WRITES", -1.0)
    monkeypatch.setattr(pool, "LONELY_SECONDS", 0.5)
    monkeypatch.setattr(pool, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(connecting, "WORKER_SECONDS", 1)
    asked = recipe(shape=(17, 17), overlays=("slope",))
    spec = asked.specification()
    with scheduler(tmp_path) as (file, boss):
        with pytest.raises(InputError, match="has no worker after 1 s"), connected(address=file):
            pass
        monkeypatch.setattr(connecting, "WORKER_SECONDS", 60)
        for ended in ("worker", "scheduler"):
            place = tmp_path / f"{ended}.zarr"
            with worker(file, tmp_path) as one, connected(address=file) as client:

                def end(done: int, total: int, one: Any = one, ended: str = ended) -> None:
                    if done >= 3:
                        (one if ended == "worker" else boss).kill()

                with pytest.raises(InputError, match="is kept, and the same command goes on") as said:
                    surveyed(spec, place, end, elsewhere=Workers(client, asked, spec))
            assert ("No worker" if ended == "worker" else "The scheduler has gone") in str(said.value)
            assert read_points(place).made >= 3
    monkeypatch.setattr(course, "SECONDS_BETWEEN_WRITES", 0.5)
    same(surveyed(spec, tmp_path / "worker.zarr"), surveyed(spec))
    assert read_landscape(tmp_path / "scheduler.zarr")["measured"].any()


def test_spectra_along_a_path_are_those_of_one_process(address: str, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    asked = Recipe("cluster_recipes:with_path", {"seed": 1})
    problem, out = asked.made(Problem), tmp_path / "along.json"
    with connected(address=address) as client:
        client.wait_for_workers(2)
        find = spectra_on_workers(client, asked, problem)
        first = next(spectra_along(problem, count=5, device="cpu", out=out, elsewhere=find))
        *_, found = spectra_along(problem, count=5, device="cpu", out=out, elsewhere=find)  # goes on from the file
    *_, alone = spectra_along(problem, count=5, device="cpu")
    assert (len(first.spectra), len(found.spectra)) == (1, 5)
    assert found.checkpoints == alone.checkpoints
    for there, here in zip(found.spectra, alone.spectra, strict=True):
        np.testing.assert_array_equal(there.top, here.top)
        np.testing.assert_array_equal(there.eigenvalues, here.eigenvalues)
        assert there.trace == here.trace


def test_a_worker_with_another_problem_finds_no_spectrum() -> None:
    asked = Recipe("cluster_recipes:with_path", {"seed": 2})
    known = spectra._identity(asked.made(Problem), "cpu")
    piece = spectra.SpectrumPiece(asked, {**known, "problem": "another"}, 1, 0, {"device": "cpu"})
    with pytest.raises(InputError, match=r"its problem is .* not another: give every machine the same files"):
        spectra.measured_spectrum(piece)

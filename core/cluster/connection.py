"""Processes of Dask's: some here that end with the survey, or those that a scheduler at an address has."""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ..checks import InputError, first_line

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 10
WORKER_SECONDS = 60


def share_threads(workers: int | None) -> int:
    """Torch's threads in each evaluation from now on, here and on workers: this machine's, shared by `workers` on it.

    They are decided once, as sums over another number of threads differ in their last bits.
    """
    threads = max(1, torch.get_num_threads() // (workers or 1))
    torch.set_num_threads(threads)
    return threads


@contextmanager
def connected(workers: int | None = None, address: str | None = None) -> Iterator[Client]:
    """A client of so many `workers` on this machine, or of the scheduler at `address`, which has at least one.

    address  "tcp://host:8786", "tls://…", or the path of a scheduler's .json file

    Raises
    ------
    InputError  neither or both, Dask is not installed, nobody answers at the address, no worker is there
    """
    if (workers is None) == (address is None):
        raise InputError("--workers and --cluster are two places to measure on: give one of them.")
    if workers is not None and workers < 1:
        raise InputError(f"--workers should be a whole number, 1 or more, but is {workers}.")
    _need_dask()
    with _quiet(), _of_this_machine(workers) if workers is not None else _at(str(address)) as client:
        yield client


def _need_dask() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"Workers need Dask, which is not installed ({first_line(error)}): pip install 'lossnav[cluster]'."
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask's words on closed connections and restarted workers are for its logs; what a user needs is said as a sentence."""
    named = [logging.getLogger(name) for name in ("distributed", "distributed.client", "distributed.core")]
    before = [logger.level for logger in named]
    for logger in named:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(named, before, strict=True):
            logger.setLevel(level)


@contextmanager
def _of_this_machine(workers: int) -> Iterator[Client]:
    from distributed import Client, LocalCluster

    with (
        tempfile.TemporaryDirectory(prefix="lossnav-workers-", ignore_cleanup_errors=True) as folder,
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            security=_encrypted(),
            dashboard_address=None,
            worker_dashboard_address=None,
            local_directory=folder,
            memory_limit=0,  # it is looked at before a survey starts
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


def _encrypted() -> bool:
    """Whether only this process may give work: anybody on this machine can reach the ports, and a worker runs what it is sent."""
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"Workers need cryptography, which is not installed ({first_line(error)}): pip install 'lossnav[cluster]'."
        ) from error
    return True


@contextmanager
def _at(address: str) -> Iterator[Client]:
    with _client(address) as client:
        try:
            client.wait_for_workers(1, timeout=WORKER_SECONDS)
        except TimeoutError as error:
            raise InputError(
                f"The scheduler at '{address}' has no worker after {WORKER_SECONDS} s: start some, such as dask worker {address}."
            ) from error
        yield client


def _client(address: str) -> Client:
    from distributed import Client

    try:
        there = _address_in(Path(address)) if address.endswith(".json") else address
        _meet(there)
        return Client(there, timeout=CONNECT_SECONDS, set_as_default=False)
    except Exception as error:  # of sockets, of addresses, of other services that answer
        raise InputError(
            f"No Dask scheduler answers at '{address}' ({first_line(error)}): give the address that dask scheduler printed, "
            "such as tcp://host:8786, or its --scheduler-file."
        ) from error


def _address_in(file: Path) -> str:
    return str(json.loads(file.read_text(encoding="utf-8"))["address"])


def _meet(address: str) -> None:
    """Shake hands with a scheduler, for which a Client waits without end where another service took the connection."""
    from distributed import Security
    from distributed.comm import connect

    async def meet() -> None:
        allowed = Security().get_connection_args("client")
        comm = await asyncio.wait_for(connect(address, timeout=CONNECT_SECONDS, **allowed), CONNECT_SECONDS)
        await comm.close()

    with ThreadPoolExecutor(1) as pool:  # where this thread may have a loop of its own, as in a notebook
        pool.submit(asyncio.run, meet()).result()

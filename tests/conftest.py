"""What every test shares: one thread, so that a sum is made in one order, unless OMP_NUM_THREADS says how many; and a cache
that is no person's and no other worker's."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator

import pytest
import torch

THREADS = int(os.environ.get("OMP_NUM_THREADS", "1").split(",")[0])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files with a slow test first, where workers take a file at a time: they then end together, with what is quick."""
    if hasattr(config, "workerinput"):
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def _no_persons_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _threads_from_the_beginning() -> None:
    """Also in what a whole file shares, which is made before `_threads` comes to its turn."""
    torch.set_num_threads(THREADS)


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _no_clock_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where adaptive surveys measure follows from the values alone: choosing takes no time, and so always pays."""
    monkeypatch.setattr(importlib.import_module("lossnav.core.survey.schedule"), "now", lambda: 0.0)

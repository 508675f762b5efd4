"""Streamlit's searches for cyclic garbage: set aside what was imported, and keep to a share of the time."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from lossnav.explorer.collector import SHARE, SeldomCollector, search_seldom


class Cycle:
    """Something that only a search can free."""

    def __init__(self) -> None:
        self.own = self


class Clock:
    """A clock on which each search takes a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@pytest.fixture
def without_python_s_own() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def test_the_first_search_sets_aside_and_the_next_waits_its_share(without_python_s_own: None) -> None:
    frozen: list[int] = []
    clock = Clock()
    collector = SeldomCollector(clock, lambda: frozen.append(1))
    collector.collect(2)
    gone = weakref.ref(Cycle())
    assert collector.collect(2) == 0
    assert gone() is not None
    assert frozen == [1]
    clock.now += 1 / SHARE
    assert collector.collect(2) >= 1
    assert gone() is None
    assert frozen == [1]  # once: what sessions leave later can be freed


def test_searches_take_no_more_than_their_share(without_python_s_own: None) -> None:
    clock = Clock()
    collector = SeldomCollector(clock, lambda: None)
    made = []
    for _ in range(1000):
        before = clock.now
        collector.collect(2)
        made.append(clock.now - before > 1)  # a second look at the clock: it was made
    assert 0 < sum(made) <= SHARE * clock.now + 1


def test_streamlit_still_asks_where_this_listens() -> None:
    from streamlit.runtime.scriptrunner import script_runner

    own = script_runner.gc
    try:
        search_seldom()
        listening = script_runner.gc
        search_seldom()
        assert isinstance(listening, SeldomCollector)
        assert script_runner.gc is listening
        assert "gc.collect(2)" in Path(script_runner.__file__).read_text(encoding="utf-8")
    finally:
        script_runner.gc = own

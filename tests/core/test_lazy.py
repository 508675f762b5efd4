"""Attributes computed when first asked for, by several workers at once."""

import functools
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from lossnav.core.curvature.chunks import GraphChunk
from lossnav.core.lazy import lazy
from lossnav.core.local.context import LocalWorker
from lossnav.core.local.neighbourhood import Neighbourhood
from lossnav.core.spectrum.coupling import LowRank


class Worker:
    both = Barrier(2)
    calls = 0

    @lazy
    def found(self) -> int:
        self.both.wait(timeout=20)  # passed only if the other one computes at the same time
        self.calls += 1
        return self.calls


def test_two_workers_compute_at_once_and_each_but_once() -> None:
    workers = [Worker(), Worker()]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda worker: worker.found, workers)) == [1, 1]
    assert [worker.found for worker in workers] == [1, 1]


def test_what_fails_is_tried_again() -> None:
    class Once:
        ready = False

        @lazy
        def found(self) -> str:
            if not self.ready:
                raise ValueError("not yet")
            return "found"

    once = Once()
    with pytest.raises(ValueError, match="not yet"):
        _ = once.found
    once.ready = True
    assert once.found == "found"


@pytest.mark.parametrize("owner", [LocalWorker, GraphChunk, LowRank, Neighbourhood])
def test_workers_share_no_lock_through_what_they_compute(owner: type) -> None:
    assert any(isinstance(each, lazy) for each in vars(owner).values())
    assert not any(isinstance(each, functools.cached_property) for each in vars(owner).values())

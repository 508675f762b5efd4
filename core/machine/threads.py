"""Work on several tensors side by side, each on one thread: what draws random numbers, or is small, has no use for more."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch
from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextlib.contextmanager
def one_thread_each() -> Iterator[None]:
    """torch on one thread inside, and on as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def side_by_side(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """`function` of every item, in their order, as many at once as torch has threads; in the caller's inference mode.

    >>> side_by_side(lambda x: x * x, [1, 2, 3])
    [1, 4, 9]
    """
    threads, inference = torch.get_num_threads(), torch.is_inference_mode_enabled()
    if threads == 1:
        return [function(item) for item in items]

    def work(item: Item) -> Result:
        with torch.inference_mode(inference):
            return function(item)

    with one_thread_each(), ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return list(pool.map(work, items))


class OneBlasThread(contextlib.ContextDecorator):
    """NumPy's and SciPy's matrix products on one thread while anyone is inside, and on as many as before when the last one leaves.

    Small systems are no faster on several, whose threads then stand in torch's way for longer than the system takes; and on one
    thread their sums are made in one order, whatever the machine.

    >>> one = OneBlasThread()
    >>> with one, one:
    ...     {pool["num_threads"] for pool in ThreadpoolController().info() if pool["user_api"] == "blas"}
    {1}
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._limited: Any = None

    @functools.cached_property
    def _pools(self) -> ThreadpoolController:
        return ThreadpoolController()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._limited = self._pools.limit(limits=1, user_api="blas")
            self._inside += 1

    def __exit__(self, *raised: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._limited.restore_original_limits()


one_blas_thread = OneBlasThread()

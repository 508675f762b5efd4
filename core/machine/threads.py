"""Work on several tensors side by side, each on one thread: what draws random numbers, or is small, has no use for more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
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

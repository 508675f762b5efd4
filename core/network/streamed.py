"""Batches of data that would not fit where they are computed on: each is made when it is asked for, in a fixed order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import torch

from ..machine.memory import free_bytes

if TYPE_CHECKING:
    from ..problem.problem import Problem
    from .workspace import Batch

SHARE = 0.5  # of the free memory that data may take when they are laid out anew


class StreamedBatches(Sequence["Batch"]):
    """Batches by number; none is kept.

    count  how many
    make   number → batch
    """

    def __init__(self, count: int, make: Callable[[int], Batch]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Batch: ...

    @overload
    def __getitem__(self, index: slice) -> list[Batch]: ...

    def __getitem__(self, index: Any) -> Any:
        numbers = range(self._count)[index]
        return [self._make(i) for i in numbers] if isinstance(numbers, range) else self._make(numbers)

    def __iter__(self) -> Iterator[Batch]:
        return (self._make(i) for i in range(self._count))


def copied_bytes(problem: Problem, dtype: torch.dtype | None, device: torch.device) -> int:
    """Bytes of the data that are laid out anew: in another precision, or on a GPU."""
    total = 0
    for tensor in (*problem.inputs, problem.targets, problem.law):
        if tensor is not None:
            kind = dtype if dtype is not None and tensor.is_floating_point() else tensor.dtype
            if device.type == "cuda" or kind != tensor.dtype:
                total += tensor.numel() * kind.itemsize
    return total


def is_streamed(problem: Problem, dtype: torch.dtype | None, device: torch.device) -> bool:
    """Whether the data, laid out anew, would take more than SHARE of the memory that is free."""
    copied = copied_bytes(problem, dtype, device)
    free = free_bytes(device) if copied else None
    return free is not None and copied > SHARE * free

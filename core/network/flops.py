"""Floating-point operations of a computation, by torch's formulas, without loading its compiler."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode


def counted_flops(run: Callable[[], object]) -> int:
    """Of all operations that `run` makes; those for which torch has no formula count nothing.

    `FlopCounterMode` says the same, but the first operation under it imports `torch._dynamo`, a second of processor time; it
    is asked where operations come that are not simple ones (`torch.cond`).

    >>> import torch
    >>> counted_flops(lambda: torch.ones(2, 3) @ torch.ones(3, 5))  # 2 · 3 operations for each of 2 × 5 numbers
    60
    """
    try:
        with _Counting() as counting:
            run()
        return counting.flops
    except Exception:
        with FlopCounterMode(display=False) as counter:
            run()
        return int(counter.get_total_flops())


class _Counting(TorchDispatchMode):
    """Counts every operation on tensors that passes while it is entered."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # the wrapper that torch would put around this class loads the compiler

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0
        self._formulas = FlopCounterMode(display=False).flop_registry

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        with self:  # of its parts, if it has any
            result = func.decompose(*args, **named)
        if result is NotImplemented:
            result = func(*args, **named)
            formula = self._formulas.get(func.overloadpacket)
            self.flops += formula(*args, **named, out_val=result) if formula else 0
        return result

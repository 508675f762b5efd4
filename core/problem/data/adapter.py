"""Inputs that are no tensors with a row per example (graphs, packed sequences, flags): put together for forward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

Call = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class Adapter:
    """The translation between tensors with a row per example and a network's own arguments and outputs.

    before  (args, kwargs) of rows → the arguments that forward takes
    after   (outputs, the kwargs of rows) → outputs with a row per example
    name    what it does, part of what makes two problems the same
    """

    before: Callable[[tuple[Any, ...], dict[str, Any]], Call]
    after: Callable[[Any, dict[str, Any]], Any]
    name: str

    def attach(self, network: nn.Module) -> None:
        """From now on `network` is called with rows and gives rows."""
        called: list[dict[str, Any]] = []

        def arrange(_network: nn.Module, args: Any, kwargs: dict[str, Any]) -> Call:
            called[:] = [kwargs]
            return self.before(args, kwargs)

        def return_rows(_network: nn.Module, args: Any, outputs: Any) -> Any:
            return self.after(outputs, called.pop())

        network.register_forward_pre_hook(arrange, with_kwargs=True)
        network.register_forward_hook(return_rows)

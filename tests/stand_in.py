"""A pretended accelerator, "card": its tensors lie in the CPU's memory, and may no more be mixed with the CPU's than CUDA's may.

torch's PrivateUse1 backend, written in Python. A tensor on it wraps one of the CPU; every operation is checked as CUDA would
check it (devices of tensors, of generators), counted where it would make the host wait, and carried out on what is wrapped.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.utils.backend_registration as registration
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

NAME = "card"
WAITING = (
    "_local_scalar_dense",
    "equal",
    "is_nonzero",
    "nonzero",
    "_unique2",
    "unique_dim",
    "masked_select",
    "allclose",
)
CROSSING = ("_to_copy", "copy_", "_copy_from", "_copy_from_and_resize", "to")
CPU_INDICES = ("index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index", "_unsafe_index_put")


class Card(Tensor):
    """A tensor of the pretended device, around `inner`, one of the CPU."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> Card:
        """Sizes, strides and kind of number as `inner` has them."""
        made: Card = Tensor._make_wrapper_subclass(
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=f"{NAME}:0",
        )  # type: ignore[attr-defined]
        made.inner = inner
        return made

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"card({self.inner!r})"

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return carried_out(function, args, kwargs or {})


WAITS: collections.Counter[str] = collections.Counter()


def carried_out(function: Any, args: Any, kwargs: Any) -> Any:
    """An operation on the pretended device; RuntimeError where CUDA would raise one."""
    name = function._schema.name.removeprefix("aten::")
    target = kwargs.get("device")
    on_card = target is None or torch.device(target).type == NAME
    _check(name, args, kwargs, on_card)
    if name in WAITING or (name in CROSSING and not on_card):
        WAITS[name] += 1
    if name == "_efficientzerotensor":
        function, args = torch.ops.aten.zeros.default, args
    inside = {k: v for k, v in kwargs.items() if k != "device"} | ({"device": "cpu"} if "device" in kwargs else {})
    wrappers: dict[int, Card] = {}
    out = function(*tree_map(lambda x: _inner(x, wrappers), args), **tree_map(lambda x: _inner(x, wrappers), inside))
    if name == "copy_" and not isinstance(args[0], Card):
        WAITS[name] += 1
        return args[0]
    return tree_map(lambda x: _outer(x, wrappers) if on_card else x, out)


def _inner(x: Any, wrappers: dict[int, Card]) -> Any:
    if isinstance(x, Card):
        wrappers[id(x.inner)] = x
        return x.inner
    return x


def _outer(x: Any, wrappers: dict[int, Card]) -> Any:
    if not isinstance(x, Tensor) or isinstance(x, Card):
        return x
    found = wrappers.get(id(x))
    if found is not None and found.shape == x.shape:
        return found
    return Card(x)


def _check(name: str, args: Any, kwargs: Any, on_card: bool) -> None:
    tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
    strangers = [x for x in tensors if not isinstance(x, Card) and x.ndim > 0]
    if name in CPU_INDICES and len(args) > 1:
        strangers = [x for x in strangers if not any(x is i for i in args[1])]
    if strangers and any(isinstance(x, Card) for x in tensors) and name not in CROSSING:
        raise RuntimeError(f"Expected all tensors to be on the same device, but found {NAME}:0 and cpu in {name}")
    generator = kwargs.get("generator")
    if generator is not None and on_card and generator.device.type != NAME:
        raise RuntimeError(
            f"Expected a '{NAME}' device type for generator but found '{generator.device.type}' in {name}"
        )


@functools.cache
def _registered() -> Any:
    registration._setup_privateuseone_for_python_backend(NAME)
    library = torch.library.Library("_", "IMPL")
    library.fallback(lambda function, *args, **kwargs: carried_out(function, args, kwargs), "PrivateUse1")
    return library


@contextmanager
def card() -> Iterator[torch.device]:
    """The pretended device; `WAITS` counts what would have made the host wait for it since."""
    _registered()
    WAITS.clear()
    with _without_inference_mode(), _Made():
        yield torch.device(f"{NAME}:0")


class _Made(TorchFunctionMode):
    """`torch.tensor(numbers, device=card)` in two steps: in one, torch leaves Python no place to step in."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if function in (torch.tensor, torch.as_tensor) and torch.device(kwargs.get("device") or "cpu").type == NAME:
            return function(*args, **{**kwargs, "device": "cpu"}).to(kwargs["device"])
        return function(*args, **kwargs)


@contextmanager
def _without_inference_mode() -> Iterator[None]:
    """Wrappers made in inference mode cannot be used: there, gradients are merely switched off."""
    mode = torch.inference_mode
    enter, leave = mode.__enter__, mode.__exit__

    def entered(self: Any) -> None:
        self._instead = torch.no_grad()
        self._instead.__enter__()

    def left(self: Any, *error: Any) -> None:
        self._instead.__exit__(*error)

    mode.__enter__, mode.__exit__ = entered, left  # type: ignore[method-assign]
    try:
        yield
    finally:
        mode.__enter__, mode.__exit__ = enter, leave  # type: ignore[method-assign]

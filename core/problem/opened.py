"""Objects of one's own that hold tensors (a graph, a dataclass of a batch), opened as dicts are."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.utils import _pytree as pytree


@dataclass(frozen=True)
class OpenedObject:
    """An object's tensors by name, and the object, which a copy with other tensors is made of."""

    tensors: dict[str, Tensor]
    template: Any

    def with_tensors(self, tensors: list[Any]) -> Any:
        """A copy of the object that holds these in their place."""
        twin = copy.copy(self.template)
        for name, tensor in zip(self.tensors, tensors, strict=True):
            object.__setattr__(twin, name, tensor) if _is_frozen(twin) else setattr(twin, name, tensor)
        return twin


pytree.register_pytree_node(
    OpenedObject,
    lambda thing: (list(thing.tensors.values()), thing),
    lambda leaves, thing: thing.with_tensors(list(leaves)),
)


def opened(leaf: Any) -> Any:
    """`leaf` opened, where it is an object with tensors in it; else itself.

    >>> import types, torch
    >>> leaves, spec = pytree.tree_flatten(opened(types.SimpleNamespace(x=torch.ones(2), name="a")))
    >>> len(leaves), pytree.tree_unflatten([torch.zeros(1)], spec)
    (1, namespace(x=tensor([0.]), name='a'))
    """
    if isinstance(leaf, (Tensor, nn.Module)) or hasattr(leaf, "__array__"):
        return leaf
    values = {name: getattr(leaf, name, None) for name in _names(leaf)}
    tensors = {name: value for name, value in values.items() if isinstance(value, Tensor) and value.ndim}
    return OpenedObject(tensors, leaf) if tensors else leaf


def _names(thing: Any) -> list[str]:
    """Of its fields, as PyTorch Geometric's objects list them, or as any object has them."""
    keys = getattr(thing, "keys", None)
    listed = keys() if callable(keys) else keys
    if listed is None:
        listed = [*getattr(thing, "__dataclass_fields__", ()), *getattr(thing, "__dict__", ())]
    return [str(name) for name in dict.fromkeys(listed) if not str(name).startswith("_")]


def _is_frozen(thing: Any) -> bool:
    return bool(getattr(getattr(thing, "__dataclass_params__", None), "frozen", False))

"""Vectors that are views of the user's own tensors, watched for changes: a plane around them must not move unnoticed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from .checks import InputError
from .vectors import pieces_of

_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


class Watched(Mapping[str, Tensor]):
    """Tensors that are looked at and not copied.

    Every look compares torch's own count of in-place writes, which costs nothing; `check` also compares a sum over all
    bits, which finds writes that torch does not count (through `.data`, or a NumPy array of the same memory).

    >>> weight = torch.ones(2)
    >>> seen = Watched({"w": weight})
    >>> weight.mul_(2.0)
    tensor([2., 2.])
    >>> seen["w"]
    Traceback (most recent call last):
    ...
    lossnav.core.checks.InputError: The model's 'w' has changed since the plane around it was made, and a plane of this \
size keeps no copy of it: make the plane again.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._tensors = {name: tensor.detach() for name, tensor in tensors.items()}
        self._writes = {name: _writes(tensor) for name, tensor in self._tensors.items()}
        self._sums = {name: _bits(name, tensor) for name, tensor in self._tensors.items()}

    def __getitem__(self, name: str) -> Tensor:
        tensor = self._tensors[name]
        if _writes(tensor) != self._writes[name]:
            raise _changed(name)
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def check(self) -> None:
        """Raise InputError if any number is another than at first."""
        for name, tensor in self.items():
            if _bits(name, tensor) != self._sums[name]:
                raise _changed(name)


def _changed(name: str) -> InputError:
    return InputError(
        f"The model's '{name}' has changed since the plane around it was made, and a plane of this size keeps no copy of "
        "it: make the plane again."
    )


def _writes(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _bits(name: str, tensor: Tensor) -> int:
    kind = _INTEGERS[tensor.element_size()]
    return sum(int(piece.of(tensor).view(kind).sum()) for piece in pieces_of(name, tensor.shape))

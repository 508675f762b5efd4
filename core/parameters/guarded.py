"""Vectors that are views of the user's own tensors, watched for changes: a plane around them must not move unnoticed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping

from torch import Tensor

from ..checks import InputError
from .vectors import pieces_of, raw

OWNED_NUMBERS = 2**24  # parameters up to which a plane keeps a copy of θ₀, and its directions, without counting


class Watched(Mapping[str, Tensor]):
    """Tensors that are looked at and not copied.

    Every look compares torch's own count of in-place writes, which costs nothing; `check` also compares a checksum of all
    bytes (6 GB/s), which finds writes that torch does not count (through `.data`, or a NumPy array of the same memory).

    >>> import torch
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
        self._sums = {name: _checksum(name, tensor) for name, tensor in self._tensors.items()}

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
            if _checksum(name, tensor) != self._sums[name]:
                raise _changed(name)


def origin_to_keep(origin: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """θ₀ for a plane to keep: a copy, or where that would be large the tensors themselves, watched for changes."""
    if sum(tensor.numel() for tensor in origin.values()) > OWNED_NUMBERS:
        return Watched(origin)
    return {k: v.detach().clone() for k, v in origin.items()}


def _changed(name: str) -> InputError:
    return InputError(
        f"The model's '{name}' has changed since the plane around it was made, and a plane of this size keeps no copy of "
        "it: make the plane again."
    )


def _writes(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _checksum(name: str, tensor: Tensor) -> int:
    total = 0
    for piece in pieces_of(name, tensor.shape):
        total = zlib.crc32(raw(piece.of(tensor)).numpy(force=True).data, total)
    return total

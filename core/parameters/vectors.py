"""Parameter vectors kept as tensors by name, one per parameter: the few operations that planes need.

Sums run in float64 whatever the tensors' own precision: a dot product over millions of float32 terms
would otherwise lose the digits that projections depend on. Large tensors are walked in pieces, so that
no float64 copy of a whole one is ever held.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from ..machine.sparse import stored

Vector = dict[str, Tensor]
PIECE_NUMBERS = 2**18  # 2 MB in float64
DRAW_BLOCK = 16  # numbers; torch draws normal numbers in blocks of this many


class Piece(NamedTuple):
    """Rows of one tensor from `start` to `stop` along its first dimension; all of it where `stop` is None."""

    name: str
    start: int = 0
    stop: int | None = None

    def of(self, tensor: Tensor) -> Tensor:
        """The piece of its tensor, a view."""
        return tensor if self.stop is None else tensor[self.start : self.stop]


class StreamedVector(Mapping[str, Tensor]):
    """A vector that is not held: its pieces are made when they are asked for."""

    @abstractmethod
    def part(self, piece: Piece) -> Tensor:
        """The numbers of one piece."""


def pieces_of(name: str, shape: torch.Size) -> list[Piece]:
    """One tensor cut into pieces of whole rows, about PIECE_NUMBERS in each; tensors up to that size are taken whole.

    All pieces but the last hold whole blocks of DRAW_BLOCK numbers, and the last at least one: drawn piece by piece, normal
    numbers are then the same as drawn at once.

    >>> [(piece.start, piece.stop) for piece in pieces_of("w", torch.Size([5, 2**17]))]
    [(0, 2), (2, 4), (4, 5)]
    """
    if shape.numel() <= PIECE_NUMBERS:
        return [Piece(name)]
    count, width = shape[0], shape.numel() // shape[0]
    unit = DRAW_BLOCK // math.gcd(DRAW_BLOCK, width)
    step = unit * max(1, PIECE_NUMBERS // (unit * width))
    starts = [s for s in range(0, count, step) if s == 0 or (count - s) * width >= DRAW_BLOCK]
    ends = [*starts[1:], count]
    return [Piece(name, start, end) for start, end in zip(starts, ends, strict=True)]


def pieces(vector: Mapping[str, Tensor]) -> Iterator[Piece]:
    """All pieces of a vector that is held, in order."""
    return (piece for name, tensor in vector.items() for piece in pieces_of(name, tensor.shape))


def part(vector: Mapping[str, Tensor], piece: Piece) -> Tensor:
    """One piece of a vector: a view of what is held, or drawn anew."""
    if isinstance(vector, StreamedVector):
        return vector.part(piece)
    return piece.of(vector[piece.name])


def wide(tensor: Tensor) -> Tensor:
    """The tensor in float64, or complex128 where it is complex."""
    return tensor.to(torch.complex128) if tensor.is_complex() else tensor.double()


def numbers(tensor: Tensor) -> Tensor:
    """The tensor's real numbers in float64, one dimension; of complex ones both parts.

    >>> numbers(torch.tensor([1 + 2j]))
    tensor([1., 2.], dtype=torch.float64)
    """
    return (torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor).double().flatten()


def raw(tensor: Tensor) -> Tensor:
    """The tensor's bytes in order, one dimension, uint8; a copy only where they do not lie so in memory."""
    parts = stored(tensor.detach())
    if len(parts) > 1:
        return torch.cat([raw(part) for part in parts])
    flat = tensor.detach().contiguous().flatten()
    # one number of a larger table counts as contiguous, whatever its stride
    return (flat if flat.stride(-1) == 1 else flat.clone(memory_format=torch.contiguous_format)).view(torch.uint8)


def gaussian(shape: torch.Size, generator: torch.Generator, like: Tensor) -> Tensor:
    """N(0, 1) draws in float64; complex128 where `like` is complex, both parts drawn."""
    if like.is_complex():
        return torch.view_as_complex(torch.randn((*shape, 2), generator=generator, dtype=torch.float64))
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def piece_dot(a: Tensor, b: Tensor) -> float:
    """Inner product of two tensors of the same shape, summed in float64; of complex ones that of both parts."""
    return float(torch.dot(numbers(a), numbers(b.to(a.device))))


def dot(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    """Inner product over the names of `a`, which is held, summed in float64.

    >>> dot({"w": torch.tensor([1.0, 2.0])}, {"w": torch.tensor([3.0, 4.0])})
    11.0
    """
    return sum(piece_dot(part(a, piece), part(b, piece)) for piece in pieces(a))


def norm(a: Mapping[str, Tensor]) -> float:
    """Euclidean length of the whole vector, which is held."""
    return dot(a, a) ** 0.5


def offset_dtype(dtype: torch.dtype) -> torch.dtype:
    """In which precision weights of type `dtype` are moved: their own, float32 for half precision, whose steps are coarse.

    >>> offset_dtype(torch.bfloat16), offset_dtype(torch.float64)
    (torch.float32, torch.float64)
    """
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype


def combine(*terms: tuple[float, Mapping[str, Tensor]]) -> Vector:
    """Sum of scaled vectors, on the device of the first and in its `offset_dtype`.

    >>> combine((2.0, {"w": torch.ones(2)}), (-1.0, {"w": torch.ones(2)}))
    {'w': tensor([1., 1.])}
    """
    first = terms[0][1]
    total = {k: terms[0][0] * v.to(offset_dtype(v.dtype)) for k, v in first.items()}
    for scale, vector in terms[1:]:
        for k, v in total.items():
            total[k] = v + scale * vector[k].to(v)
    return total


def subtract(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> Vector:
    """a − b, computed in float64 so that nearby vectors keep their difference."""
    return {k: wide(v) - wide(b[k].to(v.device)) for k, v in a.items()}


def zeros_like(a: Mapping[str, Tensor]) -> Vector:
    """A vector of zeros with the names, shapes, precision and device of `a`."""
    return {k: torch.zeros_like(v) for k, v in a.items()}


def cast(a: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> Vector:
    """`a` on the device of `like` and in its `offset_dtype`, restricted to the names of `like`."""
    return {k: a[k].detach().to(v.device, offset_dtype(v.dtype)) for k, v in like.items()}

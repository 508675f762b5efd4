"""Where each named tensor lies in one flat vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

ALIGNMENT = 16  # numbers; every tensor starts on a 64-byte line, as kernels expect of a tensor of their own


@dataclass(frozen=True)
class Layout:
    """Where each parameter lies in the flat buffer.

    names, shapes, offsets   one entry per trainable parameter
    widths                   real numbers of each; a complex one is two
    size                     length of the buffer, padding included

    >>> layout = Layout.of({"w": torch.zeros(3, dtype=torch.complex64)})
    >>> layout.widths, layout.views(torch.arange(16.0))["w"].tolist()
    ((6,), [1j, (2+3j), (4+5j)])
    """

    names: tuple[str, ...]
    shapes: tuple[torch.Size, ...]
    offsets: tuple[int, ...]
    size: int
    widths: tuple[int, ...]

    @classmethod
    def of(cls, parameters: Mapping[str, Tensor]) -> Layout:
        widths = tuple(tensor.numel() * (1 + tensor.is_complex()) for tensor in parameters.values())
        offsets, end = [], 0
        for width in widths:
            offsets.append(end)
            end += -(-width // ALIGNMENT) * ALIGNMENT
        return cls(tuple(parameters), tuple(t.shape for t in parameters.values()), tuple(offsets), end, widths)

    def flatten(self, vector: Mapping[str, Tensor], device: torch.device, dtype: torch.dtype) -> Tensor:
        """`vector` as one tensor (size,), zeros in the padding."""
        flat = torch.zeros(self.size, device=device, dtype=dtype)
        for name, view in self.views(flat).items():
            view.copy_(vector[name])
        return flat

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """The parameters as views into `flat`."""
        return {
            name: _shaped(flat[start : start + width], shape, width)
            for name, shape, start, width in zip(self.names, self.shapes, self.offsets, self.widths, strict=True)
        }

    def occupied(self, like: Tensor) -> Tensor:
        """(size,) 1 where a parameter's number lies, 0 in the padding, of the type and device of `like`."""
        mask = torch.zeros(self.size, device=like.device, dtype=like.dtype)
        for start, width in zip(self.offsets, self.widths, strict=True):
            mask[start : start + width] = 1
        return mask

    @property
    def is_real(self) -> bool:
        """Whether no parameter is complex."""
        return all(shape.numel() == width for shape, width in zip(self.shapes, self.widths, strict=True))


def _shaped(numbers: Tensor, shape: torch.Size, width: int) -> Tensor:
    if shape.numel() == width:
        return numbers.view(shape)
    return torch.view_as_complex(numbers.view(*shape, 2))


def as_real(tensor: Tensor) -> Tensor:
    """A tensor's real numbers: itself, or the two parts of complex ones side by side in a last dimension."""
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor

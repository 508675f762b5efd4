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
    size                     length of the buffer, padding included
    """

    names: tuple[str, ...]
    shapes: tuple[torch.Size, ...]
    offsets: tuple[int, ...]
    size: int

    @classmethod
    def of(cls, parameters: Mapping[str, Tensor]) -> Layout:
        offsets, end = [], 0
        for tensor in parameters.values():
            offsets.append(end)
            end += -(-tensor.numel() // ALIGNMENT) * ALIGNMENT
        return cls(tuple(parameters), tuple(t.shape for t in parameters.values()), tuple(offsets), end)

    def flatten(self, vector: Mapping[str, Tensor], device: torch.device, dtype: torch.dtype) -> Tensor:
        """`vector` as one tensor (size,), zeros in the padding."""
        flat = torch.zeros(self.size, device=device, dtype=dtype)
        for name, view in self.views(flat).items():
            view.copy_(vector[name])
        return flat

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """The parameters as views into `flat`."""
        return {
            name: flat[start : start + shape.numel()].view(shape)
            for name, shape, start in zip(self.names, self.shapes, self.offsets, strict=True)
        }

"""Puts θ(α, β) = θ₀ + α d₁ + β d₂ into a flat buffer."""

from __future__ import annotations

import torch
from torch import Tensor

from ..plane import Plane
from .workspace import Layout


class Placement:
    """Where the points of a plane come from: the three flat vectors, or what makes them.

    plane   the plane, over the layout's parameters
    layout  of the buffer; device and dtype are the buffer's
    """

    def __init__(self, plane: Plane, layout: Layout, device: torch.device, dtype: torch.dtype) -> None:
        self._origin = layout.flatten(plane.origin, device, dtype)
        self._first, self._second = (layout.flatten(d, device, dtype) for d in plane.directions)

    def place(self, alpha: float, beta: float, flat: Tensor) -> None:
        """Write θ(α, β) into `flat`, (layout.size,)."""
        torch.add(self._origin, self._first, alpha=alpha, out=flat)
        flat.add_(self._second, alpha=beta)

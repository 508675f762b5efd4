"""Puts θ(α, β) = θ₀ + α d₁ + β d₂ into a flat buffer."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from ..machine.memory import free_bytes
from ..machine.threads import side_by_side
from ..parameters.guarded import Watched
from ..parameters.layout import Layout
from ..parameters.vectors import Piece, part, pieces
from ..plane.plane import Plane

FLAT_BYTES = 64 * 2**20  # θ₀ and both directions, up to which they are laid flat beside what the plane holds
DEVICE_SHARE = 0.5  # of a GPU's free memory that they may take there


class Placement:
    """Where the points of a plane come from: three flat vectors where they are small, or lie on a GPU that has room for
    them; else the plane's own tensors one by one, whether the plane holds them or draws them anew.

    The numbers are the same either way. `flats` are the three flat vectors; None where there are none.

    plane   the plane, over the layout's parameters
    layout  of the buffer; device and dtype are the buffer's

    Raises
    ------
    InputError  the model has changed since the plane around it was made, and the plane keeps no copy of it
    """

    def __init__(self, plane: Plane, layout: Layout, device: torch.device, dtype: torch.dtype) -> None:
        if isinstance(plane.origin, Watched):
            plane.origin.check()
        self._plane, self._layout = plane, layout
        vectors = (plane.origin, *plane.directions)
        flat = lies_flat(layout.size, device, dtype)
        self.flats = [layout.flatten(v, device, dtype) for v in vectors] if flat else None

    def place_all(self, points: np.ndarray, like: Tensor) -> Tensor:
        """θ at points (k, 2), (k, layout.size), of the type and on the device of `like`."""
        flats = torch.empty(len(points), self._layout.size, device=like.device, dtype=like.dtype)
        for flat, (alpha, beta) in zip(flats, points.tolist(), strict=True):
            self.place(alpha, beta, flat)
        return flats

    def place(self, alpha: float, beta: float, flat: Tensor) -> None:
        """Write θ(α, β) into `flat`, (layout.size,).

        Raises
        ------
        InputError  farther out than the network's numbers reach
        """
        _refuse_too_far(max(abs(alpha), abs(beta)), flat.dtype)
        if self.flats is not None:
            origin, first, second = self.flats
            torch.add(origin, first, alpha=alpha, out=flat)
            flat.add_(second, alpha=beta)
            return
        views = self._layout.views(flat)

        def fill(piece: Piece) -> None:
            there = piece.of(views[piece.name])
            there.copy_(part(self._plane.origin, piece))
            for share, direction in zip((alpha, beta), self._plane.directions, strict=True):
                if share != 0.0:
                    there.add_(part(direction, piece).to(there), alpha=share)

        if self._plane.is_streamed:
            side_by_side(fill, pieces(views))
        else:
            for piece in pieces(views):
                fill(piece)


def lies_flat(size: int, device: torch.device, dtype: torch.dtype) -> bool:
    """Whether θ₀ and both directions, of `size` numbers each, are laid flat on the device."""
    wanted = 3 * size * dtype.itemsize
    if device.type == "cuda":
        return wanted <= DEVICE_SHARE * (free_bytes(device) or 0)
    return wanted <= FLAT_BYTES


def _refuse_too_far(multiple: float, dtype: torch.dtype) -> None:
    most = torch.finfo(dtype).max
    if multiple > most:
        raise InputError(
            f"A point lies {multiple:.3g} multiples of a direction away, more than {str(dtype).removeprefix('torch.')} holds "
            f"({most:.3g}): choose a smaller span, or --dtype float64."
        )

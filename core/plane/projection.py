"""Least squares onto a plane, piece by piece: no direction need be held, and no float64 copy of a whole one ever is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..machine.threads import side_by_side
from ..parameters.vectors import Piece, numbers, part, piece_dot, pieces
from ..problem.trajectory import Trajectory

if TYPE_CHECKING:
    from .plane import Plane


def gram_matrix(plane: Plane) -> np.ndarray:
    """dᵢ·dⱼ, (2, 2) float64."""

    def products(piece: Piece) -> tuple[float, float, float]:
        d1, d2 = (part(d, piece) for d in plane.directions)
        return piece_dot(d1, d1), piece_dot(d1, d2), piece_dot(d2, d2)

    each = (side_by_side if plane.is_streamed else map)(products, pieces(plane.origin))
    one, cross, two = (sum(column) for column in zip(*each, strict=True))
    return np.array([[one, cross], [cross, two]])


def pseudo_inverse(gram: np.ndarray) -> np.ndarray:
    """Of a Gram matrix, (2, 2); a direction that is zero or parallel gives nothing."""
    lengths = np.sqrt(np.diag(gram))
    scale = np.divide(1.0, lengths, out=np.zeros(2), where=lengths > 0)  # so that short directions count too
    inverse: np.ndarray = scale[:, None] * np.linalg.pinv(scale[:, None] * gram * scale, 1e-12, True) * scale
    return inverse


def project_point(plane: Plane, point: Mapping[str, Tensor]) -> np.ndarray:
    """(α, β, distance off the plane) of one configuration, (3,)."""
    projected: np.ndarray = _projected(plane, lambda piece: part(point, piece)[None], 1)[0]
    return projected


def project_path(plane: Plane, path: Trajectory) -> np.ndarray:
    """The same of every checkpoint, (T + 1, 3); those on disk are read one after another."""
    if path.is_streamed:
        return np.stack([project_point(plane, point) for point in path])

    def points(piece: Piece) -> Tensor:
        stack = path.stacked(piece.name)
        return stack if piece.stop is None else stack[:, piece.start : piece.stop]

    return _projected(plane, points, len(path))


def _projected(plane: Plane, points: Callable[[Piece], Tensor], count: int) -> np.ndarray:
    """Of `count` points, given by their numbers on a piece, (count, …)."""

    def gaps(piece: Piece) -> Tensor:
        """θ − θ₀, in float64 so that nearby points keep their difference."""
        start = part(plane.origin, piece)
        each = torch.stack([numbers(point) for point in points(piece).to(start.device)])
        return each - numbers(start)

    def pair(piece: Piece) -> Tensor:
        return torch.stack([numbers(part(d, piece)) for d in plane.directions], 1)

    products, squared = np.zeros((count, 2)), np.zeros(count)
    for piece in pieces(plane.origin):
        products += (gaps(piece) @ pair(piece)).numpy(force=True)
    places = products @ plane.inverse_gram
    for piece in pieces(plane.origin):
        both = pair(piece)
        rest = gaps(piece) - torch.from_numpy(places).to(both) @ both.T
        squared += rest.square().sum(1).numpy(force=True)
    return np.column_stack([places, np.sqrt(squared)])

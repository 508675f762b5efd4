"""Arrays as one compressed text: bytes of equal weight lie together, which compresses smooth fields well."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np

LARGEST, SMALLEST = 3e38, 1e-37  # of what float32 holds to seven digits


class Pack:
    """Arrays side by side.

    >>> pack = Pack()
    >>> pack.add(np.array([1.0, np.inf, np.nan])), pack.add(np.array([1e300]))
    ({'type': 'f4', 'at': 0, 'count': 3}, {'type': 'f8', 'at': 12, 'count': 1})
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, values: np.ndarray) -> dict[str, Any]:
        """Where the array lies; floats as float32 unless they are too large or too small for it."""
        flat = np.ascontiguousarray(values).ravel()
        if flat.dtype.kind == "f":
            flat = flat.astype("<f4" if _fits(flat) else "<f8")
        flat = flat.astype(flat.dtype.newbyteorder("<"))
        content = flat.view(np.uint8).reshape(-1, flat.itemsize).T.tobytes()
        entry = {"type": flat.dtype.str[1:], "at": self._size, "count": flat.size}
        self._parts.append(content)
        self._size += len(content)
        return entry

    def text(self) -> str:
        """All of it: deflated, base64."""
        return base64.b64encode(zlib.compress(b"".join(self._parts), 9)).decode()


def _fits(values: np.ndarray) -> bool:
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    return not sizes.size or bool(sizes.max() < LARGEST and sizes.min() > SMALLEST)

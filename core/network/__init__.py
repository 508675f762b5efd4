"""The network at one point: one pass over the data."""

from __future__ import annotations

from .batching import cut_is_fixed
from .workspace import choose_device, dtype_of

__all__ = ["choose_device", "cut_is_fixed", "dtype_of"]

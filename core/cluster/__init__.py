"""The same survey on many processes, here or on other machines, by Dask: workers measure, the client keeps the store."""

from __future__ import annotations

from .connection import connected, share_threads
from .recipe import Recipe
from .workers import Workers

__all__ = ["Recipe", "Workers", "connected", "share_threads"]

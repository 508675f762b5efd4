"""The same survey on many processes, here or on other machines, by Dask: workers measure, the client keeps the store."""

from __future__ import annotations

from .connection import connected, share_threads
from .identity import code_identity, refuse_another
from .pool import Pool
from .recipe import Recipe
from .spectra import spectra_on_workers
from .workers import Workers

__all__ = [
    "Pool",
    "Recipe",
    "Workers",
    "code_identity",
    "connected",
    "refuse_another",
    "share_threads",
    "spectra_on_workers",
]

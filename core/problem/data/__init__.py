"""Data as they lie, brought to tensors with a row per example."""

from .bring import Brought, brought

__all__ = ["Brought", "brought"]

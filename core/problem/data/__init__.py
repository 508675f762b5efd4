"""Data as they lie, brought to tensors with a row per example."""

from .bring import Brought, brought, comes_in_examples, handed_whole

__all__ = ["Brought", "brought", "comes_in_examples", "handed_whole"]

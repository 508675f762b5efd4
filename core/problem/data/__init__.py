"""Data as they lie, brought to tensors with a row per example."""

from .bring import Brought, brought, comes_in_examples, handed_whole
from .reading import chosen_rows

__all__ = ["Brought", "brought", "chosen_rows", "comes_in_examples", "handed_whole"]

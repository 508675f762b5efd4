"""Data as they lie, brought to tensors with a row per example."""

from .bring import Brought, brought, comes_in_examples, handed_whole, read_through
from .ragged import padded
from .reading import Ragged, Read, chosen_rows

__all__ = [
    "Brought",
    "Ragged",
    "Read",
    "brought",
    "chosen_rows",
    "comes_in_examples",
    "handed_whole",
    "padded",
    "read_through",
]

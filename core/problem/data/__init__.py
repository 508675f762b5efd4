"""Data as they lie, brought to tensors with a row per example."""

from .bring import Brought, brought, comes_in_examples, graphs_of, handed_whole, read_through
from .graph import graph_rows, is_graph
from .ragged import padded
from .reading import Ragged, Read, chosen_rows

__all__ = [
    "Brought",
    "Ragged",
    "Read",
    "brought",
    "chosen_rows",
    "comes_in_examples",
    "graph_rows",
    "graphs_of",
    "handed_whole",
    "is_graph",
    "padded",
    "read_through",
]

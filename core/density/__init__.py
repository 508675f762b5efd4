"""Maps of the data: where examples lie close together, and how the network does there."""

from .map import density_map
from .neighbours import neighbour_density
from .rows import input_rows

__all__ = ["density_map", "input_rows", "neighbour_density"]

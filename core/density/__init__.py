"""Maps of the data: where examples lie close together, and how the network does there."""

from .claims import DENSITY_CLAIMS, DensityClaim
from .info import DensityInfo
from .map import density_map
from .memorised_order import MemorisedOrder, memorised_order, steps_of
from .neighbours import neighbour_density
from .rows import input_rows

__all__ = [
    "DENSITY_CLAIMS",
    "DensityClaim",
    "DensityInfo",
    "MemorisedOrder",
    "density_map",
    "input_rows",
    "memorised_order",
    "neighbour_density",
    "steps_of",
]

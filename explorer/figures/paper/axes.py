"""The frame around a drawing: ticks in original units, axis labels, equal units."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ..shared.scales import Scale
from .grid import Floats

# Beyond this ratio of the two spans equal units would leave a ribbon.
SENSIBLE_RATIO = 2.0


def even_ticks(axis: Any, coordinates: Floats, count: int = 5) -> None:
    """Ticks of an x or y axis at round values of `coordinates`."""
    scaled_ticks(axis, Scale(), coordinates, count)


def scaled_ticks(axis: Any, scale: Scale, values: Floats, count: int = 5) -> None:
    """Ticks of an axis that shows positions of `scale`, labelled in the values' own unit."""
    positions, labels = scale.ticks(values, count)
    axis.set_ticks(list(positions), labels=labels)


def set_shape(axes: Axes, alpha: Floats, beta: Floats) -> float:
    """Equal units along both directions, unless one span dwarfs the other: then a square frame. Returns height over width."""
    width, height = np.ptp(alpha), np.ptp(beta)
    axes.set_xlim(alpha[0], alpha[-1])
    axes.set_ylim(beta[0], beta[-1])
    if 1 / SENSIBLE_RATIO <= height / width <= SENSIBLE_RATIO:
        axes.set_aspect("equal", adjustable="box")
        return float(height / width)
    return 1.0

"""A picture's surface as a mesh: the heights and colours that it is drawn with, each point's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from lossnav.core.formats import MeshBox, write_mesh
from matplotlib.colors import to_rgb

from ..shared.picture import Picture, title_of
from ..shared.style import GAP_COLOR
from .color import coloring, rgb
from .grid import complete_grid, field
from .presets import PaperSpec


def save_mesh(landscape: xr.Dataset, picture: Picture, path: Path, box: MeshBox | None = None) -> dict[str, Any]:
    """Write `picture`'s surface to `path`, .glb, .obj or .stl; returns what is said of it in the file.

    Grey: a point with a height, but without a colour.

    Raises
    ------
    InputError  as `write_mesh`; a variable that the landscape lacks
    """
    grid = complete_grid(landscape)
    color = coloring(grid, PaperSpec(picture))
    paint = np.where(np.isfinite(color.positions)[..., None], rgb(color, color.positions), to_rgb(GAP_COLOR))
    layer = picture.elevation
    about = {
        "name": str(grid.attrs.get("name", "")),
        "height": title_of(grid, layer.variable),
        "height_scale": layer.scale.kind,
        "color": title_of(grid, picture.color.variable),
    }
    heights = layer.scale.apply(field(grid, layer).values)
    return write_mesh(grid, path, heights, np.round(255 * paint).astype(np.uint8), box, about)

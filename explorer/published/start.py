"""The state of a published page before anything is clicked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..figures.shared.picture import ARROWS, Picture
from ..figures.shared.scales import Scale
from ..figures.shared.style import TERRAIN_NAME, property_of
from ..figures.web.surface3d import CAMERA


@dataclass(frozen=True)
class Start:
    """The page's first state.

    elevation  the readout drawn as height
    on         property → the readout of it that is drawn
    color      the property that colours, "terrain": none of them
    ground     the readout that colours where no property does
    point      (alpha, beta) of the picked point; None: the centre
    camera     plotly's
    scales     readout → its scale, where it is not the readout's own
    """

    elevation: str = "loss"
    on: Mapping[str, str] = field(default_factory=dict)
    color: str = TERRAIN_NAME
    ground: str | None = None
    point: tuple[float, float] | None = None
    camera: Mapping[str, Any] = field(default_factory=lambda: CAMERA)
    scales: Mapping[str, Scale] = field(default_factory=dict)

    @classmethod
    def of(cls, picture: Picture, camera: Mapping[str, Any]) -> Start:
        """The state in which a page shows `picture`."""
        layers = [picture.elevation, picture.color, *picture.lines]
        on = {name: ARROWS[name][0] for name in picture.arrows}
        on |= {owner: v for v in (layer.variable for layer in layers) if (owner := property_of(v)) != TERRAIN_NAME}
        color = picture.color.variable
        return cls(
            picture.elevation.variable,
            on,
            property_of(color),
            color if property_of(color) == TERRAIN_NAME else None,
            picture.point,
            camera or CAMERA,
            {layer.variable: layer.scale for layer in layers},
        )

"""Pictures for print, told in one line."""

from __future__ import annotations

from typing import Any

from lossnav.explorer.figures.paper import PaperSpec
from lossnav.explorer.figures.shared.picture import Layer, Picture
from lossnav.explorer.figures.shared.scales import Scale


def paper(
    color: str = "loss",
    contours: tuple[str, ...] = ("loss",),
    surface: str = "loss",
    color_scale: Scale | None = None,
    elevation_scale: Scale | None = None,
    path: bool = True,
    arrows: bool = False,
    point: tuple[float, float] | None = None,
    **page: Any,
) -> PaperSpec:
    """The loss on a logarithmic scale as height, `color` on a linear one, where nothing else is said."""
    layers = {
        **{name: Layer(name, Scale()) for name in contours},
        color: Layer(color, color_scale or Scale()),
        surface: Layer(surface, elevation_scale or Scale("log")),
    }
    picture = Picture(
        elevation=layers[surface],
        color=Layer(color, color_scale or Scale()),
        lines=tuple(layers[name] for name in contours if name != surface),
        contours=surface in contours,
        path=path,
        arrows=("elasticity",) if arrows else (),
        point=point,
    )
    return PaperSpec(picture, **page)

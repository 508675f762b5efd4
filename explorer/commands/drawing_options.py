"""Options that commands that draw share: which readout is the height, on which scales, and a property's settings."""

from __future__ import annotations

from typing import Annotated

import typer

Surface = Annotated[str, typer.Option(help="The readout shown as height.")]
Scale = Annotated[str | None, typer.Option(help="linear, log or symlog, for the height; without it, as on the page.")]
ColorScale = Annotated[
    str | None, typer.Option(help="linear, log or symlog, for the colour; without it, as on the page.")
]
Knob = Annotated[list[str] | None, typer.Option(help="A property's setting, NAME=VALUE.", metavar="NAME=VALUE")]
Contours = Annotated[
    list[str] | None, typer.Option(help="Readouts shown as contour lines, or none; without it, the loss.")
]

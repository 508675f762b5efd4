"""The option that draws other trainings over a landscape: files of `lossnav paths --out`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from lossnav.core import InputError

if TYPE_CHECKING:
    import xarray as xr

    from ..figures.shared.walks import DrawnWalk

Paths = Annotated[
    list[Path] | None,
    typer.Option(
        "--paths",
        help="A file of lossnav paths --out: other trainings on the landscape's plane, each drawn with its own loss at its end.",
    ),
]


def paths_in(files: Sequence[Path], land: xr.Dataset) -> tuple[DrawnWalk, ...]:
    """The trainings in files, as they are drawn over a landscape.

    Raises
    ------
    InputError  nothing there, something else, or seen on another plane
    """
    from lossnav.core.sealed import read_json

    from ..figures.shared.walks import with_colors
    from ..summaries.paths import same_plane, walks_of_json

    drawn: list[DrawnWalk] = []
    for file in files:
        try:
            content = read_json(file)
            paths, plane = walks_of_json(content), dict(content["plane"] or {})
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise InputError(
                f"'{file.name}' holds no trainings on a plane: write one with lossnav paths --out."
            ) from error
        if not same_plane(plane, land.lossnav.plane):
            raise InputError(
                f"The trainings in '{file.name}' are seen on another plane than the landscape's: write them with lossnav paths and "
                "the options of the landscape's own survey (--plane, --seed …)."
            )
        drawn += paths
    return with_colors(drawn)

"""The option that draws other trainings over a landscape: files of `lossnav paths --out`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    return paths_on(files, [land])[0]


def paths_on(files: Sequence[Path], lands: Sequence[xr.Dataset]) -> list[tuple[DrawnWalk, ...]]:
    """The trainings in files as they are drawn over each of several landscapes: a file's over all those whose plane it is of.

    A training has one colour in all of them.

    Raises
    ------
    InputError  nothing there, something else, or seen on none of the landscapes' planes
    """
    from ..figures.shared.walks import with_colors
    from ..summaries.paths import same_plane

    read = [_read(file) for file in files]
    on = [[same_plane(plane, land.lossnav.plane) for land in lands] for _, plane in read]
    for file, fits in zip(files, on, strict=True):
        if not any(fits):
            which = "the landscape's" if len(lands) == 1 else f"those of the {len(lands)} landscapes"
            raise InputError(
                f"The trainings in '{file.name}' are seen on another plane than {which}: write them with lossnav paths and "
                "the options of the landscape's own survey (--plane, --seed …)."
            )
    named = {walk.name: walk for walks, _ in read for walk in walks}
    colors = {walk.name: walk.color for walk in with_colors(list(named.values()))}
    return [
        tuple(
            replace(walk, color=colors[walk.name])
            for (walks, _), fits in zip(read, on, strict=True)
            if fits[k]
            for walk in walks
        )
        for k in range(len(lands))
    ]


def _read(file: Path) -> tuple[tuple[DrawnWalk, ...], dict[str, Any]]:
    """The trainings in a file, and the identity of the plane that they are seen on."""
    from lossnav.core.sealed import read_json

    from ..summaries.paths import walks_of_json

    try:
        content = read_json(file)
        return walks_of_json(content), dict(content["plane"] or {})
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(f"'{file.name}' holds no trainings on a plane: write one with lossnav paths --out.") from error

"""`lossnav publish`: landscapes as one HTML file that needs no server and no network."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Annotated

import typer
from lossnav.core import InputError

from .options import console, folder_for
from .path_options import Paths, paths_in


def publish_command(
    landscapes: Annotated[
        list[Path],
        typer.Argument(
            help="Landscapes: .zarr, .zarr.zip, .nc, an .h5 surface of Li et al.'s code, or samples' names.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page: .html.")],
    title: Annotated[str, typer.Option(help="The page's title; without it, the networks' names.")] = "",
    show: Annotated[
        list[str] | None, typer.Option(help="A readout that is switched on at first; the first one colours.")
    ] = None,
    height: Annotated[str, typer.Option(help="The readout drawn as height at first.")] = "loss",
    paths: Paths = None,
    spectrum: Annotated[
        list[Path] | None,
        typer.Option(
            help="A file of lossnav spectrum --out, along the training or not, of the first landscape's network; "
            "without it, what is kept on this machine or came with the sample."
        ),
    ] = None,
) -> None:
    """Write landscapes into one HTML file that still turns, to send or to keep."""
    from lossnav.core import Settings
    from lossnav.core.machine import written_whole

    from ..figures.shared.picture import name_of
    from ..landscape_file import landscape_path, opened
    from ..published import Start, in_other_units, published_page
    from ..request.spectra_at_hand import NetworkSpectra, spectra_in, spectra_of

    if output.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"A page ends in .html, but '{output.name}' does not: name it {output.stem}.html.")
    folder_for(output)
    lands = [opened(landscape_path(path)).landscape(Settings()) for path in landscapes]
    on = _switched_on(show or [], {str(name) for land in lands for name in land.data_vars})
    known = [spectra_of(land) for land in lands]
    given = [spectra_in(path, lands[0]) for path in spectrum or []]
    known[:1] = [reduce(NetworkSpectra.__or__, [*given, *known[:1]])]
    walks = [paths_in(paths or (), lands[0]), *[()] * len(lands[1:])]
    start = Start(height, on, next(iter(on), "terrain"))
    page = published_page(lands, start, title, known, walks)
    written_whole(output, lambda place: place.write_text(page, encoding="utf-8"))
    for readout in in_other_units(lands):
        name = next(name_of(land, readout) for land in lands if readout in land)
        console.print(f"Without {name}, which these landscapes have in other units.", markup=False, soft_wrap=True)
    console.print(f"Page in {output}, {output.stat().st_size / 1e6:.1f} MB", markup=False)


def _switched_on(names: list[str], there: set[str]) -> dict[str, str]:
    """Property → the readout of it that was asked for."""
    from lossnav.core.checks import known
    from lossnav.core.properties import PROPERTIES, owner_of

    offered = {r.variable for owner in PROPERTIES for r in owner.readouts} & there
    return {owner_of(name).name: known(name, sorted(offered), "readout in these landscapes") for name in names}

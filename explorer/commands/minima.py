"""`lossnav minima`: the minima of a landscape's surface, and how deep each is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
import xarray as xr
from lossnav.core import InputError
from lossnav.core.checks import known
from rich.console import Console
from rich.table import Table

from ..figures.shared.scales import format_value
from ..summaries.minima import minima_of, minima_text, stated_error
from .options import read_landscape_file


def minima_command(
    landscape: Annotated[Path, typer.Argument(help="A landscape (.zarr, .zip, .nc, .h5).")],
    readout: Annotated[str, typer.Option(help="The readout whose minima are wanted.")] = "loss",
    above: Annotated[float, typer.Option(help="Also leave out what is shallower than this.")] = 0.0,
) -> None:
    """Count a surface's minima that its error cannot have made, by persistence."""
    if above < 0:
        raise InputError(f"--above should be 0 or more, but is {above:g}.")
    land = read_landscape_file(landscape, [readout])
    known(readout, [str(v) for v in land.data_vars if land[v].dims == ("alpha", "beta")], "readout")
    console = Console(soft_wrap=True, highlight=False)
    console.print(minima_table(land, readout, above))
    found, error = minima_of(land, above, readout), max(stated_error(land, readout), above / 2)
    console.print(minima_text(found, error, str(land[readout].attrs.get("units", ""))), markup=False)


def minima_table(land: xr.Dataset, readout: str, above: float) -> Table:
    """The minima, the deepest first."""
    table = Table("α", "β", readout, "depth", "ends at α, β", box=None, header_style="bold")
    a, b = land["alpha"].values, land["beta"].values
    for each in minima_of(land, above, readout):
        (i, j), saddle = each.cell, each.saddle
        where = "" if saddle is None else f"{a[saddle[0]]:.3g}, {b[saddle[1]]:.3g}"
        depth = format_value(each.depth) if np.isfinite(each.depth) else "lowest"
        edge = " (edge)" if each.at_edge else ""
        table.add_row(f"{a[i]:.3g}", f"{b[j]:.3g}{edge}", format_value(each.value), depth, where)
    return table

"""`lossnav density`: where the data are dense, and whether the network does worse where they are not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import xarray as xr
from lossnav.core import InputError, density_map
from lossnav.core.density import DensityInfo
from rich.console import Console

from ..request.survey import SurveyRequest
from . import options
from .options import At, Checkpoint, Device, Target
from .plane_options import with_plane
from .problem_options import Dtype, ProblemChoice, with_problem


@with_plane(what="The plane of --at")
@with_problem
def density_command(
    *,
    target: Target,
    layer: Annotated[
        str | None, typer.Option(help="A module's activations in place of the inputs, by its name: blocks.3")
    ] = None,
    permutations: Annotated[int, typer.Option(help="Permutations behind each p-value.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the folds, of the permutations, and of a random plane.")] = 0,
    checkpoint: Checkpoint = None,
    at: At = None,
    plane: SurveyRequest,
    device: Device = "auto",
    dtype: Dtype = None,
    choice: ProblemChoice,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Also write it to this file, as NetCDF (.nc).")
    ] = None,
) -> None:
    """Map the examples, and test two claims about sparse ones: weaker gradients, higher perplexity."""
    from lossnav.core.formats import write_density_map

    if permutations < 1:
        raise InputError(f"--permutations should be 1 or more, but is {permutations}.")
    if out is not None and out.suffix != ".nc":
        raise InputError(f"--out should end in .nc, but is '{out.name}': density maps are written as NetCDF.")
    problem = choice.problem()
    problem, point = options.place(problem, checkpoint, at, plane)
    dataset = density_map(problem, point, layer=layer, seed=seed, permutations=permutations, device=device, dtype=dtype)
    if out is not None:
        write_density_map(dataset, out)
    console = Console(soft_wrap=True, highlight=False)
    for line in said(dataset):
        console.print(line, markup=False)


def said(dataset: xr.Dataset) -> list[str]:
    """The terminal's lines: the map in one, then a sentence for each claim and for what is missing."""
    info = DensityInfo.of(dataset)
    about = f"{info.name}: {dataset.sizes['example']:,} examples, {', '.join(info.axes)}"
    covered = f", {100 * sum(info.explained):.3g} % of the variance" if info.explained else ""
    claims = [f"{claim['sentence']} ({claim['verdict']})" for claim in info.claims]
    width = f"Bandwidth {dataset.attrs['bandwidth']:.3g} map units, by {dataset.attrs['bandwidth_rule']}."
    return [f"{about}{covered}.", width, *claims, *info.notes]

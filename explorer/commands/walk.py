"""`lossnav walk`: an optimiser from a point of a plane, in the full parameter space; `lossnav basins`: where walks ended."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from lossnav.core import InputError
from lossnav.core.profile import LEVEL, POINTS, basins
from lossnav.core.sealed import write_json
from lossnav.core.walk import OPTIMIZERS, Recipe, Walk, read_walk, walk
from rich.console import Console
from rich.table import Table

from ..figures.shared.scales import format_value
from ..request.planes import make_plane
from ..request.survey import SurveyRequest
from ..summaries.walk import basin_sentence, pairs_as_json, walk_sentence
from . import options
from .options import At, Device, Target
from .plane_options import with_plane
from .problem_options import Dtype, ProblemChoice, with_problem


@with_plane(what="The plane of --at, on which the walk is seen")
@with_problem
def walk_command(
    *,
    target: Target,
    at: At = None,
    optimizer: Annotated[str, typer.Option(help=", ".join(f"{n}: {w}" for n, w in OPTIMIZERS.items()) + ".")] = "sgd",
    steps: Annotated[int, typer.Option(help="Steps.")] = Recipe.steps,
    rate: Annotated[
        float | None, typer.Option("--rate", "--lr", help="Learning rate; 0.05, of adam 0.001. The flow has none.")
    ] = None,
    minibatch: Annotated[int, typer.Option(help="Examples in a step; 0: all. The flow takes all.")] = 32,
    momentum: Annotated[float, typer.Option(help="Of sgd and sam.")] = 0.0,
    rho: Annotated[float, typer.Option(help="Radius of sam, in parameter units.")] = Recipe.rho,
    walk_seed: Annotated[int, typer.Option(help="Seed of the examples' order; --seed is the plane's.")] = 0,
    every: Annotated[int | None, typer.Option(help="Steps between two records; 60 records without it.")] = None,
    plane: SurveyRequest,
    device: Device = "auto",
    dtype: Dtype = None,
    choice: ProblemChoice,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Written while it goes, .npz; the same command goes on with it.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew where there is a walk already.")] = False,
) -> None:
    """Walk downhill from a point, in the full parameter space, and say where that leads."""
    if out is not None and out.suffix != ".npz":
        raise InputError(f"--out should end in .npz, but is '{out.name}'.")
    if out is not None and overwrite:
        out.unlink(missing_ok=True)
    recipe = Recipe(optimizer, steps, rate, minibatch or None, momentum, rho, walk_seed, every)
    problem = choice.problem()
    made = make_plane(problem, plane)
    problem, start = options.place(problem, None, at or "0,0", plane)
    with options.progress() as bar:
        task = bar.add_task(f"{problem.name}, {optimizer}", total=recipe.steps)
        walked = walk(
            problem,
            recipe,
            start,
            made,
            device=device,
            dtype=dtype,
            store=out,
            progress=lambda each: bar.update(task, completed=each.done),
        )
    console = Console(soft_wrap=True, highlight=False)
    console.print(walk_table(walked))
    console.print(walk_sentence(walked), markup=False)


def walk_table(walked: Walk) -> Table:
    """Ten records of a walk, for the terminal."""
    table = Table("step", "loss", "α", "β", "off the plane", box=None, header_style="bold")
    chosen = range(0, len(walked.step), max(1, len(walked.step) // 10))
    for k in dict.fromkeys([*chosen, len(walked.step) - 1]):
        numbers = (walked.loss[k], walked.alpha[k], walked.beta[k], walked.off_plane[k])
        table.add_row(str(int(walked.step[k])), *(format_value(float(n)) for n in numbers))
    return table


@with_problem
def basins_command(
    *,
    target: Target,
    walks: Annotated[list[Path], typer.Argument(help="Files that `lossnav walk … -o` wrote.")],
    level: Annotated[float, typer.Option(help="The highest barrier inside one basin, in the loss's unit.")] = LEVEL,
    points: Annotated[int, typer.Option(help="Points of each line, an odd number.")] = POINTS,
    device: Device = "auto",
    dtype: Dtype = None,
    choice: ProblemChoice,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also write it to this file, as JSON.")] = None,
) -> None:
    """Whether walks end in one basin, and in the trained network's: by the barrier on the straight line between them."""
    problem = choice.problem()
    places = {"trained network": problem.parameters}
    for number, path in enumerate(walks, 1):
        places[f"walk {number}"] = read_walk(path).end
    pairs = basins(problem, places, level, points, device, dtype)
    if out is not None:
        write_json(out, pairs_as_json(pairs, level))
    console = Console(soft_wrap=True, highlight=False)
    for pair in pairs:
        console.print(basin_sentence(pair, level), markup=False)

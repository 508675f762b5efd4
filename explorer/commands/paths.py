"""`lossnav paths`: several trainings on one plane, each with its own loss at its checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from lossnav.core import load_problem
from lossnav.core.plane import plane_identity
from lossnav.core.sealed import write_json
from lossnav.core.walk import TrainingPath, training_path
from rich.console import Console
from rich.table import Table

from ..figures.shared.scales import format_value
from ..request.planes import make_plane
from ..request.survey import SurveyRequest
from ..summaries.paths import paths_as_json
from .options import Device, Target, folder_for
from .plane_options import with_plane
from .problem_options import ProblemChoice, with_problem


@with_plane(what="The plane that all are seen on")
@with_problem
def paths_command(
    *,
    target: Target,
    others: Annotated[
        list[str], typer.Argument(help="Other trainings of the same network: samples, or .py files with a path.")
    ],
    plane: SurveyRequest,
    device: Device = "auto",
    choice: ProblemChoice,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Also write them to this file, as JSON: for lossnav figure --paths and lossnav publish --paths.",
        ),
    ] = None,
) -> None:
    """Where several trainings of one network went, on one plane: coordinates, distance off it, each one's own loss."""
    problem = choice.problem()
    made = make_plane(problem, plane)
    paths = {other: training_path(load_problem(other), made, device) for other in others}
    if out is not None:
        write_json(folder_for(out), paths_as_json(paths, plane_identity(made)))
    if problem.trajectory is not None:
        paths = {target: training_path(problem, made, device), **paths}
    Console(soft_wrap=True, highlight=False).print(paths_table(paths))


def paths_table(paths: dict[str, TrainingPath]) -> Table:
    """The ends of each path, for the terminal."""
    table = Table("training", "", "step", "loss", "α", "β", "off the plane", box=None, header_style="bold")
    for name, path in paths.items():
        for k, said in ((0, "start"), (-1, "end")):
            numbers = (path.loss[k], path.alpha[k], path.beta[k], path.off_plane[k])
            table.add_row(
                name if k == 0 else "", said, str(int(path.step[k])), *(format_value(float(n)) for n in numbers)
            )
    return table

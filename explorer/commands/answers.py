"""`lossnav answers`: what the network says of a few examples at one place, beside the trained network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from lossnav.core.answers import EXAMPLES, TRAINED, Answers, answers, write_answers
from rich.console import Console

from ..request.survey import SurveyRequest
from ..summaries.answers import sentences
from . import options
from .options import At, Checkpoint, Device, Target
from .plane_options import with_plane
from .problem_options import Dtype, ProblemChoice, with_problem


@with_plane(what="The plane of --at")
@with_problem
def answers_command(
    *,
    target: Target,
    shown: Annotated[int, typer.Option(help="How many examples, drawn from the seed.")] = EXAMPLES,
    seed: Annotated[int, typer.Option(help="Seed of the examples, and of a random plane.")] = 0,
    checkpoint: Checkpoint = None,
    at: At = None,
    plane: SurveyRequest,
    device: Device = "auto",
    dtype: Dtype = None,
    choice: ProblemChoice,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also write them to this file, as JSON.")] = None,
) -> None:
    """What the network says of the same examples at a place and where it was trained."""
    problem, point = options.place(choice.problem(), checkpoint, at, plane)
    places = {TRAINED: None} | ({} if point is None else {_name(checkpoint, at): point})
    compared = answers(problem, places, examples=shown, seed=seed, device=device, dtype=dtype)
    if out is not None:
        write_answers(compared, out)
    console = Console(soft_wrap=True, highlight=False)
    for line in said(compared):
        console.print(line, markup=False)


def _name(checkpoint: int | None, at: str | None) -> str:
    if at is None:
        return f"checkpoint {checkpoint}"
    return "({:.4g}, {:.4g})".format(*options.numbers(at, 2, "--at"))


def said(compared: Answers) -> list[str]:
    """The terminal's lines: a sentence for each example and place."""
    return [f"{compared.name}: {', '.join(compared.places)}", *sentences(compared)]

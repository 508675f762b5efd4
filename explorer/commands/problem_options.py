"""Options of a problem that any command takes: number type, parameters, weight decay."""

from __future__ import annotations

from typing import Annotated

import typer
from lossnav.core import Problem, load_problem

Dtype = Annotated[
    str | None,
    typer.Option(help="float32, float64 or the network's own bfloat16 …; without it, its own, float32 at least."),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(help="Only these parameters, such as encoder.layer.3.* or *.lora_*; may be given several times."),
]
Decay = Annotated[float, typer.Option("--weight-decay", help="λ: the loss includes ½ λ ‖θ‖².")]


def chosen_problem(target: str, parameters: list[str] | None, decay: float) -> Problem:
    """The problem that `target` names, over some of its parameters, with weight decay, where these are given."""
    problem = load_problem(target)
    return problem.over(parameters or None, decay or None) if parameters or decay else problem

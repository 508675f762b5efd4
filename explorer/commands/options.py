"""Options that several commands share: a target, a place and numbers; where words and bars go."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from lossnav.core import InputError, Problem, Settings
from lossnav.core.plane import on_plane
from lossnav.core.problem import at_checkpoint
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor

from ..request.planes import make_plane
from ..request.survey import SurveyRequest

console = Console(stderr=True)
Target = Annotated[
    str,
    typer.Argument(
        help="A sample's name, a .py file that defines `problem`, package.module:function, or a folder of transformers."
    ),
]
Of = Annotated[str, typer.Option(help="hessian, ggn, remainder, fisher or empirical_fisher.")]
Checkpoint = Annotated[int | None, typer.Option(help="At this checkpoint of the training path.")]
At = Annotated[str | None, typer.Option(help="At alpha,beta of the plane.")]
Seed = Annotated[int, typer.Option(help="Seed of the probes, and of a random plane.")]
Overlay = Annotated[
    list[str] | None,
    typer.Option(help="Properties or readouts; forward: what needs no curvature; without it, all."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")]


def numbers(text: str, count: int, option: str) -> list[float]:
    """`count` finite numbers separated by commas.

    >>> numbers("0.5,-1", 2, "--at")
    [0.5, -1.0]

    Raises
    ------
    InputError  anything else
    """
    try:
        parsed = [float(part) for part in text.split(",")]
    except ValueError:
        parsed = []
    if len(parsed) != count or not all(map(math.isfinite, parsed)):
        raise InputError(f"{option} should be {count} finite numbers separated by commas, but is '{text}'.")
    return parsed


def settings(knobs: Sequence[str]) -> Settings:
    """Settings from "name=value" texts.

    >>> settings(["temperature=2"]).temperature
    2.0

    Raises
    ------
    InputError  a text of another form, an unknown name, a value outside the knob's range
    """
    values: dict[str, float | None] = {}
    for text in knobs:
        name, _, value = text.partition("=")
        try:
            values[name.strip()] = float(value)
        except ValueError as error:
            raise InputError(f"--knob should be NAME=VALUE, such as temperature=2, but is '{text}'.") from error
    return Settings(**values)


def place(
    problem: Problem, checkpoint: int | None, at: str | None, plane: SurveyRequest
) -> tuple[Problem, Mapping[str, Tensor] | None]:
    """The point that --checkpoint or --at on a plane means, None: the trained network; and the problem as it is there.

    At a checkpoint BatchNorm's statistics are its own, on a plane those that a survey of it has.

    Raises
    ------
    InputError  both of them, or a place that is not there
    """
    if checkpoint is not None and at is not None:
        raise InputError("--checkpoint and --at are two places: give one of them.")
    if checkpoint is not None:
        there = at_checkpoint(problem, checkpoint, own_statistics=True)
        return there, there.parameters
    if at is None:
        return problem, None
    made = make_plane(problem, plane)
    return on_plane(problem, made), made.at(*numbers(at, 2, "--at"))


def progress() -> Progress:
    """A bar with counts and times, where someone looks on."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def folder_for(path: Path) -> Path:
    """`path`, in a folder that is there."""
    if not path.absolute().parent.is_dir():
        raise InputError(f"There is no folder '{path.parent}' for '{path.name}': make it, or choose another place.")
    return path


def read_landscape_file(path: Path, readouts: Sequence[str] = (), settings: Settings | None = None) -> Any:
    """The landscape in a file or folder of any kind, or of a sample's name, with `readouts`, those measured on a coarser
    grid interpolated; InputError as `landscape_file`."""
    from lossnav.core.formats import read_any
    from lossnav.core.properties import overlay_names
    from lossnav.core.survey import filled

    derived = [name for name in readouts if name in overlay_names()]
    return filled(read_any(landscape_file(path), derived, settings))


def landscape_file(named: Path, plane: str = "") -> Path:
    """The file of a landscape, or of a sample's name.

    plane  that of a sample which is named alone; without it, the random one

    Raises
    ------
    InputError  a problem's file, which holds no landscape yet
    """
    from ..landscape_file import landscape_path

    if named.suffix == ".py":
        raise InputError(f"'{named}' gives a network and holds no landscape: {measure(named, plane)} measures one.")
    return landscape_path(named, plane or "random")


def measure(target: str | Path, plane: str = "") -> str:
    """The command that measures a target's landscape, in a sentence.

    >>> measure("runs/my net.py", "trajectory")
    "`lossnav survey 'runs/my net.py' --plane trajectory --out 'my net.trajectory.zarr'`"
    """
    stem = Path(target).stem
    words = ["lossnav", "survey", str(target), *(["--plane", plane] if plane else [])]
    return f"`{shlex.join([*words, '--out', f'{stem}.{plane}.zarr' if plane else f'{stem}.zarr'])}`"

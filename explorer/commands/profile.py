"""`lossnav profile`: every readout along a line of a plane, or between two networks, before and after alignment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from lossnav.core import InputError, Plane, Problem, read_landscape
from lossnav.core.alignment import Aligned, aligned
from lossnav.core.local import preset
from lossnav.core.plane import EVAL, OWN, on_plane, places_of
from lossnav.core.sealed import EMPTY, KEY, write_sealed
from lossnav.core.survey import Specification, surveyed
from lossnav.core.walk import STEPS, low_loss_curve
from rich.console import Console
from safetensors.torch import save_file

from ..request.planes import make_plane
from ..request.survey import SurveyRequest
from ..summaries.profile import alignment_text, barrier_sentence, curve_sentence, write_alignment, write_curve
from .options import Device, Overlay, Target, console, numbers, progress
from .plane_options import with_plane
from .problem_options import Dtype, ProblemChoice, with_problem

LINE = "line"


@with_plane(what="The plane of --from and --to; line: between two networks")
@with_problem
def profile_command(
    *,
    target: Target,
    start: Annotated[str | None, typer.Option("--from", help="alpha,beta of the plane; without it, 0,0.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="alpha,beta of the plane.")] = None,
    align: Annotated[
        bool, typer.Option("--align", help="With --plane line: the second network's hidden units in the first's order.")
    ] = False,
    align_seed: Annotated[int, typer.Option(help="Seed of the alignment.")] = 0,
    curve: Annotated[
        bool,
        typer.Option(
            "--curve", help="With --plane line: a curved path of low loss too, by training (Garipov et al. 2018)."
        ),
    ] = False,
    curve_steps: Annotated[int, typer.Option(help="Steps of the curve's training.")] = STEPS,
    points: Annotated[int, typer.Option(help="Points along the line, an odd number.")] = 33,
    overlay: Overlay = None,
    effort: Annotated[str, typer.Option(help="preview, standard or full.")] = "standard",
    plane: SurveyRequest,
    device: Device = "auto",
    dtype: Dtype = None,
    choice: ProblemChoice,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The landscape's folder; a profile stopped there goes on.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Measure anew what is there already.")] = False,
) -> None:
    """Measure every readout along a line, and the barrier between its ends."""
    if points < 5 or points % 2 == 0:
        raise InputError(f"--points should be an odd number, 5 or more, but is {points}.")
    problem = choice.problem()
    if curve and plane.plane != LINE:
        raise InputError("--curve is between two networks: choose them by --plane line --between a,b.")
    whole = problem
    problem, line, how = _line(problem, plane, start, end, align, align_seed)
    where = ((0.0, 1.0), (0.0, 0.0))
    what = Specification(
        problem,
        line,
        (points, 1),
        overlay or ("all",),
        device,
        dtype,
        span=where,
        fidelity=False,
        effort=preset(effort),
    )
    with progress() as bar:
        task = bar.add_task(f"{problem.name}, profile", total=None)
        land = surveyed(what, out, lambda done, total: bar.update(task, completed=done, total=total), overwrite)
    if out is not None:
        land = read_landscape(out)
        _keep(out, how)
        console.print(f"Profile in {out}")
    terminal = Console(soft_wrap=True, highlight=False)
    if how is not None:
        terminal.print(alignment_text(how), markup=False)
    terminal.print(barrier_sentence(land), markup=False)
    if curve:
        terminal.print(_curve(whole, plane, how, curve_steps, out, device, dtype), markup=False)


def _line(
    problem: Problem, plane: SurveyRequest, start: str | None, end: str | None, align: bool, seed: int
) -> tuple[Problem, Plane, Aligned | None]:
    if plane.plane != LINE:
        if align:
            raise InputError("--align is of two networks: choose them by --plane line --between a,b.")
        if end is None:
            raise InputError("--to is missing: give the line's end as alpha,beta, or two networks by --plane line.")
        made = make_plane(problem, plane)
        ends = [numbers(text or "0,0", 2, name) for text, name in ((start, "--from"), (end, "--to"))]
        return on_plane(problem, made), made.across((ends[0][0], ends[0][1]), (ends[1][0], ends[1][1])), None
    if start is not None or end is not None:
        raise InputError("--from and --to are of a plane: leave them out between two networks.")
    if not align:
        return problem, make_plane(problem, plane), None
    values = plane.values
    a, b = places_of(problem, values["between"], 2, "between")
    how = aligned(problem, a, b, seed)
    if values["batchnorm"] == EVAL and any(name not in problem.parameters for name in _normalised(problem)):
        raise InputError(f"Units of a network with BatchNorm keep their own statistics: leave --batchnorm at {OWN}.")
    line = Plane.line(a, how.tensors, values["batchnorm"])
    names = [word.strip() for word in values["between"].split(",")]
    about = {"between": [names[0], f"{names[1]} aligned"], "origin": names[0]}
    return problem, replace(line, details={**line.details, **about}).over(problem.parameters), how


def _curve(
    problem: Problem, plane: SurveyRequest, how: Aligned | None, steps: int, out: Path | None, device: str, dtype: Dtype
) -> str:
    """Find a curve between the ends, keep it beside the landscape, and say what came of it."""
    a, b = places_of(problem, plane.values["between"], 2, "between")
    end = b if how is None else how.tensors
    with progress() as bar:
        task = bar.add_task(f"{problem.name}, curve", total=steps)
        curve = low_loss_curve(
            problem,
            a,
            end,
            steps,
            batchnorm=plane.values["batchnorm"],
            device=device,
            dtype=dtype,
            progress=lambda done: bar.update(task, completed=done),
        )
    if out is not None:
        weights, about = out.with_suffix(".curve.safetensors"), out.with_suffix(".curve.json")
        write_sealed(weights, lambda path: save_file(dict(curve.control), path, metadata={KEY: EMPTY}))
        write_curve(curve, about)
        console.print(f"The curve's control point in {weights}; its plane is that --through both ends and this file.")
    return curve_sentence(curve.t, curve.loss, curve.said)


def _normalised(problem: Problem) -> list[str]:
    """BatchNorm's statistics of the network."""
    return [name for name, _ in problem.model.named_buffers() if name.endswith(("running_mean", "running_var"))]


def _keep(out: Path, how: Aligned | None) -> None:
    """Beside the landscape, what the alignment did."""
    if how is not None:
        write_alignment(how, out.with_suffix(".alignment.json"))

"""`lossnav survey`: measure a landscape and keep it in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from lossnav.core import Estimation, InputError, Tolerance, read_landscape
from lossnav.core.cluster import Workers, connected, share_threads
from lossnav.core.local import preset
from lossnav.core.machine import written_whole
from lossnav.core.sealed import write_json
from lossnav.core.survey import Specification, as_begun, estimate, require_room, surveyed

from ..live.first_look import first_look_path, is_for_the_page, take_first_look
from ..request.base import stem
from ..request.survey import SurveyRequest
from ..summaries.adaptive import adaptive_text
from ..summaries.forward import forward_sentences
from .asked import AskedSurvey
from .cluster_options import ClusterOption, WorkersOption
from .options import Overlay, Target, console, numbers, progress
from .plane_options import with_plane
from .problem_options import Dtype, ProblemChoice, with_problem
from .verdict import tell_verdict

WORTH_TELLING = 10.0  # seconds; what a survey costs is said beforehand where it takes longer


@with_plane()
@with_problem
def survey_command(
    *,
    target: Target,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="The landscape's folder, without it mine.zarr for mine.py; a survey stopped there goes on. With --forecast, a "
            "text file for what is said.",
        ),
    ] = None,
    plane: SurveyRequest,
    grid: Annotated[
        str, typer.Option(help="Points along alpha and beta.")
    ] = f"{Specification.shape[0]}x{Specification.shape[1]}",
    span: Annotated[str | None, typer.Option(help="alpha from,to,beta from,to; without it, the plane's own.")] = None,
    zoom: Annotated[float, typer.Option(help="Multiple of the span.")] = 1.0,
    overlay: Overlay = None,
    effort: Annotated[
        str, typer.Option(help="preview, standard or full: how finely curvature is measured at a point.")
    ] = str(Specification.effort),
    every: Annotated[
        int,
        typer.Option(help="Curvature, gradients and descents on every 1, 2, 4 … rows and columns; 0: 17 or 9 of them."),
    ] = 0,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="Measure only as many points as keep the error under this share, such as 0.01; without it, all."
        ),
    ] = None,
    costly: Annotated[
        float | None, typer.Option(help="The same for curvature, gradients and descents; without it, five times that.")
    ] = None,
    scale: Annotated[
        str, typer.Option(help="linear or log: how the loss is drawn, and so what its error is a share of.")
    ] = "linear",
    clip: Annotated[float | None, typer.Option(help="The loss at which the drawing is cut off.")] = None,
    probes: Annotated[int | None, typer.Option(help="Probes of the curvature, in place of the effort's.")] = None,
    steps: Annotated[int | None, typer.Option(help="Lanczos steps, in place of the effort's.")] = None,
    curvature_examples: Annotated[
        int | None, typer.Option(help="Examples for them, in place of the effort's; 0: all.")
    ] = None,
    of: Annotated[str, typer.Option(help="Their matrix: hessian, ggn, fisher or empirical_fisher.")] = "hessian",
    coordinates: Annotated[
        str, typer.Option(help="filter: curvature in filter-normalised coordinates; parameters: in the parameters.")
    ] = Estimation.coordinates,
    anchor: Annotated[
        int | None, typer.Option(help="Elasticity pulls back to this checkpoint, in place of the problem's anchor.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")] = str(Specification.device),
    dtype: Dtype = None,
    choice: ProblemChoice,
    precision: Annotated[
        str | None,
        typer.Option(help="tf32 or bf16, with its error, where forward passes are faster so; without it, exact."),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Examples per forward pass; without it, by a rule.")] = None,
    insist: Annotated[bool, typer.Option("--insist", help="Keep to --precision where it is no faster.")] = False,
    fidelity: Annotated[bool, typer.Option(help="Also measure how far to trust the plane.")] = True,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Measure a landscape anew that is there already; the old one goes when the new one is complete.",
        ),
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Measure again what is damaged in the landscape, and only that.")
    ] = False,
    workers: WorkersOption = None,
    cluster: ClusterOption = None,
    forecast: Annotated[
        bool, typer.Option("--forecast", help="Say what it will cost and whether --precision pays; measure nothing.")
    ] = False,
) -> None:
    """Measure a landscape and keep it in a folder."""
    landscape = Path(f"{stem(target)}.zarr") if out is None else out
    if workers is not None or cluster is not None:
        share_threads(workers)
    asked = AskedSurvey(
        choice,
        plane,
        _shape(grid),
        _span(span) if span else None,
        zoom,
        tuple(overlay or ("all",)),
        _estimation(effort, probes, steps, curvature_examples, of, coordinates),
        None if tolerance is None else Tolerance(tolerance, scale, clip, costly),
        every,
        anchor,
        device,
        dtype,
        precision,
        batch_size,
        insist,
        fidelity,
    )
    what = asked.specification()
    if forecast:
        _foretell(what, out)
        return
    if not overwrite:
        what = as_begun(what, landscape)
        asked = replace(asked, estimation=what.estimation)  # which workers make theirs of
    told, begins = "", overwrite or not landscape.exists()  # what is left of a survey that goes on is not known here
    waited_for = is_for_the_page(landscape) and not what.plane.is_line and asked.span is None
    with _stoppable():
        if begins and waited_for:  # who waits at a page for a picture reads no forecast
            typer.echo("Its code has run; now timing its first passes")
            require_room(what)
            look = replace(plane, zoom=zoom, grid=len(what.plan.alpha))
            take_first_look(what.problem, look, first_look_path(landscape), typer.echo)
        elif begins:
            cost = estimate(what)
            if cost.precision is not None:
                told = str(cost.precision)
                typer.echo(told)
            if cost.longest > WORTH_TELLING:
                typer.echo(str(cost))
    with _stoppable(), _elsewhere(workers, cluster, asked, what) as others, progress() as bar:
        task = bar.add_task(f"{what.problem.name}, {plane.kind.title}", total=None)
        surveyed(
            what,
            landscape,
            lambda done, total: bar.update(task, completed=done, total=total),
            overwrite,
            repair,
            others,
        )
    first_look_path(landscape).unlink(missing_ok=True)
    if others is not None and others.warning:
        console.print(others.warning, markup=False)
    land = read_landscape(landscape)
    said = adaptive_text(land)
    console.print(f"Landscape in {landscape}" + (f": {said}" if said else ""))
    for sentence in forward_sentences(land):
        if sentence != told:
            console.print(sentence, markup=False)
    tell_verdict(land)


@contextmanager
def _elsewhere(
    workers: int | None, cluster: str | None, asked: AskedSurvey, what: Specification
) -> Iterator[Workers | None]:
    """The processes that measure in place of this one; None: there are none."""
    if workers is None and cluster is None:
        yield None
        return
    with connected(workers, cluster) as client:
        others = Workers(client, asked.recipe, what)
        console.print(f"Measuring on {others}.", markup=False)
        yield others


def _foretell(what: Specification, out: Path | None) -> None:
    """Say what a survey will cost and what becomes of its precision, and keep that in a file where one is named."""
    cost = estimate(what)
    said = [*([str(cost.precision)] if cost.precision else []), str(cost)]
    if out is not None:
        _keep(said, out)
    for sentence in said:
        typer.echo(sentence)


def _keep(said: list[str], out: Path) -> None:
    """As text; as JSON, which has a digest of itself, where the name ends in .json."""
    if out.is_dir():
        raise InputError(
            f"'{out}' is a folder, and a forecast is a text file: give --out another name, or leave it away."
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".json":
        write_json(out, {"forecast": said})
        return
    written_whole(out, lambda path: path.write_text("\n".join(said), encoding="utf-8"))


def _estimation(
    effort: str, probes: int | None, steps: int | None, examples: int | None, of: str, coordinates: str
) -> Estimation:
    chosen = replace(preset(effort), of=of, coordinates=coordinates)
    more = {"probes": probes, "steps": steps, "examples": examples}
    changes: dict[str, Any] = {name: value for name, value in more.items() if value is not None}
    if examples is not None:
        changes |= {"examples": examples or None, "pass_flops": 0.0}
    return replace(chosen, **changes)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Ctrl-C ends a survey with a word on what becomes of it."""
    try:
        yield
    except KeyboardInterrupt as stop:
        console.print("Stopped. What was measured is kept; the same command goes on from there.")
        raise typer.Exit(130) from stop


def _shape(text: str) -> tuple[int, int]:
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) == 1:
        parts *= 2
    if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
        raise InputError(f"--grid should be two whole numbers such as 51x51, but is '{text}'.")
    return int(parts[0]), int(parts[1])


def _span(text: str) -> tuple[tuple[float, float], tuple[float, float]]:
    a, b, c, d = numbers(text, 4, "--span")
    return (a, b), (c, d)

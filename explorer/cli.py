"""The `lossnav` command: explore, survey, spectrum, figure, convert, samples."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from lossnav.core import InputError, Problem, Spectrum, load_problem, read_landscape, survey
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from torch import Tensor

from .survey_request import make_plane, zoomed

app = typer.Typer(
    help="Explore the loss landscapes of neural networks.",
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=False,
)
console = Console(stderr=True)
Target = Annotated[
    str, typer.Argument(help="A sample's name, a .py file that defines `problem`, or package.module:function.")
]


@app.callback(invoke_without_command=True)
def default(context: typer.Context) -> None:
    """Without a command: explore the samples."""
    if context.invoked_subcommand is None:
        explore()


@app.command()
def explore(
    target: Annotated[
        str | None, typer.Argument(help="A sample or your own problem; without one, the samples.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 8501,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = False,
) -> None:
    """Open the explorer in the browser."""
    from .server import serve

    if target is not None:
        load_problem(target)  # says now, not in the browser, what is wrong with it
    serve(target, port, browser)


@app.command(name="survey")
def survey_command(
    target: Target,
    out: Annotated[Path, typer.Option(help="The landscape's folder; a survey stopped there goes on.")],
    plane: Annotated[str, typer.Option(help="random, trajectory, eigen-top, eigen-bottom or gradient.")] = "random",
    seed: Annotated[int, typer.Option(help="Seed of the random directions.")] = 0,
    normalize: Annotated[str, typer.Option(help="filter, layer, weight or none.")] = "filter",
    ignore: Annotated[
        str, typer.Option(help="biasbn: biases and norm parameters stay; none: they move too.")
    ] = "biasbn",
    orthogonal: Annotated[bool, typer.Option("--orthogonal", help="Make the directions orthogonal first.")] = False,
    grid: Annotated[str, typer.Option(help="Points along alpha and beta.")] = "51x51",
    span: Annotated[str | None, typer.Option(help="alpha from,to,beta from,to; without it, the plane's own.")] = None,
    zoom: Annotated[float, typer.Option(help="Multiple of the span.")] = 1.0,
    overlay: Annotated[list[str] | None, typer.Option(help="Properties to lay over it; without it, all.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")] = "auto",
    dtype: Annotated[str | None, typer.Option(help="float32 or float64; without it, the model's own.")] = None,
    fidelity: Annotated[bool, typer.Option(help="Also measure how far to trust the plane.")] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a landscape that is there already.")] = False,
) -> None:
    """Measure a landscape and keep it in a folder."""
    problem = load_problem(target)
    chosen = make_plane(problem, plane, seed, normalize, ignore, orthogonal)
    shape, where = _shape(grid), zoomed(_span(span) if span else chosen.span, zoom)
    if overwrite and out.exists():
        _remove(out)
    with _stoppable(), _progress() as bar:
        task = bar.add_task(f"{problem.name}, {plane} plane", total=shape[0] * shape[1])
        survey(
            problem,
            chosen,
            shape,
            where,
            overlay or ("all",),
            device,
            dtype,
            store=out,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            fidelity=fidelity,
        )
    console.print(f"Landscape in {out}")


@app.command(name="spectrum")
def spectrum_command(
    target: Target,
    of: Annotated[str, typer.Option(help="hessian, ggn, remainder, fisher or empirical_fisher.")] = "hessian",
    top: Annotated[int, typer.Option(help="Largest eigenvalues, each to a stated residual.")] = 15,
    steps: Annotated[int, typer.Option(help="Lanczos steps of the quadrature, where it is not exact.")] = 80,
    probes: Annotated[int, typer.Option(help="Probes of the quadrature.")] = 10,
    seed: Annotated[int, typer.Option(help="Seed of the probes, and of a random plane.")] = 0,
    checkpoint: Annotated[int | None, typer.Option(help="At this checkpoint of the training path.")] = None,
    at: Annotated[str | None, typer.Option(help="At alpha,beta of the plane.")] = None,
    plane: Annotated[str, typer.Option(help="The plane of --at, as in `lossnav survey`.")] = "random",
    normalize: Annotated[str, typer.Option(help="As in `lossnav survey`.")] = "filter",
    ignore: Annotated[str, typer.Option(help="As in `lossnav survey`.")] = "biasbn",
    orthogonal: Annotated[bool, typer.Option("--orthogonal", help="As in `lossnav survey`.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")] = "auto",
    out: Annotated[Path | None, typer.Option(help="Also write it to this file, as JSON.")] = None,
) -> None:
    """Eigenvalues of the curvature: density, largest and smallest, trace."""
    from lossnav.core import spectrum
    from lossnav.core.spectrum.files import write_spectrum

    problem = load_problem(target)
    point = None
    if at is not None:
        chosen = make_plane(problem, plane, seed, normalize, ignore, orthogonal)
        point = chosen.at(*_numbers(at, 2, "--at"))
    if checkpoint is not None:
        point = _checkpoint(problem, checkpoint)
    found = spectrum(problem, point, of, top, steps, probes, seed, device=device)
    if out is not None:
        write_spectrum(found, out, {"name": problem.name, "examples": problem.example_count})
    Console().print(_spectrum_table(found))


@app.command()
def figure(
    landscape: Annotated[Path, typer.Argument(help="A landscape made by `lossnav survey`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The figure: .pdf, .svg or .png.")],
    kind: Annotated[str, typer.Option(help="map (2-D) or surface (3-D).")] = "map",
    width: Annotated[str, typer.Option(help="single or double column, or slide.")] = "single",
    color: Annotated[str, typer.Option(help="The readout shown as colour.")] = "loss",
    contours: Annotated[
        list[str] | None, typer.Option(help="Readouts shown as contour lines; without it, the loss.")
    ] = None,
    surface: Annotated[str, typer.Option(help="The readout shown as height.")] = "loss",
    scale: Annotated[str, typer.Option(help="linear, log or symlog, for height and loss.")] = "log",
    color_scale: Annotated[str | None, typer.Option(help="linear, log or symlog, for the colour.")] = None,
    path: Annotated[bool, typer.Option(help="Draw the training path.")] = True,
    arrows: Annotated[bool, typer.Option("--arrows", help="Draw the elastic force.")] = False,
    camera: Annotated[str, typer.Option(help="Azimuth and elevation of the surface, in degrees.")] = "-55,36",
    title: Annotated[str | None, typer.Option(help="Text over the figure.")] = None,
) -> None:
    """Draw a landscape for a paper."""
    from lossnav.core.checks import known

    from .figures.paper import PaperSpec, draw_map, draw_surface, save
    from .figures.picture import path_inside
    from .figures.scales import Scale

    draw = {"map": draw_map, "surface": draw_surface}[known(kind, ("map", "surface"), "kind of figure")]
    azimuth, elevation = _numbers(camera, 2, "--camera")
    land = _read(landscape)
    spec = PaperSpec(
        width=width,  # type: ignore[arg-type]  # checked there, with a sentence
        color=color,
        contours=tuple(contours or ("loss",)),
        surface=surface,
        path=path and path_inside(land) is not None,
        arrows=arrows,
        color_scale=Scale(color_scale or (scale if color == surface else "linear")),  # type: ignore[arg-type]
        elevation_scale=Scale(scale),  # type: ignore[arg-type]
        camera=(azimuth, elevation),
        title=title,
    )
    save(draw(land, spec), _in_folder(output))
    console.print(f"Figure in {output}")


@app.command()
def convert(
    source: Annotated[
        Path, typer.Argument(help="A landscape (.zarr, .zip, .nc), or an .h5 surface of Li et al.'s code.")
    ],
    target: Annotated[Path, typer.Argument(help="The file to write: .nc, .csv, .vtk …")],
) -> None:
    """Turn a landscape into another format."""
    from lossnav.core.exchange import convert as convert_file

    convert_file(source, _in_folder(target))
    console.print(f"Written to {target}")


@app.command()
def samples() -> None:
    """List the sample networks."""
    from lossnav.sample_models import NAMES, card

    table = Table("name", "what it is", "parameters", box=None, header_style="bold")
    for name in NAMES:
        facts = card(name)
        table.add_row(name, facts["title"], f"{facts['parameters']:,}")
    Console().print(table)


def main() -> NoReturn:
    """Run the command; what the user can mend is said in one sentence, without a traceback."""
    try:
        app()
    except (InputError, OSError) as error:
        if os.environ.get("LOSSNAV_DEBUG"):
            raise
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"lossnav: {error}", markup=False)
        sys.exit(2)
    sys.exit(0)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Ctrl-C ends a survey with a word on what becomes of it."""
    try:
        yield
    except KeyboardInterrupt as stop:
        console.print("Stopped. What was measured is kept; the same command goes on from there.")
        raise typer.Exit(130) from stop


def _in_folder(path: Path) -> Path:
    if not path.absolute().parent.is_dir():
        raise InputError(f"There is no folder '{path.parent}' for '{path.name}': make it, or choose another place.")
    return path


def _checkpoint(problem: Problem, index: int) -> dict[str, Tensor]:
    if problem.trajectory is None:
        raise InputError(f"'{problem.name}' has no training trajectory, so there is no --checkpoint {index}.")
    if not 0 <= index < len(problem.trajectory):
        raise InputError(f"--checkpoint should be from 0 to {len(problem.trajectory) - 1}, but is {index}.")
    return {k: v.to(problem.parameters[k]) for k, v in problem.trajectory.at(index).items()}


def _spectrum_table(found: Spectrum) -> Table:
    table = Table("eigenvalue", "residual", box=None, header_style="bold", title=f"{found.of}, {found.method}")
    for value, residual in zip([*found.top, *found.bottom], [*found.residuals, *found.bottom_residuals], strict=True):
        table.add_row(f"{value:.6g}", f"{residual:.1e}")
    table.caption = f"trace {found.trace:.4g} ± {found.trace_se:.2g}; {found.outliers} above the largest gap"
    return table


def _read(path: Path) -> Any:
    from lossnav.core.exchange import read_netcdf

    return read_netcdf(path) if path.suffix == ".nc" else read_landscape(path)


def _remove(out: Path) -> None:
    """Delete a landscape, and nothing else: the folder must be one of ours."""
    read_landscape(out)
    shutil.rmtree(out)


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _shape(text: str) -> tuple[int, int]:
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) == 1:
        parts *= 2
    if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
        raise InputError(f"--grid should be two whole numbers such as 51x51, but is '{text}'.")
    return int(parts[0]), int(parts[1])


def _span(text: str) -> tuple[tuple[float, float], tuple[float, float]]:
    a, b, c, d = _numbers(text, 4, "--span")
    return (a, b), (c, d)


def _numbers(text: str, count: int, option: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise InputError(f"{option} should be {count} numbers separated by commas, but is '{text}'.")
    return numbers


if __name__ == "__main__":
    main()

"""The `lossnav` command: explore, check, survey, spectrum, coupling, density, figure, convert, samples."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from lossnav.core import InputError, load_problem
from rich.console import Console
from rich.table import Table

from .commands.check import check_command
from .commands.coupling import coupling_command
from .commands.density import density_command
from .commands.options import console, numbers
from .commands.spectrum import spectrum_command
from .commands.survey import survey_command

app = typer.Typer(
    help="Explore the loss landscapes of neural networks.",
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=False,
)


@app.callback(invoke_without_command=True)
def default(context: typer.Context) -> None:
    """Without a command: explore the samples."""
    if context.invoked_subcommand is None:
        explore()


@app.command()
def explore(
    target: Annotated[
        str | None,
        typer.Argument(
            help="A sample, your own problem, or a landscape file (.zarr, .zarr.zip, .nc, .h5); without one, the samples."
        ),
    ] = None,
    port: Annotated[int, typer.Option(help="The port it listens on.")] = 8501,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = False,
    host: Annotated[
        str, typer.Option(help="The address it listens on; any but 127.0.0.1 lets other machines in.")
    ] = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A further name that it is reached under; may be given several times.")
    ] = None,
    token: Annotated[bool, typer.Option(help="Ask each browser for the token in the printed address.")] = True,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate for an encrypted connection, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's key, PEM.")] = None,
) -> None:
    """Open the explorer in the browser."""
    from lossnav.core.formats.convert import is_landscape

    from .server import Access, serve, serve_landscape

    if (tls_cert is None) != (tls_key is None):
        raise InputError("--tls-cert and --tls-key belong together: give both, or neither.")
    encrypted = None if tls_cert is None or tls_key is None else (tls_cert, tls_key)
    access = Access(port, host, tuple(allow_host or ()), token, encrypted)

    if target is not None and is_landscape(target):
        _read(Path(target))  # says now, not in the browser, what is wrong with it
        serve_landscape(Path(target), access, browser)
        return
    # says now, not in the browser, what is wrong with it
    path = None if target is None else load_problem(target).trajectory
    serve(target, 0 if path is None else len(path), access, browser)


app.command(name="check")(check_command)
app.command(name="survey")(survey_command)
app.command(name="spectrum")(spectrum_command)
app.command(name="coupling")(coupling_command)
app.command(name="density")(density_command)


@app.command()
def figure(
    landscape: Annotated[
        Path, typer.Argument(help="A landscape: .zarr, .zarr.zip, .nc, or an .h5 surface of Li et al.'s code.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The figure: .pdf, .svg or .png.")],
    kind: Annotated[str, typer.Option(help="map (2-D) or surface (3-D).")] = "map",
    width: Annotated[str, typer.Option(help="single or double column, or slide.")] = "single",
    color: Annotated[str, typer.Option(help="The readout shown as colour.")] = "loss",
    contours: Annotated[
        list[str] | None, typer.Option(help="Readouts shown as contour lines; without it, the loss.")
    ] = None,
    surface: Annotated[str, typer.Option(help="The readout shown as height.")] = "loss",
    scale: Annotated[
        str | None,
        typer.Option(help="linear, log or symlog, for height and loss; without it, log where all of it is above 0."),
    ] = None,
    color_scale: Annotated[str | None, typer.Option(help="linear, log or symlog, for the colour.")] = None,
    path: Annotated[bool, typer.Option(help="Draw the training path.")] = True,
    arrows: Annotated[bool, typer.Option("--arrows", help="Draw forces as arrows.")] = False,
    camera: Annotated[str, typer.Option(help="Azimuth and elevation of the surface, in degrees.")] = "-55,36",
    title: Annotated[str | None, typer.Option(help="Text over the figure.")] = None,
) -> None:
    """Draw a landscape for a paper."""
    from lossnav.core.checks import known

    from .figures.paper import PaperSpec, draw_map, draw_surface, save
    from .figures.shared.picture import fitting_scale, path_inside
    from .figures.shared.scales import Scale, check_log
    from .summaries.adaptive import adaptive_text

    draw = {"map": draw_map, "surface": draw_surface}[known(kind, ("map", "surface"), "kind of figure")]
    azimuth, elevation = numbers(camera, 2, "--camera")
    land = _read(landscape, (color, *(contours or ()), surface))
    fitting = fitting_scale(land, surface, "log") if surface in land else Scale("log")
    height = Scale(scale) if scale else fitting  # type: ignore[arg-type]
    painted = Scale(color_scale) if color_scale else height if color == surface else Scale()  # type: ignore[arg-type]
    for name, kind_of_scale in {surface: height, color: painted}.items():
        check_log(kind_of_scale, land[name].values if name in land else (), name)
    spec = PaperSpec(
        width=width,  # type: ignore[arg-type]  # checked there, with a sentence
        color=color,
        contours=tuple(contours or ("loss",)),
        surface=surface,
        path=path and path_inside(land) is not None,
        arrows=arrows,
        color_scale=painted,
        elevation_scale=height,
        camera=(azimuth, elevation),
        title=title,
    )
    save(draw(land, spec), _in_folder(output), adaptive_text(land))
    console.print(f"Figure in {output}")


@app.command()
def convert(
    source: Annotated[
        Path, typer.Argument(help="A landscape (.zarr, .zip, .nc), or an .h5 surface of Li et al.'s code.")
    ],
    target: Annotated[Path, typer.Argument(help="The file to write: .nc, .csv, .vtk …")],
) -> None:
    """Turn a landscape into another format."""
    from lossnav.core.formats.convert import convert as convert_file

    convert_file(source, _in_folder(target))
    console.print(f"Written to {target}")


@app.command()
def samples() -> None:
    """List the sample networks."""
    from lossnav.sample_models import card, names

    table = Table("name", "what it is", "parameters", box=None, header_style="bold")
    for name in names():
        facts = card(name)
        table.add_row(name, facts["title"], f"{facts['parameters']:,}" if "parameters" in facts else "")
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


def _in_folder(path: Path) -> Path:
    if not path.absolute().parent.is_dir():
        raise InputError(f"There is no folder '{path.parent}' for '{path.name}': make it, or choose another place.")
    return path


def _read(path: Path, readouts: Sequence[str] = ()) -> Any:
    """The landscape in a file or folder of any kind, with `readouts`, those measured on a coarser grid interpolated."""
    from lossnav.core.formats.convert import read_any
    from lossnav.core.properties.selection import overlay_names
    from lossnav.core.survey.coarse_fill import filled

    return filled(read_any(path, [name for name in readouts if name in overlay_names()]))


if __name__ == "__main__":
    main()

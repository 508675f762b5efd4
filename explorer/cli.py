"""The `lossnav` command: explore, new, check, survey, spectrum, coupling, density, figure, film, export, publish, claims, convert, samples."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from lossnav.core import InputError, load_problem
from lossnav.core.full_disk import trouble
from rich.console import Console
from rich.table import Table

from .commands.answers import answers_command
from .commands.check import check_command
from .commands.claims import claims_app
from .commands.coupling import coupling_command
from .commands.density import density_command
from .commands.export import export_command
from .commands.figure import figure_command
from .commands.film import film_command
from .commands.minima import minima_command
from .commands.new import new_command
from .commands.options import console, folder_for, read_landscape_file
from .commands.order import order_command
from .commands.paths import paths_command
from .commands.profile import profile_command
from .commands.publish import publish_command
from .commands.spectrum import spectrum_command
from .commands.survey import survey_command
from .commands.walk import basins_command, walk_command

app = typer.Typer(
    help="Explore the loss landscapes of neural networks.",
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=False,
)


def _say_version(asked: bool) -> None:
    if asked:
        print(f"lossnav {version('lossnav')}, torch {version('torch')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def default(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help="Say which version this is, and of torch."
        ),
    ] = False,
) -> None:
    """Without a command: explore the samples and this folder."""
    if context.invoked_subcommand is None:
        explore()


@app.command()
def explore(
    target: Annotated[
        str | None,
        typer.Argument(
            help="A folder, a sample, your own problem, or a landscape (.zarr, .zarr.zip, .nc, .h5); without one, this folder."
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
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Surveys that run at once; without it, one for four cores, at least two.")
    ] = None,
) -> None:
    """Open the explorer in the browser."""
    from lossnav.core.formats import is_landscape

    from .server import JOBS_VARIABLE, Access, serve, serve_folder, serve_landscape
    from .warm import warm_up

    if jobs is not None:
        os.environ[JOBS_VARIABLE] = str(jobs)

    if (tls_cert is None) != (tls_key is None):
        raise InputError("--tls-cert and --tls-key belong together: give both, or neither.")
    encrypted = None if tls_cert is None or tls_key is None else (tls_cert, tls_key)
    access = Access(port, host, tuple(allow_host or ()), token, encrypted)

    if target is not None and is_landscape(target):
        _read_now(Path(target))
        serve_landscape(Path(target), access, browser, warm_up)
        return
    if target is None or Path(target).is_dir():
        serve_folder(Path(target or "."), access, browser, warm_up)
        return
    path = load_problem(target).trajectory  # says now, not in the browser, what is wrong with it
    serve(target, 0 if path is None else len(path), access, browser, warm_up)


def _read_now(path: Path) -> None:
    """Say now, not in the browser, what is wrong with a landscape file; where all is well, the page shows what is read here."""
    from .landscape_file import opened_once

    try:
        opened_once(path)
    except InputError:  # of a survey that has only begun the page says so, until there is something to draw
        read_landscape_file(path)


app.command(name="new")(new_command)
app.command(name="check")(check_command)
app.command(name="survey")(survey_command)
app.command(name="spectrum")(spectrum_command)
app.command(name="coupling")(coupling_command)
app.command(name="density")(density_command)
app.command(name="order")(order_command)
app.command(name="answers")(answers_command)
app.command(name="minima")(minima_command)
app.command(name="profile")(profile_command)
app.command(name="walk")(walk_command)
app.command(name="paths")(paths_command)
app.command(name="basins")(basins_command)
app.command(name="figure")(figure_command)
app.command(name="export")(export_command)
app.command(name="film")(film_command)
app.command(name="publish")(publish_command)
app.add_typer(claims_app, name="claims")


@app.command()
def convert(
    source: Annotated[
        Path,
        typer.Argument(
            help="A landscape: .zarr, .zip, .nc, .vtp, an .h5 surface of Li et al.'s code, or a sample's name."
        ),
    ],
    target: Annotated[Path, typer.Argument(help="The file to write: .nc, .csv, .vtk, .vts or .vtp.")],
) -> None:
    """Turn a landscape into another format."""
    from lossnav.core.formats import convert as convert_file

    from .landscape_file import landscape_path

    convert_file(landscape_path(source), folder_for(target))
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
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"lossnav: {_sentence(error)}", markup=False)
        sys.exit(2)
    sys.exit(0)


def _sentence(error: InputError | OSError) -> str:
    """The sentence for an error, with a remedy where the system's own words have none.

    >>> _sentence(PermissionError(13, "Permission denied", "/sys/.x.zarr.lock"))
    "'/sys/.x.zarr.lock' cannot be read or written (Permission denied): check the path and the rights there, or choose another place."
    """
    if isinstance(error, InputError):
        return str(error)
    found = trouble(error)
    if found is not None:
        return f"{found[0]}: nothing was written. Please {found[1]} and run it again."
    if error.filename is None or error.strerror is None:
        return str(error)
    way = "check the path and the rights there, or choose another place"
    return str(InputError(f"'{os.fsdecode(error.filename)}' cannot be read or written ({error.strerror}): {way}."))


if __name__ == "__main__":
    main()

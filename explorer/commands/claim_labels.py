"""`lossnav claims labels`: can a label of one's own networks be told from spectrum, weights and function?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from lossnav.core import load_problem
from lossnav.core.sealed import write_json
from rich.console import Console

from .claim_options import check_json, networks_bar
from .options import Target
from .problem_options import ProblemChoice, with_problem


@with_problem
def labels_command(
    *,
    target: Target,
    folder: Annotated[Path, typer.Argument(help="The folder of the networks' weights.")],
    labels: Annotated[
        Path, typer.Option(help="A table (.csv): files in its first column, or in one named file; labels in another.")
    ],
    column: Annotated[str, typer.Option(help="The column of the labels, such as optimiser or seed.")],
    held_out: Annotated[
        str | None,
        typer.Option(
            help="The same network with examples that none of these saw, for the function: a target like the first."
        ),
    ] = None,
    draws: Annotated[int, typer.Option(help="Draws behind every p-value.")] = 999,
    seed: Annotated[int, typer.Option(help="Seed of folds and draws.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also write all of it to this file (.json).")] = None,
    choice: ProblemChoice,
) -> None:
    """Tell a label of your own networks from their spectrum, weights and function, as claim memory does, by the same rule."""
    from lossnav.core.claims.labelled import labelled, labels_told

    from ..request.claim import populations_folder

    check_json(out)
    networks = labelled(choice.problem(), folder, labels, column)
    other = None if held_out is None else load_problem(held_out)
    with networks_bar() as tell:
        told = labels_told(
            networks,
            populations_folder(),
            tell,
            other,
            draws,
            seed,
        )
    if out is not None:
        write_json(out, told.as_json(), indent=1, allow_nan=False)
    screen = Console(soft_wrap=True, highlight=False)
    for line in (*told.sentences, *told.notes, f"Rule: {told.rule}"):
        screen.print(line, markup=False)

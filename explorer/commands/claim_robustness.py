"""`lossnav claims robustness`: a claim's question of other networks, beside its verdict."""

from __future__ import annotations

from typing import Annotated

import typer
from lossnav.core.sealed import write_json
from rich.console import Console

from .claim_options import JsonOut, check_json, networks_bar


def robustness_command(
    name: Annotated[str, typer.Argument(help="A claim: memory, conjugate, valleys, coupling or collapse.")],
    architecture: Annotated[str, typer.Option(help="tanh, as registered; relu; cnn.")] = "relu",
    level: Annotated[
        float | None,
        typer.Option(
            help="The loss of all networks, nats; registered are 0.14 and 0.05. Not of collapse.", show_default="0.05"
        ),
    ] = None,
    networks: Annotated[int, typer.Option(help="Networks of each contrast; of collapse in all.")] = 60,
    draws: Annotated[int, typer.Option(help="Draws of nulls.")] = 299,
    out: JsonOut = None,
) -> None:
    """Ask a claim's question of another architecture, or at another loss: minutes; no verdict rests on it."""
    from lossnav.core.claims.robustness import robustness

    from ..request.claim import populations_folder

    check_json(out)
    with networks_bar() as tell:
        outcome = robustness(
            name,
            populations_folder(),
            tell,
            architecture,
            level,
            networks,
            draws,
        )
    if out is not None:
        write_json(out, outcome.as_json(), indent=1, allow_nan=False)
    screen = Console(soft_wrap=True, highlight=False)
    screen.print(f"{name}, {outcome.place}: {outcome.said}", markup=False)
    screen.print("Beside the verdict, which does not rest on it.", markup=False)

"""Where else a command may compute: processes of this machine, or a scheduler's workers."""

from __future__ import annotations

from typing import Annotated

import typer

WorkersOption = Annotated[
    int | None, typer.Option("--workers", help="Compute on so many processes of this machine, which share its cores.")
]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help="Compute on the workers of the Dask scheduler at this address: tcp://host:8786, or its .json file.",
    ),
]

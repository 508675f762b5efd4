"""Where else a command may compute: processes of this machine, or a scheduler's workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from lossnav.core import Problem
from lossnav.core.cluster import Recipe, connected, spectra_on_workers
from lossnav.core.spectrum import SpectraElsewhere

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


@contextmanager
def spectra_elsewhere(
    workers: int | None, cluster: str | None, recipe: Recipe, problem: Problem
) -> Iterator[SpectraElsewhere | None]:
    """A function that computes spectra on workers; None: no workers were asked for."""
    if workers is None and cluster is None:
        yield None
        return
    with connected(workers, cluster) as client:
        yield spectra_on_workers(client, recipe, problem)

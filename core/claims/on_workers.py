"""A claim's networks trained on Dask's workers: pieces go out as plain values, come back as arrays, and are stored as a run stores them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from ..checks import InputError
from ..cluster import Pool, code_identity, refuse_another
from ..machine.threads import one_thread_each
from . import collapse, forgetting
from .conjugate import Conjugate
from .coupling import Coupling
from .kept import _store, kept_tables
from .memory import Memory
from .own_data import own_data
from .population import Population, contrast_of
from .population.chunks import Chunk, _chunks
from .populations import populations
from .protocol import Claim, Plan, Progress
from .source import made_by
from .valleys import Valleys

if TYPE_CHECKING:
    from distributed import Client

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Networks:
    """Networks that a worker makes.

    what    some networks of a population, or one draw of claim `collapse`
    asked   the code that must be there (see `code_identity`)
    source  a problem's file with the examples, where they are a person's own
    """

    what: Chunk | forgetting.Draw
    asked: Mapping[str, str]
    source: str | None = None


def train_on_workers(
    claim: Claim, plan: Plan, folder: Path, client: Client, progress: Progress, source: str | None = None
) -> int:
    """Make what `claim.collect(plan, folder, progress)` would train, and is not there yet; it then finds all of it there.

    Returns how many pieces were made. Numbers are those of one process on the same kind of machine, bit for bit.

    Parameters
    ----------
    folder  where networks are kept; workers need not see it
    source  the problem's file that `plan.data` was made of, if it was

    Raises
    ------
    InputError  the workers are gone, or have other code or other examples
    """
    pool, asked = Pool(client), code_identity()
    missing = list(_missing(claim, plan, folder))
    pieces = (Networks(what, asked, source) for what, _ in missing)
    for done, (found, (_, store)) in enumerate(zip(pool.in_order(trained, pieces), missing, strict=True)):
        store(found)
        progress("Training", done + 1, len(missing))
    return len(missing)


def trained(piece: Networks) -> Arrays:
    """The arrays of a piece, in this process; Dask calls it by its name.

    Raises
    ------
    InputError  code or examples are not those that were asked for
    """
    refuse_another(code_identity(), piece.asked)
    with one_thread_each(), threadpool_limits(1, "blas"):
        if isinstance(piece.what, forgetting.Draw):
            return dict(collapse.readouts(piece.what))
        _know(piece.what.population.data, piece.source)
        return piece.what.arrays()


def _know(name: str, source: str | None) -> None:
    """Make a person's own examples known here under their name."""
    if source is not None and own_data(source) != name:
        raise InputError(f"A worker has other examples in '{source}': give every machine the same file.")


class _Missing(Exception):
    """Something is not in the folder."""


def _missing(
    claim: Claim, plan: Plan, folder: Path
) -> Iterator[tuple[Chunk | forgetting.Draw, Callable[[Arrays], None]]]:
    """Each piece that is not in the folder, and what stores its arrays there."""
    if isinstance(claim, collapse.Collapse):
        for number in range(plan.networks):
            draw = forgetting.Draw.of(plan.base + number, number)
            if not _is_there(draw, folder):
                yield draw, partial(_store_draw, draw, folder)
        return
    for population, count in _populations(claim, plan):
        for chunk in _chunks(population, count, folder):
            if not chunk.path.exists():
                yield chunk, partial(_store_chunk, chunk.path)


def _populations(claim: Claim, plan: Plan) -> list[tuple[Population, int]]:
    """The populations of a claim and how many networks of each."""
    if isinstance(claim, Conjugate):
        return [(Population("same-0", plan.data[0], contrast_of("same").recipes[0], plan.base), plan.networks)]
    if isinstance(claim, Memory):
        pairs = claim.contrasts(plan)
    elif isinstance(claim, (Coupling, Valleys)):
        pairs = [(data, each) for data in plan.data for each in claim.contrasts(plan)]
    else:
        raise InputError(f"Networks of claim '{claim.name}' cannot be trained on workers: run it without.")
    every = [p for data, contrast in pairs for p in populations(contrast, data, plan.base)]
    return [(population, plan.networks // 2) for population in every]


def _store_chunk(path: Path, arrays: Arrays) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _store(path, arrays)


def _is_there(draw: forgetting.Draw, folder: Path) -> bool:
    def absent(_: forgetting.Draw) -> Arrays:
        raise _Missing

    try:
        _table(draw, folder, absent)
    except _Missing:
        return False
    return True


def _store_draw(draw: forgetting.Draw, folder: Path, arrays: Arrays) -> None:
    _table(draw, folder, lambda _: arrays)


def _table(draw: forgetting.Draw, folder: Path, measure: Callable[[forgetting.Draw], Arrays]) -> Arrays:
    """The claim's own table, of one draw."""
    files = (collapse.__file__, forgetting.__file__)
    settings = {"widths": forgetting.WIDTHS, "made by": made_by(*map(str, files))}
    name = f"{draw.seed}-{draw.width}"
    return kept_tables("Two tasks", folder, settings, [(draw,)], measure, lambda *_: None, [name])

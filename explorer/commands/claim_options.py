"""What the commands of claims share: a file for the result, and a bar of the networks that are trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from lossnav.core import InputError

from .options import folder_for, progress

JsonOut = Annotated[Path | None, typer.Option("--out", "-o", help="Also write it to this file (.json).")]


def check_json(out: Path | None, stored: Path | None = None) -> None:
    """Raise InputError where no JSON can be written to `out`, before anything is computed; `stored` may have no folder yet."""
    if out is not None and out.suffix != ".json":
        raise InputError(f"--out should end in .json, but is '{out.name}'.")
    if out is not None and out != stored:
        folder_for(out)


@contextmanager
def networks_bar(title: str = "Networks") -> Iterator[Callable[[str, int, int], None]]:
    """A bar, told by (what, done, total); damage of the networks that are kept is a sentence inside."""
    from lossnav.core.claims import damage_is_said

    from ..request.claim import populations_folder

    with damage_is_said(populations_folder()), progress() as bar:
        task = bar.add_task(title, total=None)
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total)

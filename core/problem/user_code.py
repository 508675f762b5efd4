"""Errors in a person's own file, in one sentence with the line; the whole traceback stays behind it as the cause."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..checks import InputError, first_line


@contextmanager
def said_of_user_code(path: str | Path) -> Iterator[None]:
    """Run what is the user's, from `path`.

    Raises
    ------
    InputError  it raised something, or left; what is already said in a sentence passes as it is
    """
    try:
        yield
    except InputError:
        raise
    except SyntaxError as error:
        raise InputError(_said_of_syntax(error, Path(path))) from error
    except (Exception, SystemExit) as error:
        raise InputError(_said(error, Path(path))) from error


def _said_of_syntax(error: SyntaxError, path: Path) -> str:
    """The file may be one that the user's imports."""
    name = Path(error.filename or path).name
    where = f"Line {error.lineno} of '{name}'" if error.lineno else f"'{name}'"
    return f"{where} is not Python that can be read ({first_line(SyntaxError(error.msg))}): mend it."


def _said(error: BaseException, path: Path) -> str:
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    where = f"Line {lines[-1]} of '{path.name}'" if lines and lines[-1] else f"'{path.name}'"
    what = f"{type(error).__name__}: {first_line(error)}" if str(error) else type(error).__name__
    return f"{where} fails ({what}): mend it; with LOSSNAV_DEBUG=1 the whole story is shown."

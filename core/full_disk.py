"""A disk that takes no more: what of it is said, and what is kept."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .checks import InputError

TROUBLES = {
    errno.ENOSPC: ("No space is left on the disk", "make room there"),
    errno.EDQUOT: ("Your quota on the disk is used up", "make room there"),
    errno.EROFS: ("The disk can only be read now", "make it writable, or choose another place"),
    errno.EFBIG: ("A file may not grow as large as it has to", "raise the limit, or choose another place"),
}


def trouble(error: BaseException | None) -> tuple[str, str] | None:
    """A full disk's trouble and its remedy; None where an error, with those behind it, is about something else.

    >>> trouble(OSError(errno.ENOSPC, "No space left on device"))
    ('No space is left on the disk', 'make room there')
    >>> trouble(ValueError("3")) is None
    True
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in TROUBLES:
            return TROUBLES[error.errno]
        error = error.__cause__ or error.__context__
    return None


@contextmanager
def full_disk_said(path: Path, still_there: Callable[[], str]) -> Iterator[None]:
    """Write to `path`.

    still_there  the words for it, as a sentence goes on after a colon; asked for only when it is needed

    Raises
    ------
    InputError  the disk takes no more
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if (words := trouble(error)) is None:
            raise
        raise InputError(
            f"{words[0]} of '{path}': {still_there()} To go on, {words[1]} and run the same command again."
        ) from error

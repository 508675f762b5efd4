"""A file that a process holds for as long as it lives, however it ends: the system lets go of it, nobody has to.

The lock goes with an open file, which a parent hands to its child: there is no moment at which a child that was started does
not hold it. Where a system has no such locks (Windows), nothing is held, and work is known to its own server alone.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

GLANCES = 20  # at a hundredth of a second: longer than those who only look are in the way


def hold(path: Path) -> int | None:
    """Hold a file: the number of the open file, to be kept open, handed on or closed; None where another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if fcntl is None:
        return number
    for _ in range(GLANCES):
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.01)
        else:
            return number
    os.close(number)
    return None


def held(path: Path) -> bool:
    """Whether a process holds a file; looking does not disturb others that look.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "lock"
    ...     number = hold(path)
    ...     while_open = held(path), hold(path)
    ...     os.close(number)
    ...     while_open, held(path)
    ((True, None), False)
    """
    if fcntl is None or not path.exists():
        return False
    number = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(number)
    return False

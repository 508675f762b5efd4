"""SHA-256 digests of shipped files, in a small file beside them: a digit that changes on the disk is seen when they are read.

The weights themselves hold none: they are what training wrote, and are not written again for it.
"""

import functools
import hashlib
import json
from pathlib import Path

DIGESTS = "digests.json"  # name of a file → its SHA-256, in hexadecimal


def checked(path: Path) -> Path:
    """`path`, where the file is what was shipped, or is not there and never was.

    Raises
    ------
    InputError  it is damaged or gone, or the digests are
    """
    listed = path.with_name(DIGESTS)
    if not _is_whole(path, _stamp(path), _stamp(listed)):
        from lossnav.core.checks import InputError

        raise InputError(
            f"'{path.name}' of the sample '{path.parent.name}' is damaged: it is not what was shipped. Install lossnav anew."
        )
    return path


def write_digests(folder: Path) -> Path:
    """Write down what the files of a folder are now."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != DIGESTS)
    text = json.dumps({path.name: digest(path) for path in files}, indent=1)
    place = folder / DIGESTS
    place.write_text(text + "\n", "utf-8")
    return place


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stamp(path: Path) -> tuple[int, int]:
    """When a file was written last, and its size."""
    if not path.exists():
        return 0, 0
    at = path.stat()
    return at.st_mtime_ns, at.st_size


@functools.lru_cache(maxsize=256)
def _is_whole(path: Path, file: tuple[int, int], digests: tuple[int, int]) -> bool:
    """Looked at once for as long as nothing is written."""
    try:
        listed = json.loads(path.with_name(DIGESTS).read_text("utf-8"))
        return bool(listed.get(path.name) == (digest(path) if path.exists() else None))
    except (OSError, ValueError, AttributeError):
        return False

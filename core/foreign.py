"""Files from others, looked at before they are opened: what kind of thing lies there, and how much it says that it holds.

Opening a pipe waits for a writer that never comes, a device reads without end, and a link reads another file than the one
that was named. Whatever is no plain file is refused here, in a sentence; only its kind is asked for, it is never opened.
"""

from __future__ import annotations

import json
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .checks import InputError
from .machine.memory import byte_text, free_bytes

MOST_TEXT = 2**27  # bytes of a JSON file: a spectrum of 10⁶ eigenvalues is a fifth of it
MOST_FILES = 2**20  # in one folder or archive
KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a link",
}
UNPACKABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others' sizes are not bounded by what they say


def plain_file(path: str | os.PathLike[str]) -> Path:
    """`path`, where a plain file lies there; a link that was named itself is followed. What is not there is the caller's to say.

    >>> plain_file("/dev/null")
    Traceback (most recent call last):
    ...
    lossnav.core.checks.InputError: '/dev/null' should be a file, but is a device: give a file.

    Raises
    ------
    InputError  something else lies there
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return path
    except (OSError, ValueError) as error:  # a circle of links, a name too long, a zero in the name
        raise InputError(
            f"'{path}' cannot be looked at ({getattr(error, 'strerror', error)}): check the path."
        ) from error
    if not stat.S_ISREG(mode):
        raise InputError(f"'{path}' should be a file, but is {KINDS.get(stat.S_IFMT(mode), 'none')}: give a file.")
    return path


def plain_folder(folder: str | os.PathLike[str], within: Path | None = None) -> None:
    """Look at everything in a folder: plain files and folders, and links to such that lie in it too.

    within  how far links may lead; None: nowhere out of the folder

    Raises
    ------
    InputError  a pipe, a device or a link that leads out, naming it; more files than any store has
    """
    root = Path(os.path.realpath(within or folder))
    for count, each in enumerate(_all_in(Path(folder))):
        if count >= MOST_FILES:
            raise InputError(f"'{folder}' holds more than {MOST_FILES:,} files, and is not opened.")
        _refuse_odd(each, root)


def _all_in(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Everything below a folder; links are not followed."""
    with os.scandir(folder) as entries:
        for each in entries:
            yield each
            if each.is_dir(follow_symlinks=False):
                yield from _all_in(Path(each.path))


def _refuse_odd(each: os.DirEntry[str], root: Path) -> None:
    if each.is_symlink():
        refuse_link_out(Path(each.path), root)
    elif not (each.is_file(follow_symlinks=False) or each.is_dir(follow_symlinks=False)):
        kind = KINDS.get(stat.S_IFMT(each.stat(follow_symlinks=False).st_mode), "no file")
        raise InputError(f"'{each.path}' is {kind} and no file, so its folder is not opened: remove it.")


def refuse_link_out(path: Path, root: Path) -> None:
    """Raise InputError where a path leads out of `root`, a real path, or to something that is neither file nor folder."""
    there = Path(os.path.realpath(path))
    if not there.is_relative_to(root):
        raise InputError(f"'{path}' is a link that leads out of its folder, and is not followed: copy the file in.")
    if there.exists() and not there.is_dir():
        plain_file(there)


def json_in(path: str | os.PathLike[str]) -> Any:
    """The contents of a JSON file.

    Raises
    ------
    InputError  no plain file; larger than any that this project writes
    ValueError  no JSON, or nested too deeply
    """
    path = plain_file(path)
    if (size := path.stat().st_size) > MOST_TEXT:
        raise InputError(
            f"'{path}' holds {byte_text(size)} of text, more than the {byte_text(MOST_TEXT)} that are read."
        )
    try:
        return json.loads(path.read_text("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def is_archive(path: str | os.PathLike[str]) -> bool:
    """Whether a zip archive lies there, whole; of some damages `zipfile.is_zipfile` does not say no, but raises."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        return False


def refuse_zip_bomb(path: Path, unpackable: tuple[int, ...] = UNPACKABLE) -> None:
    """Look at an archive's list of contents before anything in it is unpacked.

    unpackable  the ways of packing that may occur

    Raises
    ------
    InputError      contents that overlap, are packed otherwise, or unpack to more than this machine can take
    BadZipFile      no archive
    """
    with zipfile.ZipFile(plain_file(path)) as archive:
        entries = archive.infolist()
    packed, whole = sum(e.compress_size for e in entries), sum(e.file_size for e in entries)
    free = free_bytes()
    if len(entries) > MOST_FILES or packed > path.stat().st_size or any(e.flag_bits & 1 for e in entries):
        raise InputError(
            f"'{path}' is packed as no program packs it (too many files, or overlapping ones): it is not opened."
        )
    if any(e.compress_type not in unpackable for e in entries):
        raise InputError(f"'{path}' is packed in a way that is not read: pack it again without compression.")
    if free is not None and whole - packed > free / 2:
        raise InputError(f"'{path}' says that it unpacks to {byte_text(whole)}, more than this machine can take.")

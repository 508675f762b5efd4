"""Figures into files: text stays text, fonts are embedded, and the same figure gives the same bytes."""

import os
from io import BytesIO
from pathlib import Path

from lossnav.core import InputError
from lossnav.core.machine import written_whole
from matplotlib.figure import Figure

from .presets import print_style

# Dates and versions would make every file differ from the last.
METADATA: dict[str, dict[str, str | None]] = {
    "pdf": {"CreationDate": None, "ModDate": None},
    "svg": {"Date": None},
    "png": {"Software": None},
}


ABOUT = {
    "pdf": "Subject",
    "svg": "Description",
    "png": "Description",
}  # where each format has a sentence on its content


def save(figure: Figure, path: str | os.PathLike[str], about: str = "") -> Path:
    """Write `figure` to `path` (.pdf, .svg or .png), byte for byte the same every time; returns the path.

    about  a sentence on its content, kept in the file's metadata

    InputError: another ending. The file appears whole or not at all.
    """
    path = Path(path)
    drawn = BytesIO()
    file_format = _format(path)
    metadata = METADATA[file_format] | ({ABOUT[file_format]: about} if about else {})
    with print_style():
        figure.savefig(drawn, format=file_format, dpi=figure.dpi, metadata=metadata)
    return written_whole(path, lambda place: place.write_bytes(drawn.getvalue()))


def _format(path: Path) -> str:
    ending = path.suffix.lower().removeprefix(".")
    if ending not in METADATA:
        raise InputError(
            f"A figure file ends in .pdf, .svg or .png, but {path.name!r} came; give it one of these endings."
        )
    return ending

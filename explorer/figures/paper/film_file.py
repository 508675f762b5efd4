"""Films into files: GIF by Pillow, MP4 and WebM by ffmpeg where there is one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from lossnav.core import InputError
from lossnav.core.machine import written_whole
from matplotlib.animation import FFMpegWriter
from matplotlib.figure import Figure
from PIL import Image

from .film import Pixels

CODECS = {".mp4": "h264", ".webm": "libvpx-vp9"}
ENDINGS = (".gif", *CODECS)
COLORS = 255  # of a GIF's one palette
# no date, no version, and an order of work that no number of cores changes
SAME = ["-fflags", "+bitexact", "-flags", "+bitexact", "-map_metadata", "-1", "-threads", "1", "-pix_fmt", "yuv420p"]


def film_ending(path: str | os.PathLike[str]) -> str:
    """The ending of a film's file, of a kind that can be made here.

    Raises
    ------
    InputError  another ending, or one that needs ffmpeg where there is none
    """
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise InputError(
            f"A film's file ends in .gif, .mp4 or .webm, but {Path(path).name!r} came; give it one of these endings."
        )
    if ending in CODECS and ffmpeg() is None:
        raise InputError(
            f"A film as {ending} is made by ffmpeg, which is not there: pip install imageio-ffmpeg, or choose .gif."
        )
    return ending


def ffmpeg() -> str | None:
    """The program's path: of the one that is installed, or that imageio-ffmpeg brings along; None without either."""
    if found := shutil.which("ffmpeg"):
        return found
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        path: str = get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        return None
    return path


def save_film(pictures: Iterable[tuple[Pixels, int]], path: str | os.PathLike[str], fps: float) -> Path:
    """Write pictures, each with how often it is shown, to `path`; a GIF byte for byte the same every time. Whole or not at all.

    Raises
    ------
    InputError  as `film_ending`
    """
    ending, path = film_ending(path), Path(path)
    made = gif_bytes(pictures, fps) if ending == ".gif" else _video_bytes(pictures, fps, ending)
    return written_whole(path, lambda place: place.write_bytes(made))


def gif_bytes(pictures: Iterable[tuple[Pixels, int]], fps: float) -> bytes:
    """A GIF that goes on for ever, in one palette, of the picture that has most in it: the last."""
    stored = [(Image.fromarray(picture), times) for picture, times in pictures]
    palette = stored[-1][0].quantize(COLORS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    frames = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture, _ in stored]
    content = BytesIO()
    frames[0].save(
        content, "GIF", save_all=True, append_images=frames[1:], loop=0, duration=durations([t for _, t in stored], fps)
    )
    return content.getvalue()


def durations(times: Iterable[int], fps: float) -> list[int]:
    """Milliseconds of each picture, in GIF's steps of ten; together as long as they should be.

    >>> durations([1, 1, 1, 2], 30)
    [30, 40, 30, 70]
    """
    ends = np.round(np.cumsum([0, *times]) * 100 / fps).astype(int)
    return [10 * int(each) for each in np.diff(ends)]


class Writer(FFMpegWriter):
    """matplotlib's, with the program that there is."""

    @classmethod
    def bin_path(cls) -> str:
        """Its path."""
        return ffmpeg() or "ffmpeg"


def _video_bytes(pictures: Iterable[tuple[Pixels, int]], fps: float, ending: str) -> bytes:
    """A video, of even height and width, as its codecs want them."""
    with TemporaryDirectory() as folder:
        place = Path(folder) / f"film{ending}"
        writer = Writer(fps=fps, codec=CODECS[ending], extra_args=SAME)  # type: ignore[arg-type]
        _write(writer, _even(pictures), place)
        return place.read_bytes()


def _even(pictures: Iterable[tuple[Pixels, int]]) -> Iterator[tuple[Pixels, int]]:
    for picture, times in pictures:
        height, width = (side - side % 2 for side in picture.shape[:2])
        yield picture[:height, :width], times


def _write(writer: FFMpegWriter, pictures: Iterator[tuple[Pixels, int]], place: Path) -> None:
    first, times = next(pictures)
    figure = Figure(figsize=(first.shape[1] / 100, first.shape[0] / 100), dpi=100)
    image = figure.figimage(first)
    with writer.saving(figure, place, 100):
        for picture, shown in chain([(first, times)], pictures):
            _grab(writer, image, picture, shown)


def _grab(writer: FFMpegWriter, image: object, picture: Pixels, times: int) -> None:
    image.set_data(picture)  # type: ignore[attr-defined]
    for _ in range(times):
        writer.grab_frame()

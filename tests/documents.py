"""Runs the code blocks of a page, in their order, in one folder.

    python tests/documents.py docs/gallery.md --into docs/gallery     and keeps the pictures that they made

A block of ```sh is run by bash, which stops at the first command that fails; ```python by this Python; others are read only.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
WIDEST = 1400  # pixels of a picture that is kept


@dataclass(frozen=True)
class Block:
    """One block: its language, its code, and the line that it begins on."""

    language: str
    code: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    """The blocks that run."""
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        if found[1] in ("sh", "python"):
            yield Block(found[1], found[2], text.count("\n", 0, found.start()) + 1)


def run(page: Path, folder: Path) -> None:
    """Run them there.

    Raises
    ------
    AssertionError  one of them failed: its place and what it said
    """
    scripts = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": scripts, "XDG_CACHE_HOME": str(folder / ".cache")}
    for block in blocks(page):
        program = ["bash", "-euo", "pipefail", "-c"] if block.language == "sh" else [sys.executable, "-c"]
        done = subprocess.run(
            [*program, block.code],
            cwd=folder,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == 0, f"{page.name}:{block.line}\n{done.stdout}"


def main() -> None:
    """Run a page; keep its pictures."""
    words = argparse.ArgumentParser(description="Run the code blocks of a page.")
    words.add_argument("page", type=Path)
    words.add_argument("--into", type=Path, help="Keep the pictures in this folder.")
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as place:
        run(given.page.resolve(), Path(place))
        for picture in sorted(Path(place).glob("*.png")) if given.into else ():
            keep(picture, given.into / f"{picture.stem}.webp")


def keep(picture: Path, kept: Path) -> None:
    """A picture as wide as a page shows it, small enough to be kept in the repository."""
    with Image.open(picture) as image:
        image.thumbnail((WIDEST, 4 * WIDEST))
        image.convert("RGB").save(kept, quality=88, method=6)
    print(f"{kept}, {kept.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

"""Runs the code blocks of a page, in their order, in one folder.

    python tests/documents.py docs/gallery.md --into docs/gallery     and keeps the pictures that they made

A block of ```sh is run by bash, which stops at the first command that fails, or, where each of its lines is a `lossnav` command,
in this process, which spares starting one for each; ```python by a Python of its own; others are read only.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from PIL import Image
from typed_command import lossnav

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
    with patch.dict(os.environ, {"PATH": scripts, "XDG_CACHE_HOME": str(folder / ".cache")}):
        for block in blocks(page):
            code, said = _done(block, folder)
            assert code == 0, f"{page.name}:{block.line}\n{said}"


def _done(block: Block, folder: Path) -> tuple[int, str]:
    """Its exit status and what it said."""
    commands = [shlex.split(line) for line in block.code.splitlines()]
    if block.language == "sh" and all(words[:1] == ["lossnav"] for words in commands):
        for words in commands:
            ended = lossnav(*words[1:], folder=folder)
            if ended.returncode:
                return ended.returncode, ended.stdout + ended.stderr
        return 0, ""
    program = ["bash", "-euo", "pipefail", "-c"] if block.language == "sh" else [sys.executable, "-c"]
    done = subprocess.run(
        [*program, block.code], cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.returncode, done.stdout


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

"""The `lossnav` command as a person types it, in this process: starting another takes seconds each time, and is rarely the point."""

from __future__ import annotations

import io
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from lossnav.explorer.cli import main
from lossnav.explorer.request.base import Request


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said; named as those of `subprocess.CompletedProcess`."""

    returncode: int
    stdout: str
    stderr: str


def lossnav(*words: str, folder: Path | None = None) -> Ended:
    """Run `lossnav words…` in a folder."""
    out, error = io.StringIO(), io.StringIO()
    with (
        chdir(folder or "."),
        patch.object(sys, "argv", ["lossnav", *words]),
        redirect_stdout(out),
        redirect_stderr(error),
    ):
        try:
            main()
        except SystemExit as left:
            code = left.code
    return Ended(int(code or 0), out.getvalue(), error.getvalue())


def computed(request: Request) -> None:
    """What the job of a request computes, by the same command."""
    request.path.parent.mkdir(parents=True, exist_ok=True)
    ended = lossnav(*request.arguments, "--out", str(request.path))
    assert ended.returncode == 0, ended.stderr


def sentence(*words: str, folder: Path | None = None) -> str:
    """What the command says when it cannot: one line, no traceback, exit code 2."""
    ended = lossnav(*words, folder=folder)
    assert ended.returncode == 2, ended.stderr
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("lossnav: ")
    return lines[0]

"""Checkpoints in a folder, and the training steps that their names tell, in the order of numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..checks import InputError
from .weight_files import IN_FOLDERS, SUFFIXES

# words before a number that counts steps, the surest first
_LABELS = (
    "step",
    "global_step",
    "checkpoint",
    "ckpt",
    "iter",
    "iteration",
    "it",
    "update",
    "batch",
    "epoch",
    "ep",
    "e",
)
_NUMBER = re.compile(r"(?P<label>[A-Za-z_]*?)[ =_-]?(?P<digits>\d+)(?P<rest>\.\d+)?")
NOT_NETWORKS = ("optimizer", "optim", "scheduler", "scaler", "rng_state", "training_args", "random_states", "frozen")


def steps_in(names: Sequence[str]) -> list[int] | None:
    """The number in each name that counts steps; None where some name has none, or where they do not tell them apart.

    Of several numbers in the names, one after a known word (step, checkpoint, iter, epoch) is taken, else the only one that
    differs between them.

    >>> steps_in(["checkpoint-2", "checkpoint-10"]), steps_in(["epoch=1-step=50.ckpt", "epoch=2-step=100.ckpt"])
    ([2, 10], [50, 100])
    >>> steps_in(["resnet18_5.pt", "resnet18_20.pt"]), steps_in(["best.pt", "last.pt"])
    ([5, 20], None)
    """
    rows = [_numbers(name) for name in names]
    for label in _LABELS:
        if rows and all(label in row for row in rows) and _differ(found := [row[label] for row in rows]):
            return found
    widths = {len(row) for row in rows}
    if len(widths) != 1 or 0 in widths:
        return None
    columns = [list(column) for column in zip(*(row.values() for row in rows), strict=True)]
    changing = [column for column in columns if _differ(column)]
    return changing[0] if len(changing) == 1 else None


def checkpoints_in(folder: str | Path) -> tuple[list[Path], list[int], list[str]]:
    """The checkpoints in a folder in the order of their steps, the steps, and names that tell none, which are left out.

    Raises
    ------
    InputError  no such folder, or no two checkpoints with numbers in it
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"No folder at '{folder}': check the path.")
    places = [p for p in sorted(folder.iterdir()) if _is_checkpoint(p)]
    numbered = [p for p in places if _numbers(p.name)]
    steps = steps_in([p.name for p in numbered])
    if steps is None or len(numbered) < 2:
        raise InputError(
            f"'{folder}' should hold two or more checkpoints with their steps in their names (checkpoint-100, step_100.pt), "
            f"but holds {len(places)} weights file{'' if len(places) == 1 else 's'} or folders that tell none apart: name "
            "them so, or give the files in their order to Trajectory.from_files."
        )
    order = sorted(range(len(numbered)), key=lambda i: steps[i])
    left = [p.name for p in places if p not in numbered]
    return [numbered[i] for i in order], [steps[i] for i in order], left


def _is_checkpoint(path: Path) -> bool:
    if path.name.startswith((".", *NOT_NETWORKS)):
        return False
    if path.is_dir():
        return any((path / name).is_file() for name in IN_FOLDERS) or any(p.suffix in SUFFIXES for p in path.iterdir())
    return path.suffix in SUFFIXES


def _numbers(name: str) -> dict[str, int]:
    """Whole numbers in a name, by the word before each; numbers with decimals (losses, rates) count nothing."""
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    numbers: dict[str, int] = {}
    for match in _NUMBER.finditer(name):
        label = match["label"].lower().strip("_").rpartition("_")[2] or f"number {len(numbers)}"
        if match["rest"] is None:
            numbers[label if label not in numbers else f"number {len(numbers)}"] = int(match["digits"])
    return numbers


def _differ(column: list[int]) -> bool:
    return len(set(column)) == len(column)

"""Checkpoints in a folder with a label each, from a table: networks of one architecture, whatever made them."""

from __future__ import annotations

import copy
import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...checks import InputError, first_line, known
from ...problem.at_checkpoint import at_checkpoint
from ...problem.problem import Problem
from ...problem.trajectory import Trajectory

FILE = ("file", "checkpoint", "path")
FEWEST = 10  # networks of each label: the learner's ten folds


@dataclass(frozen=True)
class Labelled:
    """Networks on one problem.

    column  what the labels are of: "optimiser"
    files   their weights
    labels  one for each
    """

    problem: Problem
    column: str
    files: tuple[Path, ...]
    labels: tuple[str, ...]

    def network(self, index: int) -> Problem:
        """The problem with one network's weights, and BatchNorm's statistics where its file has them."""
        return at_checkpoint(self.problem, index, own_statistics=True)

    @property
    def counts(self) -> dict[str, int]:
        """Label → how many networks, in the labels' order."""
        return dict(sorted(Counter(self.labels).items()))


def labelled(problem: Problem, folder: Path, table: Path, column: str) -> Labelled:
    """The networks that a table names.

    Parameters
    ----------
    problem  their architecture, their training examples and their loss
    folder   of their weights, a file or a checkpoint folder each
    table    a CSV whose first row names its columns; files stand in "file", "checkpoint", "path" or else in the first column,
             relative to the folder, with or without their ending; a row without a label is left out
    column   of the labels

    Raises
    ------
    InputError  no such folder, table, column or file; a file twice; fewer than ten networks of a label; one label alone; weights
                of another network
    """
    rows = _rows(table, column)
    if not folder.is_dir():
        raise InputError(f"There is no folder '{folder}': give the one with the networks' weights.")
    files = tuple(_file(folder, name) for name, _ in rows)
    labels = tuple(label for _, label in rows)
    _check(files, labels, column)
    there = copy.copy(problem)
    path = Trajectory.from_files(files, steps=range(len(files)))
    there.trajectory = path.fitted(problem.parameters)
    return Labelled(there, column, files, labels)


def _rows(table: Path, column: str) -> list[tuple[str, str]]:
    """(file, label) of each row that has a label."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            names = [name.strip() for name in reader.fieldnames or () if name]
            reader.fieldnames = names
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"'{table}' should be a table of labels (.csv), but: {first_line(error)}.") from error
    if len(names) < 2:
        raise InputError(
            f"'{table.name}' should have a column of files and one of labels, but has {len(names)} column(s)."
        )
    known(column, names, "column")
    of_files = next((name for name in FILE if name in names), names[0])
    if column == of_files:
        raise InputError(f"The column '{column}' names the files: give the one with the labels.")
    told = [((row[of_files] or "").strip(), (row[column] or "").strip()) for row in rows]
    return [(name, label) for name, label in told if label]


def _file(folder: Path, name: str) -> Path:
    """The file or checkpoint folder of that name, its ending given or not."""
    exact = folder / name
    if name and exact.exists():
        return exact
    files = sorted(folder.glob(f"{name}.*")) if name and not set(name) & set("*?[") else []
    if len(files) != 1:
        why = f"there are {len(files)} such files" if files else "there is none"
        raise InputError(f"The table names '{name}' in '{folder}', but {why}: give each network's file by its name.")
    return files[0]


def _check(files: Sequence[Path], labels: Sequence[str], column: str) -> None:
    twice = [path.name for path, count in Counter(path.resolve() for path in files).items() if count > 1]
    if twice:
        raise InputError(f"'{twice[0]}' comes more than once: each network counts once, so give it one row.")
    counts = Counter(labels)
    if len(counts) < 2:
        raise InputError(
            f"'{column}' should hold two labels or more, but holds {len(counts)}: there is nothing to tell apart."
        )
    few = [f"{label} ({count})" for label, count in sorted(counts.items()) if count < FEWEST]
    if few:
        raise InputError(
            f"Each label needs {FEWEST} networks or more, so that it can be learned from some and told of others, but there are fewer "
            f"of {', '.join(few)}: train more, or leave these rows' labels empty."
        )

"""Exact grids on networks whose shapes are drawn at random, beside the fastest peers: whether a shape is slower that nobody chose.

The bare loop is no peer: the network's own time, beside which a tool's overhead shows.
"""

from __future__ import annotations

import itertools
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lossnav.core import Problem
from torch import nn

from benchmarks.case import Case
from benchmarks.table import table
from benchmarks.timing import Job, interleaved, ratio

OURS, PEERS = "lossnav", ("loss-landscapes", "landscaper", "bare loop")
COUNT, SEED = 12, 2026
SIDE, QUICK_SIDE = 51, 9
ACTIVATIONS: dict[str, type[nn.Module]] = {"ReLU": nn.ReLU, "tanh": nn.Tanh, "GELU": nn.GELU}


@dataclass(frozen=True)
class Shape:
    """A fully connected network and how many examples it has."""

    widths: tuple[int, ...]
    examples: int
    activation: str

    @property
    def text(self) -> str:
        """
        >>> Shape((16, 48, 3), 200, "tanh").text
        '16-48-3 tanh, 200'
        """
        return f"{'-'.join(map(str, self.widths))} {self.activation}, {self.examples:,}"

    @property
    def multiply_adds(self) -> int:
        """For one example."""
        return sum(a * b for a, b in itertools.pairwise(self.widths))

    def problem(self) -> Problem:
        """On normal inputs and labels in turn, not trained."""
        torch.manual_seed(SEED)
        layers = [
            m for a, b in itertools.pairwise(self.widths) for m in (nn.Linear(a, b), ACTIVATIONS[self.activation]())
        ]
        inputs, targets = torch.randn(self.examples, self.widths[0]), torch.arange(self.examples) % self.widths[-1]
        return Problem(nn.Sequential(*layers[:-1]).eval(), inputs, targets, name=self.text)


def drawn(count: int = COUNT, seed: int = SEED) -> list[Shape]:
    """One to four hidden layers of 12 to 256 units, 4 to 128 inputs, 2 to 40 classes, 100 to 2,000 examples, log-uniform.

    >>> drawn(1) == drawn(2)[:1], len({shape.text for shape in drawn()})
    (True, 12)
    """
    generator = np.random.default_rng(seed)

    def between(low: float, high: float) -> int:
        return round(float(np.exp(generator.uniform(np.log(low), np.log(high)))))

    shapes = []
    for number in range(count):
        hidden = [between(12, 256) for _ in range(int(generator.integers(1, 5)))]
        widths = (between(4, 128), *hidden, between(2, 40))
        shapes.append(Shape(widths, between(100, 2000), list(ACTIVATIONS)[number % len(ACTIVATIONS)]))
    return shapes


def measure_shapes(folder: Path, base: Job, quick: bool, rounds: int) -> list[dict[str, Any]]:
    """For each shape lossnav's milliseconds a point, and how many times as long each peer takes."""
    side, rows = QUICK_SIDE if quick else SIDE, []
    for number, shape in enumerate(drawn(2 if quick else COUNT)):
        path = folder / f"shape-{number}.pt"
        Case.of(shape.problem()).save(path)
        shared = {**base, "task": "grid", "case": str(path), "steps": side}
        print(f"\n{shape.text} ", end="", flush=True)
        runs = interleaved({tool: {**shared, "tool": tool} for tool in (OURS, *PEERS)}, rounds)
        rows.append({"shape": shape.text, "multiply_adds": shape.multiply_adds, **_beside(runs, side**2)})
    return rows


def _beside(runs: dict[str, list[dict[str, Any]]], points: int) -> dict[str, Any]:
    seconds = {tool: [run["seconds"] for run in each if "seconds" in run] for tool, each in runs.items()}
    return {
        "milliseconds": 1e3 * statistics.median(seconds[OURS]) / points,
        "times_ours": {tool: asdict(ratio(seconds[tool], seconds[OURS])) for tool in PEERS if seconds[tool]},
    }


def shapes_report(rows: list[dict[str, Any]]) -> str:
    """The table, and the shape on which lossnav does worst."""
    least = min(times["median"] for row in rows for times in row["times_ours"].values())
    head = ["network, examples", "multiply-adds", "lossnav, ms a point", *(f"{tool}, × ours" for tool in PEERS)]
    cells = [
        [
            row["shape"],
            f"{row['multiply_adds']:,}",
            f"{row['milliseconds']:.3f}",
            *(_times(row["times_ours"].get(tool)) for tool in PEERS),
        ]
        for row in rows
    ]
    return (
        "## Shapes drawn at random\n\n"
        f"Exact grids of {SIDE} × {SIDE} points, the loss alone for the peers and the bare loop, which is the network's own time, loss and accuracy for lossnav. The least of these "
        f"ratios is {least:.2f}.\n\n{table(head, cells)}"
    )


def _times(times: dict[str, float] | None) -> str:
    return "failed" if times is None else f"{times['median']:.2f} ({times['low']:.2f}–{times['high']:.2f})"

"""Populations on disk: chunks of networks, each written whole, so that what was stopped goes on and what grew is kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from ...machine import written_whole
from ..source import made_by
from ..turns import in_turns
from .data import data_of
from .finish import LEVELS, finished
from .history import LEVEL, histories
from .measures import measured
from .network import SHAPE, Shape
from .recipes import Recipe
from .streams import Stream

CHUNK = 50  # networks that are trained side by side
Arrays = Mapping[str, np.ndarray]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Population:
    """Networks of one recipe on one set of examples.

    label  tells its random streams from others'
    base   network k has the seed base + k
    """

    label: str
    data: str
    recipe: Recipe
    base: int
    shape: Shape = SHAPE

    @property
    def key(self) -> str:
        """The folder's name: another recipe, seed or other code is another folder."""
        content = {"population": asdict(self), "levels": LEVELS, "level": LEVEL, "made by": made_by()}
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
        return f"{self.data}-{self.label}-{digest}"


def made(populations: Sequence[tuple[Population, int]], folder: Path, progress: Progress) -> list[Arrays]:
    """The networks of each (population, how many), from disk, or trained and stored as they come.

    Each chunk is trained by one thread, several side by side: no number depends on how many threads there are, on which
    chunks were there already, or on what else is asked for.
    """
    every = [_chunks(population, count, folder) for population, count in populations]
    missing = [chunk for chunks in every for chunk in chunks if not chunk.path.exists()]
    in_turns("Training", Chunk.make, missing, progress)
    return [_joined([chunk.read() for chunk in chunks]) for chunks in every]


@dataclass(frozen=True)
class Chunk:
    """Networks start … start + count − 1 of a population."""

    population: Population
    start: int
    count: int
    folder: Path

    @property
    def path(self) -> Path:
        """Where they are kept."""
        return self.folder / self.population.key / f"{self.start:05d}-{self.start + self.count:05d}.npz"

    def make(self) -> None:
        """Train, measure, store."""
        found = self.arrays()

        def write(place: Path) -> None:
            with place.open("wb") as file:
                np.savez_compressed(file, **found)  # type: ignore[arg-type]

        self.path.parent.mkdir(parents=True, exist_ok=True)
        written_whole(self.path, write)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays to store: seeds, history, and for each level its θ and the measures there."""
        what, data = self.population, data_of(self.population.data)
        seeds = [what.base + k for k in range(self.start, self.start + self.count)]
        label = f"{what.data}/{what.label}"  # networks of two data sets share no draws
        streams = [Stream(what.recipe, label, seed) for seed in seeds]
        found = histories(what.shape, data, what.recipe, streams)
        theta = finished(what.shape, data, torch.from_numpy(found["theta"]))
        stored = {"seed": np.array(seeds), "history": found["history"]}
        for level, place in zip(LEVELS, theta, strict=True):
            at_level = {"theta": place.numpy(), **measured(what.shape, data, place)}
            stored |= {f"{level}_{name}": values for name, values in at_level.items()}
        return stored

    def read(self) -> dict[str, np.ndarray]:
        """The stored arrays."""
        with np.load(self.path, allow_pickle=False) as found:
            return dict(found)


def _chunks(population: Population, count: int, folder: Path) -> list[Chunk]:
    return [Chunk(population, start, min(CHUNK, count - start), folder) for start in range(0, count, CHUNK)]


def _joined(parts: Sequence[Arrays]) -> Arrays:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

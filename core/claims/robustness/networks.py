"""The networks of a pass: trained, measured by the library's own readouts, kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ...checks import InputError
from ...curvature.dense import dense_matrix
from ...curvature.operators import curvature
from ..kept import kept_tables
from ..labelled.features import weight_row
from ..population import contrast_of, data_of
from ..population.features import LOWEST
from ..protocol import Progress, Table
from ..source import made_by
from .architectures import architecture_of
from .training import START, trained

BASE = 6_000_000  # network k of a pass has this seed + k: no other run's
CONTRASTS = ("same", "pretask", "lr", "adam")


@dataclass(frozen=True)
class PassPopulation:
    """Networks of some contrasts at one loss.

    level     nats; None: their losses are not matched
    networks  of each contrast, half of either history
    """

    architecture: str
    level: float | None
    networks: int
    contrasts: tuple[str, ...] = CONTRASTS

    def check(self) -> None:
        """Raise InputError where it cannot be."""
        architecture_of(self.architecture)
        if self.level is not None and not 0 < self.level < START:
            raise InputError(f"level should be between 0 and {START}, where histories end, but is {self.level}.")
        if self.networks < 24 or self.networks % 2:
            raise InputError(f"networks should be an even number, 24 or more, but is {self.networks}.")


def tables(population: PassPopulation, folder: Path, progress: Progress) -> dict[str, Table]:
    """Contrast → label (−1, +1), seed, theta, loss, spectrum, W, F, off-diagonal share, of the networks that reach the level."""
    population.check()
    here = Path(__file__).parent
    settings = {
        "architecture": population.architecture,
        "level": population.level,
        "networks": population.networks,
        "base": BASE,
        "made by": made_by(*(str(here / name) for name in ("architectures.py", "training.py", "networks.py"))),
    }
    units = [(population, contrast, side) for contrast in population.contrasts for side in (0, 1)]
    names = [f"{contrast}-{side}" for _, contrast, side in units]
    what = f"Robustness {population.architecture}"
    found = kept_tables(what, folder, settings, units, _side, progress, names)
    pairs = {contrast: slice(2 * k, 2 * k + 2) for k, contrast in enumerate(population.contrasts)}
    return {name: _usable({column: values[rows] for column, values in found.items()}) for name, rows in pairs.items()}


def _usable(both: Table) -> Table:
    """Both histories in one table, without the networks that did not reach the level."""
    joined = {name: values.reshape(-1, *values.shape[2:]) for name, values in both.items()}
    there = np.isfinite(joined["loss"])
    return {name: values[there] for name, values in joined.items()}


def _side(population: PassPopulation, contrast: str, side: int) -> dict[str, np.ndarray]:
    architecture, data = architecture_of(population.architecture), data_of("digits")
    count = population.networks // 2
    assert population.level is not None  # which these networks are brought to
    seeds: Sequence[int] = [BASE + k for k in range(count)]
    label = f"robustness/{architecture.name}/{contrast}-{side}"
    theta = trained(architecture, data, contrast_of(contrast).recipes[side], seeds, label, population.level)
    there = theta.isfinite().all(1)
    usable = torch.where(there[:, None], theta, torch.zeros((), dtype=theta.dtype))
    problems = [architecture.problem(each, data) for each in usable]
    matrices = [dense_matrix(curvature(problem, device="cpu")).double().numpy() for problem in problems]
    squares = [np.square(matrix).sum() for matrix in matrices]
    logits = architecture.logits(usable, data.held_out)
    table = {
        "theta": usable.numpy(),
        "spectrum": np.stack([np.linalg.eigvalsh(matrix) for matrix in matrices]),
        "diagonal": np.array([np.diag(matrix).max() for matrix in matrices]),
        "offdiagonal": np.array(
            [1 - np.square(np.diag(m)).sum() / max(s, 1e-300) for m, s in zip(matrices, squares, strict=True)]
        ),
        "W": np.stack([weight_row(problem.parameters) for problem in problems]),
        "F": logits.log_softmax(2).clamp(min=LOWEST).flatten(1).numpy(),
        "loss": torch.where(there, architecture.losses(usable, data), torch.nan).numpy(),
        "label": np.full(count, (-1, 1)[side]),
        "seed": np.array(seeds),
    }
    return table

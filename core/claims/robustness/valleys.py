"""Claim `valleys`' question of other networks: do confidence and sharpness go together over a terrain?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr, wilcoxon

from ...plane.plane import Plane
from ...survey.survey import survey
from ..kept import kept_tables
from ..population import data_of
from ..protocol import Progress, Table
from ..source import made_by
from ..statistics import bootstrap_interval
from ..valleys import EFFORT, POINTS, REACH, partial_rank_correlation
from .architectures import architecture_of
from .networks import BASE, PassPopulation

CONTRASTS = ("lr", "adam")
TERRAINS = 8


def findings(
    population: PassPopulation, numbers: Mapping[str, Table], draws: int, folder: Path, progress: Progress
) -> dict[str, Any]:
    """ρ of each terrain, given radius too, and of one terrain's confidence with another's λ_max; ρ among networks at equal loss."""
    units = [unit for name, table in numbers.items() for unit in _units(population, name, table)][:TERRAINS]
    settings = {
        "architecture": population.architecture,
        "level": population.level,
        "networks": population.networks,
        "base": BASE,
        "effort": asdict(EFFORT),
        "points": [POINTS, REACH],
        "made by": made_by(
            __file__, str(Path(__file__).parent / "training.py"), str(Path(__file__).parent / "architectures.py")
        ),
    }
    names = [f"{name}-{seed}-{side}" for _, name, side, _, seed in units]
    table = kept_tables("Robustness terrains", folder, settings, units, _terrain, progress, names)
    sure, sharp, radius = (table[name] for name in ("probability", "viscosity", "radius"))
    count = len(sure)
    raw = [spearmanr(sure[k], sharp[k]).statistic for k in range(count)]
    others = [spearmanr(sure[k], sharp[j]).statistic for k in range(count) for j in range(count) if j != k]
    return {
        "raw": _summary(raw),
        "given radius": _summary([partial_rank_correlation(sure[k], sharp[k], radius[k]) for k in range(count)]),
        "of another terrain": float(np.mean(others)),
    }


def _units(
    population: PassPopulation, name: str, table: Table
) -> list[tuple[PassPopulation, str, int, np.ndarray, int]]:
    """The first networks of either history."""
    each_side = TERRAINS // (2 * len(CONTRASTS))
    places = [(side, k) for side in (-1, 1) for k in np.flatnonzero(table["label"] == side)[:each_side]]
    return [(population, name, side, table["theta"][k], int(table["seed"][k])) for side, k in places]


def _terrain(population: PassPopulation, name: str, side: int, theta: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    problem = architecture_of(population.architecture).problem(torch.from_numpy(theta), data_of("digits"))
    span, names = ((-REACH, REACH), (-REACH, REACH)), ("probability", "viscosity")
    land = survey(problem, Plane.random(problem, seed=seed), (POINTS, POINTS), span=span, overlays=names, effort=EFFORT)
    alpha, beta = np.meshgrid(land["alpha"].values, land["beta"].values, indexing="ij")
    return {
        **{each: land[each].values.astype(float).ravel() for each in names},
        "radius": np.hypot(alpha, beta).ravel(),
    }


def _summary(values: list[float]) -> dict[str, Any]:
    found = np.asarray(values, dtype=float)
    mean = bootstrap_interval(lambda x: x.mean(-1), found, seed=0).as_list()
    return {"values": found.tolist(), "mean": mean, "p": float(wilcoxon(found).pvalue)}


def said(numbers: Mapping[str, Any]) -> str:
    """ρ, and what shape alone gives."""
    raw, given = numbers["raw"], numbers["given radius"]
    mean = raw["mean"]
    return (
        f"over {len(raw['values'])} terrains ρ of confidence with sharpness is {mean[0]:+.2f} ({mean[1]:+.2f} to {mean[2]:+.2f}, p {raw['p']:.2g}); with another terrain's "
        f"sharpness {numbers['of another terrain']:+.2f}; given the distance from the minimum {given['mean'][0]:+.2f} (p {given['p']:.2g})."
    )

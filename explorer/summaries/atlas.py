"""All overlays of one terrain beside one another: which there are, and how their ranks go together (Spearman 1904)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from lossnav.core import PROPERTIES
from scipy.stats import spearmanr

from ..figures.shared.picture import measured_mask, name_of
from ..figures.shared.scales import format_value

HEIGHT = "loss"
FEWEST = 8  # places that two readouts must have in common
STRONG, WEAK = 0.7, 0.3  # |ρ| from which ranks go together, and below which they do not
ONE = 0.9995  # reads as 1
MEANING = (
    "ρ is Spearman's rank correlation over the grid points where both were measured: 1 where one rises whenever the other does, −1 "
    "where it falls, 0 where neither says anything of the other. It sees the plane alone, and says nothing of causes; what follows "
    "from the loss by definition (perplexity is its exponential) has ρ = ±1. Neighbouring points are alike, so that no "
    "p-value is given."
)


@dataclass(frozen=True)
class Ranks:
    """Rank correlations of several readouts.

    variables  (k,) their names
    rho        (k, k) Spearman's ρ; NaN where one is constant, or too few places are shared
    places     (k, k) grid points that both were measured at
    """

    variables: tuple[str, ...]
    rho: np.ndarray
    places: np.ndarray


def atlas_readouts(land: xr.Dataset, drawn: Mapping[str, str] | None = None) -> list[str]:
    """The height, then of each property the readout in `drawn`, else its first one that is a number and varies."""
    readouts = [HEIGHT] if HEIGHT in land else []
    for owner in PROPERTIES:
        wanted = (drawn or {}).get(owner.name)
        names = [*([wanted] if wanted else []), *(r.variable for r in owner.readouts if not r.arrows)]
        name = next((n for n in names if n in land and _varies(land, n)), None)
        readouts += [name] if name is not None and name not in readouts else []
    return readouts


def _varies(land: xr.Dataset, name: str) -> bool:
    values = land[name].values[np.isfinite(land[name].values)]
    return "labels" not in land[name].attrs and bool(values.size) and bool(values.min() < values.max())


def rank_correlations(land: xr.Dataset, variables: Sequence[str]) -> Ranks:
    """Spearman's ρ of each pair, over the grid points that both were measured at; nothing interpolated counts.

    >>> axis = {"alpha": [0.0, 1.0, 2.0], "beta": [0.0, 1.0, 2.0]}
    >>> rising = np.arange(9.0).reshape(3, 3)
    >>> land = xr.Dataset({"loss": (("alpha", "beta"), rising), "falls": (("alpha", "beta"), np.exp(-rising))}, axis)
    >>> rank_correlations(land, ["loss", "falls"]).rho.tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    known = [_known(land, name) for name in variables]
    count = len(variables)
    rho, places = np.full((count, count), np.nan), np.zeros((count, count), int)
    for i in range(count):
        for j in range(i, count):
            both = np.isfinite(known[i]) & np.isfinite(known[j])
            places[i, j] = places[j, i] = both.sum()
            rho[i, j] = rho[j, i] = _rho(known[i][both], known[j][both])
    return Ranks(tuple(variables), rho, places)


def _known(land: xr.Dataset, name: str) -> np.ndarray:
    values, mask = land[name].values.astype(float), measured_mask(land, name)
    return np.where(land[mask].values, values, np.nan) if mask else values


def _rho(first: np.ndarray, second: np.ndarray) -> float:
    if first.size < FEWEST or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.clip(spearmanr(first, second).statistic, -1, 1))


def rank_sentences(land: xr.Dataset, ranks: Ranks, most: int = 4) -> list[str]:
    """The relations in words: those that order the plane alike, then the strongest, then those that go with no other."""
    names = [name_of(land, name) for name in ranks.variables]
    groups = _alike(ranks)
    said = [f"{_listed([names[k] for k in group])} order the plane alike: ρ = 1." for group in groups if len(group) > 1]
    firsts = [group[0] for group in groups]
    pairs = [(i, j) for i in firsts for j in firsts if i < j and abs(ranks.rho[i, j]) >= STRONG]
    for i, j in sorted(pairs, key=lambda pair: -abs(ranks.rho[pair]))[:most]:
        way = "rises" if ranks.rho[i, j] > 0 else "falls"
        said.append(
            f"{names[j]} {way} with {names[i]}: ρ = {format_value(ranks.rho[i, j], 2)}, {ranks.places[i, j]:,} points."
        )
    alone = [n for k, n in enumerate(names) if (others := _others(ranks, k)).size and np.abs(others).max() < WEAK]
    if alone:
        said.append(f"{_listed(alone)}: goes with no other (|ρ| below {WEAK:g}).")
    return said or [f"No two of them go together: every |ρ| is below {STRONG:g}."]


def _alike(ranks: Ranks) -> list[list[int]]:
    """The readouts in groups of which every member has ρ = 1 with the first."""
    groups: list[list[int]] = []
    for k in range(len(ranks.variables)):
        group = next((g for g in groups if ranks.rho[g[0], k] > ONE), None)
        if group is None:
            groups.append([k])
        else:
            group.append(k)
    return groups


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _others(ranks: Ranks, k: int) -> np.ndarray:
    others = np.delete(ranks.rho[k], k)
    return others[np.isfinite(others)]

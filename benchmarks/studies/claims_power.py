"""How often claim `memory`'s test finds what is planted, and what is not there: populations of synthetic features.

`python -m benchmarks.studies.claims_power [--populations 200] [--networks 100] [--draws 199]`. A population has features V and W of so
many networks, which share factors as spectra and weights do. Labels are drawn anew for each: at random ("shuffled"); functions of V
alone, a tenth turned; or planted into W so that the best possible rule is right with a stated probability. Counted are "beside
viscosity" by the rule's three conditions for one contrast, its p not corrected; and labels told (p ≤ 0.05) by V or by W alone, with
the claim's stratified folds and with folds by pairs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from lossnav.core.claims.labelled.paired import PairedTest
from lossnav.core.claims.memory import LEVEL, is_beside
from lossnav.core.claims.statistics import kernels_of
from lossnav.core.claims.told_apart import Test, labels_of_spectrum, planted
from scipy.stats import binomtest
from threadpoolctl import threadpool_limits

FACTORS, SPECTRUM, WEIGHTS, NOISE = 12, 60, 40, 0.5
SHUFFLED, OF_SPECTRUM = "shuffled", "functions of V"
EFFECTS = (0.60, 0.67, 0.75)
COLUMNS = ("beside V", "V, stratified", "V, by pairs", "W, stratified", "W, by pairs")


@dataclass(frozen=True)
class Row:
    """Of one kind of labels, how many populations of how many were found, by each test in COLUMNS; None: not asked."""

    labels: str
    populations: int
    hits: tuple[int | None, ...]

    def text(self) -> str:
        """A row of the table, each share with its 95 % Clopper–Pearson interval."""
        return f"| {self.labels} | {' | '.join(_share(count, self.populations) for count in self.hits)} |"


def _share(count: int | None, of: int) -> str:
    if count is None:
        return ""
    low, high = binomtest(count, of).proportion_ci(0.95)
    return f"{count / of:.3f} ({low:.3f}–{high:.3f})"


def population(networks: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """V (n, 60) and W (n, 40): linear in twelve shared factors, with noise."""
    generator = np.random.default_rng([20, seed])
    factors = generator.normal(size=(networks, FACTORS))
    made = [
        factors @ generator.normal(size=(FACTORS, width)) / FACTORS**0.5
        + NOISE * generator.normal(size=(networks, width))
        for width in (SPECTRUM, WEIGHTS)
    ]
    return made[0], made[1]


def labelled(kind: str, networks: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """V, W and ±1 labels of one population; `kind` "0.67": planted into W with that best possible accuracy."""
    spectrum, weights = population(networks, seed)
    generator = np.random.default_rng([21, seed])
    if kind == SHUFFLED:
        return spectrum, weights, generator.permutation(np.where(np.arange(networks) % 2, 1, -1))
    if kind == OF_SPECTRUM:
        return spectrum, weights, labels_of_spectrum(spectrum, generator)
    labels, moved = planted(weights, float(kind), generator)
    return spectrum, moved, labels


def found(kind: str, networks: int, draws: int, seed: int) -> tuple[bool | None, ...]:
    """What each test in COLUMNS says of one population."""
    spectrum, weights, labels = labelled(kind, networks, seed)
    v, w = kernels_of(spectrum), kernels_of(weights)
    test = Test(labels, v, draws, seed)
    gain = test.beside(w)
    ends = {"over": gain.over.as_list(), "bits": gain.bits.as_list()}
    told = {"V, stratified": test.p, "W, stratified": test.alone(w)[1]}
    if labels.sum() == 0:  # pairs are of as many networks of either side
        paired = PairedTest(labels, v, draws, seed)
        told |= {"V, by pairs": paired.p, "W, by pairs": paired.alone(w)[1]}
    hits: dict[str, bool | None] = {name: p <= LEVEL for name, p in told.items()}
    hits["beside V"] = is_beside(ends, gain.p)
    return tuple(hits.get(name) for name in COLUMNS)


def study(kinds: Sequence[str], populations: int, networks: int, draws: int) -> list[Row]:
    """One row for each kind of labels."""
    rows = []
    with threadpool_limits(1, "blas"):
        for kind in kinds:
            every = [found(kind, networks, draws, seed) for seed in range(populations)]
            columns = list(zip(*every, strict=True))
            hits = tuple(None if None in column else sum(map(bool, column)) for column in columns)
            rows.append(Row(kind, populations, hits))
            print(rows[-1].text(), flush=True)
    return rows


def main() -> None:
    """Print the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--populations", type=int, default=200)
    parser.add_argument("--networks", type=int, default=100)
    parser.add_argument("--draws", type=int, default=199)
    given = parser.parse_args()
    print(f"{given.populations} populations of {given.networks} networks, {given.draws} draws.\n")
    print(f"| labels | {' | '.join(COLUMNS)} |\n|{'---|' * (1 + len(COLUMNS))}")
    study((SHUFFLED, OF_SPECTRUM, *(f"{each:.2f}" for each in EFFECTS)), given.populations, given.networks, given.draws)


if __name__ == "__main__":
    main()

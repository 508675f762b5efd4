"""Two claims of the vocabulary about sparse data, as rank correlations (Spearman 1904) with permutation tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

LEVEL = 0.05
NEGLIGIBLE = 0.1  # a correlation closer to 0 than this is not worth naming
SLICE_NUMBERS = 4_000_000  # permuted ranks held at once
RULE = (
    f"supported: one-sided p ≤ {LEVEL} in the claimed direction; not supported: two-sided p ≤ {LEVEL} in the other "
    f"direction, or a 95 % interval inside ±{NEGLIGIBLE}; else undecided"
)


@dataclass(frozen=True)
class DensityClaim:
    """A claim about what goes with sparseness.

    name       the vocabulary's words
    variable   the number that density is correlated with, and what it is called
    sign       of the correlation with density that is claimed: +1 or −1
    low, high  what sparse examples then do where the number is lower, or higher, there
    """

    name: str
    variable: str
    called: str
    sign: int
    low: str
    high: str


DENSITY_CLAIMS = (
    DensityClaim(
        "coarse means weak gradient signal",
        "gradient_norm",
        "gradient norm",
        +1,
        "Sparse examples carry a weaker gradient",
        "Sparse examples carry a stronger gradient",
    ),
    DensityClaim(
        "high perplexity marks unmapped terrain",
        "perplexity",
        "perplexity",
        -1,
        "Sparse examples have lower perplexity",
        "Sparse examples have higher perplexity",
    ),
)


def evidence(
    claim: DensityClaim, density: np.ndarray, values: np.ndarray, permutations: int, seed: int
) -> dict[str, Any]:
    """The claim tested on the examples where both numbers are finite, ready for JSON.

    Parameters
    ----------
    density, values  (n,); only their ranks count
    permutations     B; a p-value is (1 + permutations at least as extreme) / (1 + B), so never 0 (Phipson & Smyth 2010)

    Returns
    -------
    name, variable, claimed, n, permutations, seed, rule, verdict, sentence
    statistic    Spearman's rank correlation of density with the number; None where either is constant
    interval     its 95 % interval by Fisher's z, with the standard error of Bonett & Wright 2000
    p_claimed    one-sided, in the claimed direction
    p_two_sided
    """
    kept = np.isfinite(density) & np.isfinite(values)
    x, y = density[kept], values[kept]
    about = {
        "name": claim.name,
        "variable": claim.variable,
        "claimed": "positive" if claim.sign > 0 else "negative",
        "n": len(x),
        "permutations": permutations,
        "seed": seed,
        "rule": RULE,
    }
    if len(x) < 4 or not np.ptp(x) or not np.ptp(y):
        return {**about, **_untestable(claim, len(x))}
    return {**about, **_result(claim, x, y, permutations, seed)}


def no_evidence(claim: DensityClaim, reason: str) -> dict[str, Any]:
    """The answer where the number does not exist."""
    sentence = f"“{claim.name[0].upper()}{claim.name[1:]}” cannot be tested here: {reason}."
    return {**_NOTHING, "name": claim.name, "variable": claim.variable, "n": 0, "rule": RULE, "sentence": sentence}


_NOTHING = {"statistic": None, "interval": None, "p_claimed": None, "p_two_sided": None, "verdict": "undecided"}


def _untestable(claim: DensityClaim, count: int) -> dict[str, Any]:
    why = (
        f"only {count} examples have both numbers" if count < 4 else f"density or {claim.called} is the same everywhere"
    )
    return {**_NOTHING, "sentence": f"Density and {claim.called} have no rank correlation here: {why}."}


def _result(claim: DensityClaim, x: np.ndarray, y: np.ndarray, permutations: int, seed: int) -> dict[str, Any]:
    from scipy.stats import spearmanr

    correlation = float(spearmanr(x, y).statistic)
    chance = permuted_correlations(x, y, permutations, seed)
    slack = 1e-12  # ties of the statistic with itself, up to rounding
    claimed = (1 + int((claim.sign * chance >= claim.sign * correlation - slack).sum())) / (1 + permutations)
    both = (1 + int((np.abs(chance) >= abs(correlation) - slack).sum())) / (1 + permutations)
    interval = _interval(correlation, len(x))
    verdict = _verdict(claim.sign * correlation, interval, claimed, both)
    return {
        "statistic": correlation,
        "interval": list(interval),
        "p_claimed": claimed,
        "p_two_sided": both,
        "verdict": verdict,
        "sentence": _sentence(claim, correlation, len(x), claimed, both, verdict),
    }


def permuted_correlations(x: np.ndarray, y: np.ndarray, permutations: int, seed: int) -> np.ndarray:
    """Spearman's correlation of `x` with `permutations` seeded shuffles of `y`, (permutations,)."""
    from scipy.stats import rankdata

    first, second = (_standard(rankdata(values)) for values in (x, y))
    generator, step = np.random.default_rng(seed), max(1, SLICE_NUMBERS // len(x))
    sizes = [min(step, permutations - start) for start in range(0, permutations, step)]
    pieces = [generator.permuted(np.tile(second, (size, 1)), axis=1) @ first for size in sizes]
    return np.concatenate([*pieces, np.empty(0)])


def _standard(ranks: np.ndarray) -> np.ndarray:
    centred = ranks - ranks.mean()
    return np.asarray(centred / np.linalg.norm(centred))


def _interval(correlation: float, count: int) -> tuple[float, float]:
    middle = np.arctanh(np.clip(correlation, -1 + 1e-12, 1 - 1e-12))
    reach = 1.959963984540054 * np.sqrt((1 + correlation**2 / 2) / (count - 3))
    return float(np.tanh(middle - reach)), float(np.tanh(middle + reach))


def _verdict(agreement: float, interval: tuple[float, float], claimed: float, both: float) -> str:
    if claimed <= LEVEL:
        return "supported"
    reverse = both <= LEVEL and agreement < 0
    return "not supported" if reverse or max(map(abs, interval)) < NEGLIGIBLE else "undecided"


def _sentence(claim: DensityClaim, correlation: float, count: int, claimed: float, both: float, verdict: str) -> str:
    p, kind = (claimed, "one-sided p") if verdict == "supported" else (both, "two-sided p")
    numbers = f"rank correlation {_signed(correlation)}, {kind} = {p:.2g}, n = {count:,}."
    if verdict == "supported":
        return f"{claim.low if claim.sign > 0 else claim.high}: {numbers}"
    if both <= LEVEL and claim.sign * correlation < 0:
        return f"{claim.high if claim.sign > 0 else claim.low}, the reverse of the claim: {numbers}"
    if verdict == "not supported":
        return f"Density and {claim.called} hardly go together: {numbers}"
    return f"Density and {claim.called} go together no more than chance would have it: {numbers}"


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")

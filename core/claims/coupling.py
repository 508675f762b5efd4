"""Claim 5: does coupling determine viscosity, through the eigenvalue spectrum?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import ortho_group, spearmanr, wasserstein_distance

from .panel import Panel, Series
from .population import CONTRASTS, LEVELS, REAL, SHAPE, Contrast, data_of, hessians, made
from .populations import joined, populations, usable
from .protocol import NOT_SUPPORTED, QUICK_SEED, SUPPORTED, UNDECIDED, Claim, Control, Findings, Numbers, Plan, Progress
from .statistics import Interval, bootstrap_interval
from .turns import in_turns

GAMMAS = (0.0, 0.25, 0.5, 0.75, 1.0)
MATRICES = 24  # networks whose whole matrix is worked on
ARRANGEMENTS = 8  # draws of each null for each network
ADDED, EXPLAINED, LOW, HIGH = 0.5, 0.5, 0.8, 1.25
QUICK = ("lr", "pretask")
EXACT = 1e-9
RULE = f"""(a) holds if the lower 95 % end of the median of 1 − λ(0)/λ(1) is > {ADDED}. (b) holds if R² of ln λ_max on logit coupling at equal loss has \
a lower 95 % end ≥ {EXPLAINED} in both arms, and fails if its upper end is < {EXPLAINED} in both. (c) fails if under at least one of the three arrangements that keep \
the amount of coupling the median λ_max/λ_max(H) is < {LOW} or > {HIGH}; else it holds. The claim "coupling determines viscosity" is supported only if (a), (b) and (c) hold; \
not supported if (b) and (c) fail; else undecided. A control that fails makes it undecided."""


class Coupling(Claim):
    """Coupling is the share of ‖H‖² off the diagonal; viscosity is λ_max."""

    name = "coupling"
    title = "Coupling determines viscosity, through the eigenvalue spectrum"
    hypothesis = (
        "Taken apart: (a) off-diagonal entries matter, λ_max(H) is far above λ_max(diag H); (b) across networks of equal loss the coupling readout, "
        "‖H − diag H‖²/‖H‖², predicts λ_max; (c) the amount of coupling sets it: whatever keeps the amount keeps λ_max. The vocabulary's formula is the off-diagonal "
        "matrix itself; with the diagonal that is H, and so read the claim is an identity. Only the scalar readout can be right or wrong."
    )
    population = (
        "The networks of claim `memory` on the digits: eleven real contrasts, both recipes, each arm by itself (loss 0.14 and 0.05). For (a) and (c) 24 "
        "networks of the late arm, spread evenly over the recipes."
    )
    measures = (
        "ln λ_max, the largest H_ii, the off-diagonal share of ‖H‖², in the parameters' own coordinates; λ(γ), the largest eigenvalue of diag H + γ (H − diag H). "
        "logit of the share is 2 ln κ + ln(P − 1), κ the library's coupling: with one P they are the same readout."
    )
    statistic = (
        "R² of the least-squares line of ln λ_max on logit share within an arm, all recipes together, class means kept; beside it on ln max H_ii, and on both. "
        "Median over networks of 1 − λ(0)/λ(1), and of λ_max/λ_max(H) under each null. 95 % bootstrap over networks, 2,000 draws."
    )
    null = (
        "Arrangements that keep the diagonal and the amount of coupling exactly: symmetric Gaussian entries of the same Frobenius norm; the entries permuted; their "
        "signs drawn at random. Rotations QᵀHQ keep the spectrum exactly and change coupling. All eight draws a network."
    )
    controls = (
        "The share under each arrangement is the network's own, to 1e-9; the spectrum under each rotation is, to 1e-9; the mean Σ(QᵀHQ)²_ii of the rotations is "
        "(2‖H‖² + tr²H)/(P + 2), Haar's, within 4 standard errors; losses equal to 1e-9."
    )
    size = "400 networks of each of eleven contrasts, 8,800 places in two arms; 24 matrices with 8 draws of each null; seeds 2,000,000 + k, those of claim `memory`."
    power = "R² over 4,400 networks has a 95 % half-width below 0.03; the medians of 24 networks did not overlap their bounds in the prototype."
    rule = RULE
    not_said = (
        "λ_max ≥ max H_ii is a theorem (Schur–Horn), so that 1 − λ(0)/λ(1) ≥ 0 is no finding. Arms are never pooled: over different losses coupling and λ_max can go the "
        "other way together (Simpson). One architecture, one data set, one choice of coordinates: under a rotation coupling is another number and viscosity is not."
    )
    departures = (
        "(b) is asked within each arm over all real recipes together; the design names R² within an arm and leaves open whether recipes are pooled.",
        "`initseed` is left out of (b): two initialisations are two clusters and no population.",
        "Not run: gradient descent and Adam in rotated parameters.",
        "The networks of claim 1 are not used for (b): their losses are not matched.",
    )
    full = Plan(400, ARRANGEMENTS, ("digits",))
    quick = Plan(100, ARRANGEMENTS, ("digits",), QUICK_SEED, quick=True)

    def contrasts(self, plan: Plan) -> list[Contrast]:
        """The pairs of recipes whose networks are used."""
        real = [each for each in CONTRASTS if each.kind == REAL and each.name != "initseed"]
        return [each for each in real if not plan.quick or each.name in QUICK]

    def collect(self, plan: Plan, folder: Path, progress: Progress) -> Numbers:
        which = [(data, each) for data in plan.data for each in self.contrasts(plan)]
        asked = [(p, plan.networks // 2) for data, each in which for p in populations(each, data, plan.base)]
        found = made(asked, folder, progress)
        return {f"{data}/{each.name}": joined(found[2 * k : 2 * k + 2]) for k, (data, each) in enumerate(which)}

    def analyse(self, plan: Plan, numbers: Numbers, progress: Progress) -> Findings:
        tables = [{name: values[usable(table)] for name, values in table.items()} for table in numbers.values()]
        arms = {arm: _regressions([{c: t[f"{arm}_{c}"] for c in COLUMNS} for t in tables]) for arm in LEVELS}
        chosen = _spread_out(list(numbers), tables)
        matrices = in_turns("Matrices", lambda each: _of_matrix(*each, plan.draws), list(enumerate(chosen)), progress)
        return {
            "arms": arms,
            "matrices": matrices,
            "medians": _medians(matrices),
            "loss_error": max(
                float(np.abs(t[f"{arm}_loss"] - level).max()) for t in tables for arm, level in LEVELS.items()
            ),
        }

    def check(self, findings: Findings) -> Sequence[Control]:
        return tuple(_controls(findings))

    def judge(self, findings: Findings) -> tuple[str, str]:
        held = parts(findings)
        if all(each is True for each in held.values()):
            verdict = SUPPORTED
        else:
            verdict = NOT_SUPPORTED if held["b"] is False and held["c"] is False else UNDECIDED
        return verdict, _sentence(findings)

    def figure(self, findings: Findings) -> tuple[Panel, ...]:
        return _sweep_panel(findings), _null_panel(findings), *_scatter_panels(findings)

    def recipes(self, plan: Plan) -> Mapping[str, Any]:
        return {
            f"{data}/{each.name}/{side}": asdict(each.recipes[side])
            for data in plan.data
            for each in self.contrasts(plan)
            for side in (0, 1)
        }


COLUMNS = ("spectrum", "offdiagonal", "diagonal")
SHOWN = 400  # points of a scatter plot


def _regressions(tables: Sequence[Mapping[str, np.ndarray]]) -> dict[str, Any]:
    """R² of ln λ_max on logit share, on ln max H_ii, on both; and the rank correlation within the arm."""
    share, diagonal, top = (
        np.concatenate([each(table) for table in tables])
        for each in (lambda t: t["offdiagonal"], lambda t: t["diagonal"], lambda t: t["spectrum"][:, -1])
    )
    logit, largest, sharp = np.log(share / (1 - share)), np.log(diagonal), np.log(top)
    columns = {"coupling": (logit,), "diagonal": (largest,), "both": (logit, largest)}
    found = {name: explained(sharp, *given).as_list() for name, given in columns.items()}
    step = max(1, len(sharp) // SHOWN)
    rank = float(spearmanr(logit, sharp).statistic)
    return {
        "r2": found,
        "spearman": rank,
        "networks": len(sharp),
        "shown": [logit[::step].tolist(), top[::step].tolist()],
    }


def explained(y: np.ndarray, *columns: np.ndarray) -> Interval:
    """R² of the least-squares plane, with its interval over rows.

    >>> x = np.arange(20.0)
    >>> round(explained(2 * x + 1, x).low, 9)
    1.0
    """

    def share(y: np.ndarray, *columns: np.ndarray) -> np.ndarray:
        centred = [each - each.mean(-1, keepdims=True) for each in (y, *columns)]
        rows = np.stack(centred[1:], -2)
        gram, crossed = rows @ rows.swapaxes(-1, -2), (rows * centred[0][..., None, :]).sum(-1)
        fitted = (crossed * np.linalg.solve(gram, crossed[..., None])[..., 0]).sum(-1)
        return np.asarray(fitted / np.square(centred[0]).sum(-1))

    return bootstrap_interval(share, y, *columns, seed=0)


Chosen = tuple[str, np.ndarray]


def _spread_out(names: Sequence[str], tables: Sequence[Mapping[str, np.ndarray]]) -> list[Chosen]:
    """(data, θ) of networks of the late arm, as many from each recipe as there are, up to one."""
    places = [
        (name.partition("/")[0], rows[k])
        for k in range(MATRICES)
        for name, table in zip(names, tables, strict=True)
        for rows in (table["late_theta"][table["label"] < 0], table["late_theta"][table["label"] > 0])
        if k < len(rows)
    ]
    return places[:MATRICES]


def _of_matrix(number: int, chosen: Chosen, draws: int) -> dict[str, Any]:
    """λ(γ), the nulls and the rotations of one network's Hessian."""
    data = data_of(chosen[0])
    matrix = hessians(SHAPE, torch.from_numpy(chosen[1])[None], data.inputs, data.targets)[0].numpy()
    diagonal = np.diag(np.diag(matrix))
    sweep = [np.linalg.eigvalsh(diagonal + gamma * (matrix - diagonal)) for gamma in GAMMAS]
    generator = np.random.default_rng([9, number])
    whole = sweep[-1]
    nulls = {name: _under(make, matrix, whole, draws, generator) for name, make in NULLS.items()}
    rotations = [_rotated(matrix, whole, generator) for _ in range(draws)]
    return {
        "sweep": [float(values[-1]) for values in sweep],
        "share": share_of(matrix),
        "nulls": nulls,
        "rotated_share": [each[0] for each in rotations],
        "rotated_spectrum_error": max(each[1] for each in rotations),
        "rotated_squares": [each[2] for each in rotations],
        "haar_squares": (2 * np.square(matrix).sum() + np.trace(matrix) ** 2) / (len(matrix) + 2),
    }


def share_of(matrix: np.ndarray) -> float:
    """‖H − diag H‖²/‖H‖².

    >>> share_of(np.ones((2, 2)))
    0.5
    """
    return float(1 - np.square(np.diag(matrix)).sum() / np.square(matrix).sum())


def gaussian_entries(matrix: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The same diagonal; symmetric Gaussian entries off it, of the same Frobenius norm."""
    return _with(matrix, lambda own: _as_long_as(own, generator.normal(size=own.shape)))


def permuted_entries(matrix: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The same diagonal; the entries off it in a random order."""
    return _with(matrix, generator.permutation)


def random_signs(matrix: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The same diagonal; the entries off it with random signs."""
    return _with(matrix, lambda own: np.abs(own) * generator.choice([-1.0, 1.0], own.shape))


NULLS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "Gaussian entries": gaussian_entries,
    "entries permuted": permuted_entries,
    "random signs": random_signs,
}


def _as_long_as(own: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    return np.asarray(drawn * (np.linalg.norm(own) / np.linalg.norm(drawn)))


def _with(matrix: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """A symmetric matrix with the entries above the diagonal changed."""
    upper = np.triu_indices(len(matrix), 1)
    found = np.zeros_like(matrix)
    found[upper] = change(matrix[upper])
    return np.asarray(found + found.T + np.diag(np.diag(matrix)))


def _under(
    make: Callable[[np.ndarray, np.random.Generator], np.ndarray],
    matrix: np.ndarray,
    whole: np.ndarray,
    draws: int,
    generator: np.random.Generator,
) -> dict[str, float]:
    """Means over draws: λ_max over the true one, how far the share is off, and how far the bulk moved."""
    drawn = [make(matrix, generator) for _ in range(draws)]
    spectra = [np.linalg.eigvalsh(each) for each in drawn]
    bulk = whole[:-10]
    return {
        "ratio": float(np.mean([values[-1] for values in spectra]) / whole[-1]),
        "share_error": max(abs(share_of(each) - share_of(matrix)) for each in drawn),
        "bulk": float(np.mean([wasserstein_distance(v[:-10], bulk) for v in spectra]) / np.abs(bulk).mean()),
    }


def _rotated(matrix: np.ndarray, whole: np.ndarray, generator: np.random.Generator) -> tuple[float, float, float]:
    """Coupling of QᵀHQ, how far its spectrum is off relative to λ_max, Σ of its squared diagonal."""
    Q = ortho_group.rvs(len(matrix), random_state=generator)
    turned = Q.T @ matrix @ Q
    error = np.abs(np.linalg.eigvalsh((turned + turned.T) / 2) - whole).max() / whole[-1]
    return share_of(turned), float(error), float(np.square(np.diag(turned)).sum())


def _median(values: Sequence[float]) -> list[float]:
    return bootstrap_interval(lambda x: np.median(x, -1), np.array(values), seed=0).as_list()


def _medians(matrices: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "added": _median([1 - m["sweep"][0] / m["sweep"][-1] for m in matrices]),
        "nulls": {name: _median([m["nulls"][name]["ratio"] for m in matrices]) for name in NULLS},
        "share": _median([m["share"] for m in matrices]),
        "rotated_share": _median([float(np.mean(m["rotated_share"])) for m in matrices]),
    }


def parts(findings: Findings) -> dict[str, bool | None]:
    """Whether (a), (b) and (c) hold; None: neither that nor the other can be said."""
    medians, r2 = findings["medians"], [arm["r2"]["coupling"] for arm in findings["arms"].values()]
    predicts = all(low >= EXPLAINED for _, low, _ in r2)
    fails = all(high < EXPLAINED for _, _, high in r2)
    kept = all(LOW <= ratio <= HIGH for ratio, _, _ in medians["nulls"].values())
    return {"a": medians["added"][1] > ADDED, "b": True if predicts else False if fails else None, "c": kept}


def _sentence(findings: Findings) -> str:
    medians, held = findings["medians"], parts(findings)
    r2 = ", ".join(f"{arm['r2']['coupling'][0]:.2f} ({name})" for name, arm in findings["arms"].items())
    ratios = ", ".join(f"{name} {value[0]:.2f}" for name, value in medians["nulls"].items())
    said = (
        f"Coupling carries {100 * medians['added'][0]:.0f} % of λ_max, and its amount explains R² = {r2} of ln λ_max at equal loss; "
        f"at the same amount, arranged otherwise, λ_max is ({ratios}) times what it was."
    )
    tail = " It carries most of λ_max, but its amount does not set it." if held["a"] and held["c"] is False else ""
    return said + tail


def _controls(findings: Findings) -> Iterator[Control]:
    matrices = findings["matrices"]
    share = max(m["nulls"][name]["share_error"] for m in matrices for name in NULLS)
    yield Control("amount kept", share < EXACT, f"coupling under the arrangements is off by {share:.1g} at most")
    error = max(m["rotated_spectrum_error"] for m in matrices)
    yield Control("spectrum kept", error < EXACT, f"eigenvalues under rotation are off by {error:.1g} of λ_max at most")
    ratios = np.array([np.array(m["rotated_squares"]) / m["haar_squares"] for m in matrices])
    mean, se = float(ratios.mean()), float(ratios.std(ddof=1) / np.sqrt(ratios.size))
    yield Control(
        "Haar", abs(mean - 1) <= 4 * se, f"squared diagonal under rotation is {mean:.4f} ± {se:.4f} of its mean"
    )
    yield Control("equal loss", findings["loss_error"] < EXACT, f"losses differ by {findings['loss_error']:.1g}")


def _sweep_panel(findings: Findings) -> Panel:
    curves = [[value / m["sweep"][-1] for value in m["sweep"]] for m in findings["matrices"]]
    each = [Series("a network", GAMMAS, curve, kind="line", faint=True) for curve in curves]
    middle = Series("median", GAMMAS, np.median(curves, 0).tolist(), kind="line")
    return Panel("What coupling adds", "γ: 0 diagonal alone, 1 the Hessian", "λ(γ)/λ(1)", (*each, middle))


def _null_panel(findings: Findings) -> Panel:
    found = findings["medians"]["nulls"]
    values = list(found.values())
    series = Series(
        "median",
        [v[0] for v in values],
        [float(k) for k in range(len(values))],
        [v[1] for v in values],
        [v[2] for v in values],
    )
    return Panel(
        "The same amount, arranged otherwise", "λ_max / λ_max(H)", "", (series,), tuple(found), upright=(LOW, 1.0, HIGH)
    )


def _scatter_panels(findings: Findings) -> Iterator[Panel]:
    for arm, found in findings["arms"].items():
        series = Series(arm, *found["shown"])
        title = f"Loss {LEVELS[arm]:g}: R² {found['r2']['coupling'][0]:.2f}"
        yield Panel(title, "logit of the off-diagonal share", "λ_max", (series,), logarithmic="y")

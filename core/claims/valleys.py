"""Claim 4: do outputs of high probability go with sharp, narrow valleys?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata, spearmanr, wilcoxon

from ..local.estimation import Estimation
from ..plane.plane import Plane
from ..problem.problem import Problem
from ..survey.survey import survey
from .kept import kept_tables
from .panel import Panel, Series
from .population import CONTRASTS, LEVELS, SHAPE, Contrast, contrast_of, data_of, hessians, made, outputs
from .populations import joined, populations, usable
from .protocol import NOT_SUPPORTED, QUICK_SEED, SUPPORTED, UNDECIDED, Claim, Control, Findings, Numbers, Plan, Progress
from .source import made_by
from .statistics import bootstrap_interval, p_value, permuted_labels

TERRAINS, QUICK_TERRAINS = 24, 6
OF = ("lr", "batch", "initscale_weak")  # contrasts whose networks' terrains are measured
POINTS, REACH = 11, 1.0
EXAMPLES = 64
NEGLIGIBLE, LEVEL, MOST = 0.1, 0.05, 0.75
EFFORT = Estimation(probes=4, steps=12, examples=None, coordinates="parameters")
RULE = f"""ρ is Spearman's correlation of confidence with λ_max. "High probability goes with sharp valleys" is supported if over terrains (i) the mean ρ is > 0 with a two-sided \
Wilcoxon p ≤ {LEVEL}, and ρ > 0 in at least {100 * MOST:.0f} % of the populations and arms of equal loss (ii); not supported if in (i) p ≤ {LEVEL} with a mean ρ < 0 (the reverse), or the 95 % interval of \
the mean lies inside ±{NEGLIGIBLE}; else undecided. A control that fails makes it undecided. Said beside it: whether the relation is more than distance from the minimum \
(ρ given radius, Wilcoxon p ≤ {LEVEL}), and what two bowls that have nothing to do with each other give."""


class Valleys(Claim):
    """Confidence is the mean largest probability at T = 1; sharpness is λ_max."""

    name = "valleys"
    title = "High probability goes with sharp, narrow valleys"
    hypothesis = (
        "Confidence and sharpness go together, ρ > 0. “High probability outputs” is read as (i) a place of a terrain with high mean confidence, (ii) a network with high mean confidence "
        "among networks of equal loss; (iii) one example's confidence is shown and not judged: for softmax its Gauss-Newton block is Jᵀ(diag p − ppᵀ)J, which confidence makes vanish, so that "
        "algebra expects the reverse."
    )
    population = (
        "(i) 24 networks of claim `memory` (recipes of lr, batch, initscale_weak, four each, digits, late arm), one random filter-normalised plane each, seed = the network's number, 11 × 11 points, ±1. (ii) "
        "Twelve contrasts of claim `memory` on the digits (the eleven real ones and `same`) in two arms, at equal loss. (iii) The first twelve networks of (i), 64 examples each."
    )
    measures = (
        "The library's survey: `probability` at T = 1, `viscosity` = λ_max in the parameters' own coordinates, `loss`; four probes and twelve Lanczos steps over all examples. (ii) λ_max of the whole Hessian and "
        "confidence over all training examples, class means removed. (iii) The largest eigenvalue of each example's own Hessian and its own confidence."
    )
    statistic = (
        "The unit is the terrain, not the point. Spearman's ρ for each terrain; mean with 95 % bootstrap over terrains, Wilcoxon's signed-rank test. ρ given radius and ρ given loss: correlation of ranks after "
        "a quadratic in the rank of the other. (ii) ρ for each population and arm, with 999 permutations."
    )
    null = "Signs of ρ over terrains are as likely either way. For one population: networks' confidences permuted. For shape alone: confidence of one terrain with λ_max of every other one."
    controls = "λ_max at the centres is the whole matrix's, to 1 %. Losses equal to 1e-9 in (ii)."
    size = "24 terrains; 400 networks of each of twelve contrasts; 999 permutations; seeds 2,000,000 + k, those of claim `memory`."
    power = "With a standard deviation of 0.15 between terrains a mean of about 0.09 is found by 24 of them with power 0.8 (normal approximation). A population of 400 finds ρ = 0.14 with power 0.8."
    rule = RULE
    not_said = (
        "Both readouts are bowls around the minimum, so that most of a raw ρ is the shape that any two bowls share: the cross ρ says how much. Confidence in wrong outputs counts as confidence: far from the "
        "minimum the network is sure and wrong. It depends on T, sharpness does not; T = 1. At equal loss confidences differ little."
    )
    departures = (
        "Eleven real contrasts and `same` in (ii); the mirrored pair has data of its own and is left out.",
        "Not run: toroidal shifts and variogram-matched surrogates for single terrains, which are no part of the rule.",
        "Ranks against radius are no exact quadratic: of two equal bowls with noise the partial ρ keeps about 0.15. A small ρ given radius is therefore no proof of more than distance.",
        "(iii) by each example's whole Hessian; its Gauss-Newton part is not taken by itself.",
    )
    full = Plan(400, 999, ("digits",))
    quick = Plan(100, 199, ("digits",), QUICK_SEED, quick=True)

    def contrasts(self, plan: Plan) -> list[Contrast]:
        """Those of (ii)."""
        return [each for each in CONTRASTS if each.data is None and (not plan.quick or each.name in OF)]

    def collect(self, plan: Plan, folder: Path, progress: Progress) -> Numbers:
        data, which = plan.data[0], self.contrasts(plan)
        asked = [(p, plan.networks // 2) for each in which for p in populations(each, data, plan.base)]
        found = made(asked, folder, progress)
        tables = {f"{data}/{each.name}": joined(found[2 * k : 2 * k + 2]) for k, each in enumerate(which)}
        count = QUICK_TERRAINS if plan.quick else TERRAINS
        each_side = count // (2 * len(OF))
        keys = [f"{name}-{side}-{k}" for name in OF for side in (-1, 1) for k in range(each_side)]
        units = [unit for name in OF for unit in _units(tables[f"{data}/{name}"], data, each_side)]
        settings = {
            "data": data,
            "populations": [p.key for name in OF for p in populations(contrast_of(name), data, plan.base)],
            "effort": asdict(EFFORT),
            "points": [POINTS, REACH],
            "made by": made_by(__file__),
        }
        terrains = kept_tables("Terrains", folder, settings, units, terrain, progress, keys)
        return {"terrains": terrains, **tables}

    def analyse(self, plan: Plan, numbers: Numbers, progress: Progress) -> Findings:
        terrains = numbers["terrains"]
        tables = {name: table for name, table in numbers.items() if name != "terrains"}
        return {
            "terrains": _terrains(terrains),
            "populations": [found for name, table in tables.items() for found in _population(name, table, plan.draws)],
            "examples": _examples(plan.data[0], terrains["theta"][:12]),
            "centre": float(np.abs(terrains["centre"] - 1).max()),
            "loss_error": max(_loss_error(table) for table in tables.values()),
        }

    def check(self, findings: Findings) -> Sequence[Control]:
        centre, error = findings["centre"], findings["loss_error"]
        return (
            Control("centre", centre < 0.01, f"λ_max at the centres is off by {100 * centre:.2g} % at most"),
            Control("equal loss", error < 1e-9, f"losses differ by {error:.1g}"),
        )

    def judge(self, findings: Findings) -> tuple[str, str]:
        (mean, low, high), p = findings["terrains"]["raw"]["mean"], findings["terrains"]["raw"]["p"]
        positive = float(np.mean([each["rho"] > 0 for each in findings["populations"]]))
        if mean > 0 and p <= LEVEL and positive >= MOST:
            verdict = SUPPORTED
        else:
            reverse = p <= LEVEL and mean < 0
            verdict = NOT_SUPPORTED if reverse or (low > -NEGLIGIBLE and high < NEGLIGIBLE) else UNDECIDED
        return verdict, _sentence(findings, positive)

    def figure(self, findings: Findings) -> tuple[Panel, ...]:
        return _rho_panel(findings), _population_panel(findings), _example_panel(findings), *_map_panels(findings)

    def recipes(self, plan: Plan) -> Mapping[str, Any]:
        return {f"{each.name}/{side}": asdict(each.recipes[side]) for each in self.contrasts(plan) for side in (0, 1)}


def _units(table: Mapping[str, np.ndarray], data: str, each_side: int) -> Iterator[tuple[str, np.ndarray, int]]:
    """(data, θ, seed) of the first networks of both recipes that reached every level."""
    there = usable(table)
    for side in (-1, 1):
        for k in np.flatnonzero(there & (table["label"] == side))[:each_side]:
            yield data, table["late_theta"][k], int(table["seed"][k])


def terrain(data_name: str, theta: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Confidence, λ_max and loss on a network's plane, (121,) each; `centre` λ_max there over the whole matrix's."""
    data = data_of(data_name)
    problem = Problem(SHAPE.module(torch.from_numpy(theta)), data.inputs, data.targets, loss="cross_entropy")
    span = ((-REACH, REACH), (-REACH, REACH))
    names = ("probability", "viscosity")
    land = survey(problem, Plane.random(problem, seed=seed), (POINTS, POINTS), span=span, overlays=names, effort=EFFORT)
    found = {name: land[name].values.astype(float).ravel() for name in ("probability", "viscosity", "loss")}
    alpha, beta = np.meshgrid(land["alpha"].values, land["beta"].values, indexing="ij")
    matrix = hessians(SHAPE, torch.from_numpy(theta)[None], data.inputs, data.targets)[0]
    whole = float(torch.linalg.eigvalsh(matrix)[-1])
    middle = POINTS * POINTS // 2
    return {
        **found,
        "radius": np.hypot(alpha, beta).ravel(),
        "centre": np.array(found["viscosity"][middle] / whole),
        "theta": theta,
        "seed": np.array(seed),
    }


def partial_rank_correlation(x: np.ndarray, y: np.ndarray, given: np.ndarray) -> float:
    """Correlation of the ranks of x and y after a quadratic in the rank of `given`.

    >>> r = np.linspace(0, 1, 50)
    >>> noise = np.random.default_rng(0).normal(size=(2, 50))
    >>> found = partial_rank_correlation(r**2 + 0.01 * noise[0], -(r**3) + 0.01 * noise[1], r)
    >>> abs(found) < 0.4, bool(abs(spearmanr(r**2, -(r**3)).statistic + 1) < 1e-9)
    (True, True)
    """
    ranks = [rankdata(each) for each in (x, y, given)]
    place = (ranks[2] - ranks[2].mean()) / np.ptp(ranks[2])
    design = np.stack([np.ones_like(place), place, place**2], 1)
    left = [each - design @ np.linalg.lstsq(design, each, rcond=None)[0] for each in ranks[:2]]
    return float(np.corrcoef(*left)[0, 1])


def _terrains(table: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """ρ of every terrain raw, given radius and given loss; of every pair of different ones; the first terrain itself."""
    sure, sharp, loss, radius = (table[name] for name in ("probability", "viscosity", "loss", "radius"))
    count = len(sure)
    raw = np.array([spearmanr(sure[k], sharp[k]).statistic for k in range(count)])
    others = np.array(
        [np.mean([spearmanr(sure[k], sharp[j]).statistic for j in range(count) if j != k]) for k in range(count)]
    )
    return {
        "raw": _summary(raw),
        "given radius": _summary([partial_rank_correlation(sure[k], sharp[k], radius[k]) for k in range(count)]),
        "given loss": _summary([partial_rank_correlation(sure[k], sharp[k], loss[k]) for k in range(count)]),
        "of another terrain": _summary(others),
        "own minus other": _summary(raw - others),
        "shown": [sure[0].tolist(), sharp[0].tolist(), radius[0].tolist()],
    }


def _summary(values: Sequence[float] | np.ndarray) -> dict[str, Any]:
    found = np.asarray(values, dtype=float)
    return {
        "values": found.tolist(),
        "mean": bootstrap_interval(lambda x: x.mean(-1), found, seed=0).as_list(),
        "p": float(wilcoxon(found).pvalue),
    }


def _population(name: str, table: Mapping[str, np.ndarray], draws: int) -> Iterator[dict[str, Any]]:
    """ρ of confidence and ln λ_max at equal loss, means of the two recipes removed, with a permutation p."""
    there = usable(table)
    labels = table["label"][there]
    for number, arm in enumerate(LEVELS):
        pair = table[f"{arm}_confidence"][there], np.log(table[f"{arm}_spectrum"][there][:, -1])
        sure, sharp = (rankdata(_without_means(values, labels)) for values in pair)
        drawn = permuted_labels(sharp, draws, np.random.default_rng([11, number]))
        columns = np.column_stack([sharp, drawn])
        found = np.corrcoef(sure, columns, rowvar=False)[0, 1:]
        yield {"name": name, "arm": arm, "rho": float(found[0]), "p": p_value(abs(found[0]), np.abs(found[1:]))}


def _without_means(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    means = {side: values[labels == side].mean() for side in (-1, 1)}
    return values - np.where(labels < 0, means[-1], means[1])


def _examples(data_name: str, thetas: np.ndarray) -> list[dict[str, Any]]:
    """(iii): each example's confidence and the largest eigenvalue of its own Hessian."""
    data, found = data_of(data_name), []
    for theta in thetas:
        weights = torch.from_numpy(theta)[None]
        sure = outputs(SHAPE, weights, data.inputs[:EXAMPLES])[0][0].softmax(1).max(1).values.numpy()
        rows = [slice(n, n + 1) for n in range(EXAMPLES)]
        sharp = [
            float(torch.linalg.eigvalsh(hessians(SHAPE, weights, data.inputs[r], data.targets[r])[0])[-1]) for r in rows
        ]
        found.append({"rho": float(spearmanr(sure, sharp).statistic), "confidence": sure.tolist(), "lambda_max": sharp})
    return found


def _loss_error(table: Mapping[str, np.ndarray]) -> float:
    there = usable(table)
    return max(float(np.abs(table[f"{arm}_loss"][there] - level).max()) for arm, level in LEVELS.items())


def _sentence(findings: Findings, positive: float) -> str:
    found = findings["terrains"]
    mean, p = found["raw"]["mean"], found["raw"]["p"]
    other, own, given = (found[name] for name in ("of another terrain", "own minus other", "given radius"))
    more = "is" if given["p"] <= LEVEL else "is not shown to be"
    single = np.mean([each["rho"] for each in findings["examples"]])
    return (
        f"Over {len(found['raw']['values'])} terrains ρ is {mean[0]:+.2f} ({mean[1]:+.2f} to {mean[2]:+.2f}, p = {p:.2g}); confidence of one terrain with the sharpness of another gives {other['mean'][0]:+.2f}, "
        f"so that {own['mean'][0]:+.2f} is the terrain's own. Given the distance from the minimum ρ is {given['mean'][0]:+.2f} (p = {given['p']:.2g}): the relation {more} more than distance. At equal loss ρ > 0 in "
        f"{100 * positive:.0f} % of {len(findings['populations'])} populations; of single examples ρ is {single:+.2f}."
    )


SHOWN = ("raw", "given radius", "given loss", "of another terrain")


def _rho_panel(findings: Findings) -> Panel:
    found = findings["terrains"]
    points = [
        Series("a terrain", found[name]["values"], [float(k)] * len(found[name]["values"]), faint=True)
        for k, name in enumerate(SHOWN)
    ]
    means = [found[name]["mean"] for name in SHOWN]
    middle = Series(
        "mean",
        [v[0] for v in means],
        [float(k) for k in range(len(SHOWN))],
        [v[1] for v in means],
        [v[2] for v in means],
    )
    words = tuple(f"p = {found[name]['p']:.2g}" for name in SHOWN)
    return Panel("Confidence and sharpness over terrains", "ρ", "", (*points, middle), SHOWN, words, (0.0,))


def _population_panel(findings: Findings) -> Panel:
    names = list(dict.fromkeys(each["name"] for each in findings["populations"]))
    series = []
    for number, arm in enumerate(LEVELS):
        own = [each for each in findings["populations"] if each["arm"] == arm]
        rows = [names.index(each["name"]) + 0.2 * (number - 0.5) for each in own]
        series.append(Series(f"loss {LEVELS[arm]:g}", [each["rho"] for each in own], rows))
    return Panel("Among networks of equal loss", "ρ", "", tuple(series), tuple(names), upright=(0.0,))


def _example_panel(findings: Findings) -> Panel:
    first = findings["examples"][0]
    series = Series("an example", first["confidence"], first["lambda_max"])
    return Panel(f"Examples of one network, ρ {first['rho']:+.2f}", "confidence", "λ_max of its own Hessian", (series,))


def _map_panels(findings: Findings) -> Iterator[Panel]:
    sure, sharp, radius = findings["terrains"]["shown"]
    for name, values in (("confidence", sure), ("λ_max", sharp)):
        yield Panel(f"One terrain: {name}", "distance from the minimum", name, (Series(name, radius, values),))

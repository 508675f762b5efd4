"""Claim 2, the framework's open experiment: can memory be told apart from viscosity in a frozen model?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import InputError
from .panel import Panel, Series
from .population import (
    CONTRASTS,
    LEVELS,
    NEGATIVE,
    POSITIVE,
    REAL,
    SHAPE,
    Contrast,
    contrast_of,
    data_of,
    made,
)
from .population.features import (
    function_features,
    largest_features,
    path_features,
    spectrum_features,
    weight_features,
)
from .populations import joined, populations, usable
from .protocol import (
    NOT_SUPPORTED,
    QUICK_SEED,
    SUPPORTED,
    UNDECIDED,
    Claim,
    Control,
    Findings,
    Numbers,
    Plan,
    Progress,
    Table,
)
from .statistics import bootstrap_interval, holm, kernels_of
from .told_apart import Gain, Test, labels_of_spectrum, planted, spectrum_kernels
from .turns import in_turns

BESIDE, INSIDE, SATURATED, NO_MARK, UNCLEAR = (
    "beside viscosity",
    "in viscosity only",
    "saturated",
    "no mark found",
    "unclear",
)
LEVEL = 0.05
FINGERPRINT = 0.95  # accuracy of V from which nothing can be asked beside it
FEWEST = 2  # contrasts that refute an "all" statement
ENOUGH_POWER = 0.8
EFFECTS = (0.60, 0.67, 0.75)  # best possible accuracy of what is planted
PATHS = (
    "lr",
    "batch",
    "adam",
    "momentum",
    "noise",
    "corrupt",
)  # recipes that change the length of the path or its steps
QUICK = ("same", "mirrored", "pretask", "adam")
REPLICATES, QUICK_REPLICATES = 40, 4
RULE = f"""A contrast is "{BESIDE}" if for X = W (weights) or F (function) the 95 % interval of accuracy(V + X) − max(accuracy(V), ½) \
lies above 0, that of the gain in bits lies above 0, and the conditional p, Holm-corrected over every (contrast, X) of the same data \
and arm, is ≤ {LEVEL}; where accuracy(V) ≥ {FINGERPRINT} it is "{SATURATED}"; "{INSIDE}" if V tells the label (Holm-corrected p ≤ {LEVEL}) \
and it is not beside; "{NO_MARK}" if none of V, W, F does; else "{UNCLEAR}". The claim "memory cannot be measured independently from \
viscosity in a frozen model" is not supported if at least {FEWEST} and the same real contrasts are beside viscosity in the late arm on \
every data set; supported if no real contrast is in the late arm on any data set while planted effects of gain 0.10 are found with power ≥ {ENOUGH_POWER}; \
else undecided. A control that fails makes it undecided."""


class Memory(Claim):
    """M is a label of history, V the whole spectrum, W and F what the frozen weights and the frozen function show besides."""

    name = "memory"
    title = "Memory cannot be told from viscosity in a frozen model"
    hypothesis = (
        "In a frozen, deployed model memory cannot be measured apart from viscosity: once the whole Hessian spectrum V at the weights "
        "is known, nothing else of the frozen model tells how it came to them. Read as: I(M; X | V) = 0 for every pair of histories M and "
        "for X the weights or the function. Beside it: is M in V at all, and does V vary at one and the same M?"
    )
    population = (
        "One-hidden-layer tanh networks, 16-12-10, 334 weights, cross-entropy on 256 examples with 16 features. Thirteen pairs of recipes "
        "(core/claims/population/recipes.py): two controls and eleven real histories. Each network has its own seed for weights and order. "
        "Phase 1 is the history, until the loss over all examples is 0.15; phase 2 is full-batch gradient descent, the same for all. Two "
        "arms: the loss exactly 0.14 (stop) and exactly 0.05 (late). Networks that do not get there are left out and counted."
    )
    measures = (
        "V: arcsinh(λ/1e-4) of all 334 eigenvalues of the Hessian of the mean loss over the whole training set, ln tr, ln λ_max, ln ‖H‖², "
        "ln −λ_min, flat share and index; and the 30 largest alone as a second kernel. W: 148 statistics of the weights that no order or "
        "sign of hidden units changes. F: log-probabilities on 200 held-out inputs, none below −12. T, an upper bound that no verdict "
        "rests on: steps, path length, displacement, tortuosity, initial norm, loss at twelve times."
    )
    statistic = (
        "Kernel ridge on ±1 labels, linear and Gaussian kernels, ridge 1e-3 … 10, both chosen by closed-form leave-one-out inside each "
        "training fold; ten stratified folds, twice. V + X has V's own kernels among its candidates. gain = accuracy(V + X) − accuracy(V), "
        "out of fold, paired by network, and in bits of calibrated probability; 95 % bootstrap over networks, 2,000 draws. "
        "Spread of viscosity at one history: 1 − η² of ln λ_max."
    )
    null = (
        "Of an accuracy: labels permuted, the whole selection repeated. Of a gain: labels drawn from the calibrated out-of-fold p(M | V) and "
        "everything repeated (conditional randomisation). p = (1 + b)/(1 + B)."
    )
    controls = (
        "same: two equal recipes, at chance everywhere (Holm), never beside. mirrored: an exact symmetry of the data takes one history to the "
        "other, so V and sorted W are at chance whatever the classifier, and F ≥ 0.9. Labels that are functions of V alone, a tenth turned, "
        "are beside viscosity at a rate ≤ 0.05 + 2 standard errors. T ≥ 0.9 where the recipe changes the path. Losses equal to 1e-9. No more "
        "than 1 % of the networks left out."
    )
    size = "400 networks a contrast, 999 draws, digits and a generated mixture; seeds 2,000,000 + k. Forty replicates of each control by simulation."
    power = (
        "Measured in the run: planted effects whose best possible accuracy is 0.60, 0.67 and 0.75, each found or not by the same rule at the "
        "strictest step of Holm (0.05/24). The least effect that a “no mark found” excludes is the one with power ≥ 0.8."
    )
    rule = RULE
    not_said = (
        "Small networks at one loss and one training set each. The whole spectrum is as many numbers as there are weights: at infinite precision it may name the "
        "network up to its symmetries, and nothing would be left beside it; what is found is relative to the number of networks, the learner "
        "and a resolution of 1e-4. Only the mirrored pair is free of that. No mark found is not no mark."
    )
    departures = (
        "Each network has a generator of its own; in the design the networks of a contrast shared one.",
        "Every phase 1 ends at the same loss, by bisection between two looks: first passage no longer overshoots more in noisy recipes.",
        "The design lists four outcomes and leaves a gap: W or F tells the label, V does not, and the conditional test does not reach its level. That is “unclear”.",
        "Holm's family holds the eleven real contrasts and “same”, twice (W, F); the mirrored pair is a family of its own, having data of its own.",
        "“At least two real contrasts on both data sets” is read as the same two on both.",
        "Quick runs have the seeds 1,000,000 + k. Two with 2,000,000 + k were begun while this was built, the first stopped before it gave a result; the random streams have been renamed since, so that no network of the confirmatory run has been seen.",
        "The quick size draws 199 times: with 99 and six tests no corrected p could be below 0.06.",
        "Sorted W, free of which class and which feature, serves the mirrored control alone; W itself knows classes, and so the mirrored order.",
        "The spectrum-only and planted controls are run at 199 draws and at the strictest Holm step by 999 draws of their own.",
        "Not run: intraclass correlation over 8 × 12 initialisations and orders; the spread 1 − η² is given for each contrast.",
    )
    full = Plan(400, 999, ("digits", "mixture"))
    quick = Plan(100, 199, ("digits",), QUICK_SEED, quick=True)

    def contrasts(self, plan: Plan) -> list[tuple[str, Contrast]]:
        """(data, contrast) of a run; the mirrored pair has its own data."""
        chosen = [each for each in CONTRASTS if not plan.quick or each.name in QUICK]
        found = [(data, each) for data in plan.data for each in chosen if each.data is None]
        return found + [(each.data, each) for each in chosen if each.data is not None]

    def collect(self, plan: Plan, folder: Path, progress: Progress) -> Numbers:
        which = self.contrasts(plan)
        asked = [
            (population, plan.networks // 2)
            for data, each in which
            for population in populations(each, data, plan.base)
        ]
        found = made(asked, folder, progress)
        return {f"{data}/{each.name}": joined(found[2 * k : 2 * k + 2]) for k, (data, each) in enumerate(which)}

    def analyse(self, plan: Plan, numbers: Numbers, progress: Progress) -> Findings:
        _enough_draws(plan, numbers)
        asked = [
            (name, table, arm, plan.draws, 1000 * k)
            for k, (name, table) in enumerate(numbers.items())
            for arm in LEVELS
        ]
        tests = in_turns("Testing", lambda each: _tested(*each), asked, progress)
        _correct(tests)
        replicates = QUICK_REPLICATES if plan.quick else REPLICATES
        same = numbers[f"{plan.data[0]}/same"]
        return {
            "tests": tests,
            "data": list(plan.data),
            "spectrum_only": _spectrum_only(same, replicates, progress),
            "planted": _planted(same, plan.draws, replicates, _largest_family(tests), progress),
            "left_out": max(float(1 - usable(table).mean()) for table in numbers.values()),
            "loss_error": max(_loss_error(table) for table in numbers.values()),
        }

    def check(self, findings: Findings) -> Sequence[Control]:
        return (*_controls_of_contrasts(findings), *_controls_by_simulation(findings))

    def judge(self, findings: Findings) -> tuple[str, str]:
        late = [t for t in findings["tests"] if t["arm"] == "late" and t["kind"] == REAL]
        beside = [
            {t["contrast"] for t in late if t["data"] == data and t["outcome"] == BESIDE} for data in findings["data"]
        ]
        everywhere, anywhere = sorted(set.intersection(*beside)), set.union(*beside)
        power = findings["planted"][0]["rate"]
        if len(everywhere) >= FEWEST:
            verdict = NOT_SUPPORTED
        else:
            verdict = SUPPORTED if not anywhere and power >= ENOUGH_POWER else UNDECIDED
        return verdict, _sentence(findings, late, everywhere, power)

    def figure(self, findings: Findings) -> tuple[Panel, ...]:
        arms = reversed(LEVELS)  # the late one first: the verdict rests on it
        return (*(panel for arm in arms for panel in _maps(findings, arm)), _spectra_panel(findings))

    def recipes(self, plan: Plan) -> Mapping[str, Any]:
        return {
            f"{data}/{each.name}/{side}": asdict(each.recipes[side])
            for data, each in self.contrasts(plan)
            for side in (0, 1)
        }


def _loss_error(table: Table) -> float:
    there = usable(table)
    return max(float(np.abs(table[f"{arm}_loss"][there] - level).max()) for arm, level in LEVELS.items())


def _tested(name: str, table: Table, arm: str, draws: int, seed: int) -> dict[str, Any]:
    """Everything about one contrast in one arm."""
    data, _, contrast = name.partition("/")
    there = usable(table)
    labels, theta, spectrum = table["label"][there], table[f"{arm}_theta"][there], table[f"{arm}_spectrum"][there]
    features = {
        "W": weight_features(SHAPE, theta),
        "F": function_features(SHAPE, data_of(data), theta),
        "sorted W": weight_features(SHAPE, theta, by_class=False),
        "T": path_features(table["history"][there]),
    }
    kernels = {kind: kernels_of(rows) for kind, rows in features.items()}
    test = Test(labels, spectrum_kernels(spectrum_features(spectrum), largest_features(spectrum)), draws, seed)
    alone = {kind: test.alone(kernels[kind]) for kind in kernels}
    return {
        "data": data,
        "contrast": contrast,
        "kind": contrast_of(contrast).kind,
        "arm": arm,
        "networks": len(labels),
        "accuracy": {"V": test.accuracy().as_list(), **{kind: found.as_list() for kind, (found, _) in alone.items()}},
        "p": {"V": test.p, **{kind: p for kind, (_, p) in alone.items()}},
        "gains": {kind: _as_json(test.beside(kernels[kind])) for kind in ("W", "F")},
        "spread": _spread(np.log(spectrum[:, -1]), labels),
        "lambda_max": [np.quantile(spectrum[labels == side, -1], QUANTILES).tolist() for side in (-1, 1)],
    }


QUANTILES = tuple(k / 20 for k in range(1, 20))


def _as_json(gain: Gain) -> dict[str, Any]:
    fields = {name: value.as_list() for name, value in vars(gain).items() if name != "p"}
    return {**fields, "p": gain.p}


def _spread(values: np.ndarray, labels: np.ndarray) -> list[float]:
    """1 − η²: the share of the variance that the label does not explain, with its interval."""

    def share(x: np.ndarray, side: np.ndarray) -> np.ndarray:
        within = np.zeros(x.shape[:-1])
        for which in (side > 0, side < 0):
            count = which.sum(-1)
            mean = np.where(which, x, 0).sum(-1) / count
            within = within + np.where(which, np.square(x - mean[..., None]), 0).sum(-1)
        return np.asarray(within / np.square(x - x.mean(-1, keepdims=True)).sum(-1))

    return bootstrap_interval(share, values, labels, seed=0).as_list()


def _families(tests: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Tests that are corrected together: of one data set and arm."""
    for key in dict.fromkeys((t["data"], t["arm"]) for t in tests):
        yield [t for t in tests if (t["data"], t["arm"]) == key]


def _enough_draws(plan: Plan, numbers: Numbers) -> None:
    """Raise InputError where even the least p-value, 1/(B + 1), would be above the level once it is corrected."""
    family = 3 * sum(name.startswith(f"{plan.data[0]}/") for name in numbers)
    fewest = math.ceil(family / LEVEL) - 1
    if plan.draws < fewest:
        raise InputError(
            f"With {family} tests corrected together, nothing could be found by fewer than {fewest} draws, but draws is {plan.draws}."
        )


def _largest_family(tests: Sequence[dict[str, Any]]) -> int:
    return max(map(len, _families(tests)))


def _correct(tests: Sequence[dict[str, Any]]) -> None:
    """Holm's correction within each family, then the outcome of each contrast."""
    for family in _families(tests):
        gains = [t["gains"][kind] for t in family for kind in ("W", "F")]
        for gain, p in zip(gains, holm([each["p"] for each in gains]), strict=True):
            gain["p_corrected"] = float(p)
        singles = [(t, kind) for t in family for kind in ("V", "W", "F")]
        for (t, kind), p in zip(singles, holm([t["p"][kind] for t, kind in singles]), strict=True):
            t.setdefault("p_corrected", {})[kind] = float(p)
    for t in tests:
        t["outcome"] = outcome(t)


def is_beside(gain: Mapping[str, Any], p: float, level: float = LEVEL) -> bool:
    """Whether all three conditions of the rule hold of a gain."""
    return bool(gain["over"][1] > 0 and gain["bits"][1] > 0 and p <= level)


def outcome(test: Mapping[str, Any]) -> str:
    """Where a contrast's mark is found."""
    if test["accuracy"]["V"][0] >= FINGERPRINT:
        return SATURATED
    if any(is_beside(gain, gain["p_corrected"]) for gain in test["gains"].values()):
        return BESIDE
    told = {kind: p <= LEVEL for kind, p in test["p_corrected"].items()}
    return INSIDE if told["V"] else UNCLEAR if any(told.values()) else NO_MARK


SIMULATED_DRAWS = 199


def _late(same: Table) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """V's features and kernels, and W, of the networks of two equal recipes."""
    there = usable(same)
    spectrum, theta = same["late_spectrum"][there], same["late_theta"][there]
    whole = spectrum_features(spectrum)
    return whole, spectrum_kernels(whole, largest_features(spectrum)), weight_features(SHAPE, theta)


def _spectrum_only(same: Table, replicates: int, progress: Progress) -> dict[str, Any]:
    """How often labels that are functions of V alone, and chance, are found beside V."""
    whole, kernels, weights = _late(same)
    second = kernels_of(weights)

    def found(k: int) -> bool:
        labels = labels_of_spectrum(whole, np.random.default_rng([7, k]))
        gain = _as_json(Test(labels, kernels, SIMULATED_DRAWS, k).beside(second))
        return is_beside(gain, gain["p"])

    hits = in_turns("Labels of the spectrum alone", found, range(replicates), progress)
    return {"rate": sum(hits) / replicates, "replicates": replicates}


def _planted(same: Table, draws: int, replicates: int, tests: int, progress: Progress) -> list[dict[str, Any]]:
    """How often an effect in W is found at the strictest step of Holm among as many contrasts as were tested, by its size."""
    _, kernels, weights = _late(same)

    def found(asked: tuple[int, float]) -> bool:
        labels, moved = planted(weights, asked[1], np.random.default_rng([8, asked[0]]))
        gain = _as_json(Test(labels, kernels, draws, asked[0]).beside(kernels_of(moved)))
        return is_beside(gain, gain["p"], LEVEL / (2 * tests))

    asked = list(enumerate(effect for effect in EFFECTS for _ in range(replicates)))
    hits = in_turns("Planted effects", found, asked, progress)
    rates = np.reshape(hits, (len(EFFECTS), replicates)).mean(1)
    return [
        {"best": effect, "rate": float(rate), "replicates": replicates}
        for effect, rate in zip(EFFECTS, rates, strict=True)
    ]


def _controls_of_contrasts(findings: Findings) -> Iterator[Control]:
    same = [t for t in findings["tests"] if t["kind"] == NEGATIVE]
    lowest = min(p for t in same for p in t["p_corrected"].values())
    quiet = lowest > LEVEL and all(t["outcome"] == NO_MARK for t in same)
    yield Control("same", quiet, f"two equal recipes: least corrected p {lowest:.2g}")
    turned = [t for t in findings["tests"] if t["kind"] == POSITIVE]
    chance = float(holm([t["p"][kind] for t in turned for kind in ("V", "sorted W")]).min())
    knows = min(t["accuracy"]["F"][0] for t in turned)
    said = f"V and sorted W: least corrected p {chance:.2g}; F is right in {knows:.2f}"
    yield Control("mirrored", chance > LEVEL and knows >= 0.9, said)
    paths = [t["accuracy"]["T"][0] for t in findings["tests"] if t["contrast"] in PATHS]
    least = min(paths, default=1.0)
    yield Control("path", least >= 0.9, f"where the recipe changes the path, T is right in {least:.2f} or more")


def _controls_by_simulation(findings: Findings) -> Iterator[Control]:
    rate, count = findings["spectrum_only"]["rate"], findings["spectrum_only"]["replicates"]
    bound = LEVEL + 2 * (LEVEL * (1 - LEVEL) / count) ** 0.5
    said = f"labels of the spectrum alone are found beside it in {rate:.2f} of {count}, where {bound:.2f} is the bound"
    yield Control("spectrum only", rate <= bound, said)
    yield Control("equal loss", findings["loss_error"] < 1e-9, f"losses differ by {findings['loss_error']:.1g}")
    yield Control(
        "left out", findings["left_out"] <= 0.01, f"{100 * findings['left_out']:.2g} % did not reach the losses"
    )


def _sentence(findings: Findings, late: Sequence[dict[str, Any]], everywhere: Sequence[str], power: float) -> str:
    names = list(dict.fromkeys(t["contrast"] for t in late))
    outcomes = {name: {t["outcome"] for t in late if t["contrast"] == name} for name in names}
    inside = [name for name in names if outcomes[name] == {INSIDE}]
    silent = [name for name in names if outcomes[name] == {NO_MARK}]
    on = " and ".join(findings["data"])
    listed = f" ({', '.join(everywhere)})" if everywhere else ""
    least = next((f"{each['best']:.2f}" for each in findings["planted"] if each["rate"] >= ENOUGH_POWER), None)
    excluded = (
        f"an effect of best accuracy {least} would have been found"
        if least
        else "no planted effect was found often enough to say what that excludes"
    )
    return (
        f"After a common finish {len(everywhere)} of {len(names)} histories are beside viscosity on {on}{listed}; in {len(inside)} "
        f"the spectrum was all there was; {len(silent)} left no mark that was found ({excluded}; power for a gain of 0.10: {power:.2f})."
    )


def _maps(findings: Findings, arm: str) -> Iterator[Panel]:
    """The map: contrasts as rows, accuracies with intervals, the outcome as a word."""
    for data in (*findings["data"], "mirrored"):
        tests = [t for t in findings["tests"] if t["arm"] == arm and t["data"] == data]
        rows = [float(k) for k in range(len(tests))]
        found = {"V": [t["accuracy"]["V"] for t in tests]}
        found |= {f"V + {kind}": [t["gains"][kind]["accuracy"] for t in tests] for kind in ("W", "F")}
        series = tuple(
            Series(
                name,
                [v[0] for v in values],
                [y + 0.22 * (k - 1) for y in rows],
                [v[1] for v in values],
                [v[2] for v in values],
            )
            for k, (name, values) in enumerate(found.items())
        )
        if tests:
            yield Panel(
                f"{data}, loss {LEVELS[arm]:g}",
                "accuracy of telling the history",
                "",
                series,
                tuple(t["contrast"] for t in tests),
                tuple(t["outcome"] for t in tests),
                (0.5,),
            )


def _spectra_panel(findings: Findings) -> Panel:
    """Quantiles of λ_max of both histories of the contrasts: shifted where the mark is in V, equal where symmetry says so."""
    shown = [t for t in findings["tests"] if t["arm"] == "late" and t["data"] in (findings["data"][0], "mirrored")]
    series = tuple(Series(t["contrast"], t["lambda_max"][0], t["lambda_max"][1], kind="line") for t in shown)
    return Panel("λ_max, quantile against quantile, late", "first history", "second history", series)

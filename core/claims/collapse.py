"""Claim 1: do the seven navigator properties collapse to three?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from ..local.estimation import Estimation
from ..plane.plane import Plane
from ..survey.survey import survey
from .forgetting import FACTORS, WIDTHS, Draw, trained
from .kept import kept_tables
from .panel import Panel, Series
from .protocol import NOT_SUPPORTED, QUICK_SEED, SUPPORTED, UNDECIDED, Claim, Control, Findings, Numbers, Plan, Progress
from .regression import MODELS, QUADRATIC, foretold, parallel_analysis, rank_normal, share_explained
from .source import made_by
from .statistics import bootstrap_interval, resamples

SEVEN = ("density", "coupling", "elasticity", "perplexity", "probability", "viscosity", "memory")
THREE = ("density", "coupling", "elasticity")
JUDGED = ("probability", "viscosity", "memory")  # perplexity is an identity
READINGS = {"divergence": "density", "coverage": "density_coverage"}
MEMORIES = ("memory", "tortuosity", "length")
MEASURED = ("density", "density_coverage", "perplexity", "probability", "coupling", "viscosity", "elasticity", "memory")
ENOUGH, TOO_LITTLE, SURE = 0.8, 0.5, 0.95
SHUFFLES = 199
RULE = f"""Perplexity = exp(divergence) is an identity and no finding: it is left out. The claim "seven collapse to three" is supported if, under both readings of density, the lower 95 % end of the cross-validated \
R² from density, coupling and elasticity is ≥ {ENOUGH} for probability, viscosity and memory, and the claimed triple has the largest mean R² of the 20 triples without perplexity in ≥ {100 * SURE:.0f} % of the \
bootstraps; not supported if under both readings the upper end is < {TOO_LITTLE} for at least one of the three, or the claimed triple's mean R² is below that of the triple that is best on these networks in ≥ {100 * SURE:.0f} % of the \
bootstraps; else undecided. A control that fails makes it undecided."""


class Collapse(Claim):
    """Readouts of the library at the trained point, across networks of many recipes."""

    name = "collapse"
    title = "Seven properties collapse to three"
    hypothesis = (
        "Across networks probability, viscosity and memory are functions of density, coupling and elasticity, and this triple is special among the triples: three numbers that foretell the rest can be found "
        "for many. The ranges of the recipes are part of the hypothesis, as elasticity holds λ, which is the designer's choice."
    )
    population = (
        "16-w-10 tanh networks, w = 6, 10, 16 in turn, on digits of 16 features. Independent draws for each: 60 … 512 examples and λ 0.01 … 30 (0 in 15 %) and weight decay 1e-5 … 1e-2 log-uniform; scale of "
        "initial weights 0.5 … 1.6, learning rate 0.04 … 0.2, 150 … 1,500 steps of phase 2 uniform. Phase 1: 200 steps on digits 0 to 4; there the anchor θ* and the true Fisher diagonal. Phase 2: all digits of the network's "
        "own examples with EWC's pull as a proximal step. Batch 32. A checkpoint every 25 steps. Losses are not matched."
    )
    measures = (
        "The library's survey at the trained point, nothing estimated (probes × steps ≥ P): density (divergence; and density_coverage), perplexity, probability, coupling κ, viscosity λ_max in the parameters' own "
        "coordinates, elasticity, memory (the share of the path within h). Beside memory: tortuosity and length of the path. All as rank-normal scores."
    )
    statistic = (
        "Five-fold cross-validated R² by ridge on quadratic features; beside it ridge, a Gaussian process, extra trees. 95 % bootstrap over networks of the out-of-fold predictions, 2,000 draws. Mean R² of the other three for all 20 triples "
        "without perplexity, redrawn together. Beside the verdict: best subset of 1 … 5, R² of each of the three from the other two, R² from the recipe's seven factors alone, and from the three with them."
    )
    null = "For the triple: none is special, so that its rank is uniform on 1 … 20. For dimensions: Horn's parallel analysis, columns shuffled 199 times, 95 %."
    controls = "Perplexity is exp(divergence) to 1e-9 for every network. λ_max has no standard error and is not below 0. Every readout is finite in 99 % of the networks; shuffled targets have a mean R² below 0.05."
    size = "300 networks, seeds 2,000,000 + k; digits."
    power = "The half-width of R² was about 0.13 with 132 networks where R² ≈ 0.4; 300 give about 0.09 (as 1/√n), enough for thresholds of 0.5 and 0.8."
    rule = RULE
    not_said = (
        "R² depends on the ranges drawn. A readout that the three do not foretell may be a function of them and of what was not drawn. If R² from the three with the recipe's factors is much above that of the three, "
        "the readout holds something that they do not. Small networks, one data set."
    )
    departures = (
        "`coupling` is κ and `memory` the share of the path within h at the point, as the library defines them now; when this was designed memory had no value at one point and ln tortuosity stood for it. Tortuosity and length are printed beside.",
        "Rank-normal scores make logarithms and logits before them of no effect; they are left out.",
        "“Supported” is asked under both readings of density, as “not supported” is.",
        "“Below the best one's” is against the triple that is best on the same networks, which favours that one; a claimed triple that is first is never below.",
        "Networks are trained one after the other, having examples and steps of their own.",
    )
    full = Plan(300, SHUFFLES, ("digits",))
    quick = Plan(60, SHUFFLES, ("digits",), QUICK_SEED, quick=True)
    choices = ("digits",)
    fewest, step = 30, 1

    def collect(self, plan: Plan, folder: Path, progress: Progress) -> Numbers:
        draws = [Draw.of(plan.base + k, k) for k in range(plan.networks)]
        settings = {"widths": WIDTHS, "made by": made_by(__file__, str(Path(__file__).with_name("forgetting.py")))}
        names = [f"{draw.seed}-{draw.width}" for draw in draws]
        found = kept_tables("Two tasks", folder, settings, [(draw,) for draw in draws], readouts, progress, names)
        seeds = np.array([draw.seed for draw in draws])
        return {"networks": {"seed": seeds, **{n: v for n, v in found.items() if n != "factors"}, **_columns(found)}}

    def analyse(self, plan: Plan, numbers: Numbers, progress: Progress) -> Findings:
        table = numbers["networks"]
        there = np.all([np.isfinite(table[name]) for name in (*MEASURED, *MEMORIES)], axis=0)
        kept = {name: values[there] for name, values in table.items()}
        findings: Findings = {
            "networks": int(there.sum()),
            "left_out": float(1 - there.mean()),
            "identity_error": float(np.abs(np.log(kept["perplexity"]) - kept["density"]).max()),
            "least_viscosity": float(kept["viscosity"].min()),
            "estimated": float(np.nanmax(np.abs(kept["viscosity_se"]))),
            "readings": {},
        }
        for k, (reading, column) in enumerate(READINGS.items()):
            progress("Regressions", k, len(READINGS) + 1)
            scores = {name: rank_normal(kept[column if name == "density" else name]) for name in SEVEN}
            findings["readings"][reading] = _reading(scores)
        progress("Regressions", len(READINGS), len(READINGS) + 1)
        return {**findings, **_beside(kept, plan.draws)}

    def check(self, findings: Findings) -> Sequence[Control]:
        identity, least, out = (findings[name] for name in ("identity_error", "least_viscosity", "left_out"))
        se, shuffled = findings["estimated"], findings["shuffled"]
        return (
            Control(
                "identity",
                identity < 1e-9,
                f"ln perplexity and divergence differ by {identity:.1g}: an identity, not a finding",
            ),
            Control(
                "nothing estimated",
                se < 1e-6 and least >= 0,
                f"λ_max has standard errors up to {se:.1g}, and is {least:.2g} at least",
            ),
            Control("left out", out <= 0.01, f"{100 * out:.2g} % of the networks have a readout that is not finite"),
            Control("shuffled", shuffled < 0.05, f"shuffled targets have a mean R² of {shuffled:.2f}"),
        )

    def judge(self, findings: Findings) -> tuple[str, str]:
        readings = list(findings["readings"].values())
        if all(holds(each) for each in readings):
            return SUPPORTED, _sentence(findings)
        return (NOT_SUPPORTED if all(fails(each) for each in readings) else UNDECIDED), _sentence(findings)

    def figure(self, findings: Findings) -> tuple[Panel, ...]:
        return (
            *(_triples_panel(name, each) for name, each in findings["readings"].items()),
            *_prediction_panels(findings),
            _scree_panel(findings),
        )

    def recipes(self, plan: Plan) -> Mapping[str, Any]:
        return {str(plan.base + k): asdict(Draw.of(plan.base + k, k)) for k in range(plan.networks)}


def readouts(draw: Draw) -> dict[str, np.ndarray]:
    """Every readout of one network at its trained point, its path's scalars and its recipe."""
    problem = trained(draw)
    steps = math.ceil(problem.parameter_count / 8)
    effort = Estimation(probes=8, steps=steps, examples=None, coordinates="parameters")
    names = [name for name in MEASURED if name != "density_coverage"]
    land = survey(
        problem, Plane.random(problem, seed=draw.seed), (1, 1), overlays=(*names, "density_coverage"), effort=effort
    )
    found = {name: np.array(land[name].item()) for name in MEASURED}
    assert problem.trajectory is not None
    length, away = problem.trajectory.length, problem.trajectory.displacement
    se = land["viscosity_se"].item() if "viscosity_se" in land else 0.0
    return {
        **found,
        "viscosity_se": np.array(se),
        "length": np.array(length),
        "tortuosity": np.array(length / away),
        "factors": draw.factors,
    }


def _columns(found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The recipe's factors, one column each."""
    return {f"factor_{name}": found["factors"][:, k] for k, name in enumerate(FACTORS)}


Scores = Mapping[str, np.ndarray]


def _from(scores: Scores, known: Sequence[str], target: str, model: str = QUADRATIC) -> np.ndarray:
    return foretold(np.stack([scores[name] for name in known], 1), scores[target], model)


def _r2(target: np.ndarray, found: np.ndarray) -> list[float]:
    return bootstrap_interval(share_explained, target, found, seed=0).as_list()


def _reading(scores: Scores) -> dict[str, Any]:
    """Everything about the triple under one reading of density."""
    models = {
        model: {name: _r2(scores[name], _from(scores, THREE, name, model)) for name in (*JUDGED, "perplexity")}
        for model in MODELS
    }
    triples = _triples(scores)
    return {
        "models": models,
        **triples,
        "independent": {
            name: _r2(scores[name], _from(scores, [o for o in THREE if o != name], name)) for name in THREE
        },
        "shown": {name: [scores[name].tolist(), _from(scores, THREE, name).tolist()] for name in JUDGED},
    }


def _triples(scores: Scores) -> dict[str, Any]:
    """Mean R² of the three others for each triple of the six, redrawn together."""
    six = [name for name in SEVEN if name != "perplexity"]
    every = list(combinations(six, 3))
    taken = resamples(len(scores["memory"]), seed=0)
    drawn, means = [], []
    for triple in every:
        rest = [name for name in six if name not in triple]
        pairs = [(scores[name], _from(scores, triple, name)) for name in rest]
        means.append(float(np.mean([share_explained(*pair) for pair in pairs])))
        drawn.append(np.mean([share_explained(y[taken], p[taken]) for y, p in pairs], 0))
    claimed, best = every.index(THREE), int(np.argmax(means))
    table = np.array(drawn)
    return {
        "triples": {" ".join(triple): mean for triple, mean in zip(every, means, strict=True)},
        "rank": 1 + int((np.array(means) > means[claimed]).sum()),
        "first": float((table.argmax(0) == claimed).mean()),
        "below": float((table[claimed] < table[best]).mean()),
    }


def _beside(kept: Mapping[str, np.ndarray], draws: int) -> dict[str, Any]:
    """What stands beside the verdict: other memories, the recipe, best subsets, dimensions, shuffled targets."""
    scores = {name: rank_normal(kept[name]) for name in {*SEVEN, *MEMORIES}}
    factors = {f"factor_{name}": kept[f"factor_{name}"] for name in FACTORS}
    both, recipe = {**scores, **factors}, tuple(factors)
    eigenvalues, chance = parallel_analysis(np.stack([scores[name] for name in SEVEN], 1), draws)
    generator = np.random.default_rng(12)
    shuffled = [
        share_explained(y, foretold(np.stack([scores[n] for n in THREE], 1), y))
        for y in (generator.permutation(scores["memory"]) for _ in range(5))
    ]
    return {
        "memories": {name: _r2(scores[name], _from(scores, THREE, name)) for name in MEMORIES},
        "recipe": {name: _r2(both[name], _from(both, recipe, name)) for name in JUDGED},
        "three and recipe": {name: _r2(both[name], _from(both, (*THREE, *recipe), name)) for name in JUDGED},
        "best subsets": _best_subsets(scores),
        "scree": [eigenvalues.tolist(), chance.tolist()],
        "shuffled": float(np.mean(shuffled)),
    }


def _best_subsets(scores: Scores) -> list[dict[str, Any]]:
    """Of each size the subset of the six without perplexity whose mean R² of the rest is largest."""
    six = [name for name in SEVEN if name != "perplexity"]
    found = []
    for size in range(1, 6):
        means = {
            subset: float(
                np.mean([share_explained(scores[n], _from(scores, subset, n)) for n in six if n not in subset])
            )
            for subset in combinations(six, size)
        }
        best = max(means, key=means.__getitem__)
        found.append({"subset": list(best), "r2": means[best]})
    return found


def holds(reading: Mapping[str, Any]) -> bool:
    """Whether one reading supports the claim."""
    found = reading["models"][QUADRATIC]
    return all(found[name][1] >= ENOUGH for name in JUDGED) and reading["first"] >= SURE


def fails(reading: Mapping[str, Any]) -> bool:
    """Whether one reading speaks against it."""
    found = reading["models"][QUADRATIC]
    return any(found[name][2] < TOO_LITTLE for name in JUDGED) or reading["below"] >= SURE


def _sentence(findings: Findings) -> str:
    said = []
    for name, reading in findings["readings"].items():
        found = reading["models"][QUADRATIC]
        r2 = ", ".join(f"{each} {found[each][0]:.2f} ({found[each][1]:.2f} to {found[each][2]:.2f})" for each in JUDGED)
        said.append(
            f"With density as {name}: R² {r2}; the triple is number {reading['rank']} of 20, first in {100 * reading['first']:.0f} % of the bootstraps."
        )
    return " ".join(said) + " Perplexity = exp(divergence) is an identity, not a finding."


def _triples_panel(name: str, reading: Mapping[str, Any]) -> Panel:
    order = sorted(reading["triples"], key=lambda each: -reading["triples"][each])
    claimed = " ".join(THREE)
    series = tuple(
        Series(
            label,
            [reading["triples"][each] for each in order if (each == claimed) == own],
            [float(order.index(each)) for each in order if (each == claimed) == own],
            kind="bars",
        )
        for label, own in (("other triples", False), ("the claimed one", True))
    )
    return Panel(f"Density as {name}", "mean R² of the other three", "", series, tuple(order))


def _prediction_panels(findings: Findings) -> Iterator[Panel]:
    reading = findings["readings"]["divergence"]
    for name, (seen, found) in reading["shown"].items():
        series = Series("a network", found, seen)
        yield Panel(
            f"{name}: R² {reading['models'][QUADRATIC][name][0]:.2f}",
            "foretold by the three",
            "observed, normal score",
            (series,),
        )


def _scree_panel(findings: Findings) -> Panel:
    found, chance = findings["scree"]
    places = [float(k) for k in range(1, len(found) + 1)]
    series = (Series("the seven", places, found, kind="line"), Series("shuffled, 95 %", places, chance, kind="line"))
    return Panel("Dimensions", "component", "eigenvalue of the correlations", series)

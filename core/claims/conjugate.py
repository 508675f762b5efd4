"""Claim 3: are navigator and terrain conjugate, so that precision in one costs precision in the other?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.interpolate import CubicSpline

from ..local.estimation import Estimation
from ..plane.plane import Plane
from ..problem.problem import Problem
from ..survey.survey import survey
from .kept import kept_tables
from .panel import Panel, Series
from .population import SHAPE, Population, contrast_of, data_of, hessians, made, outputs
from .protocol import NOT_SUPPORTED, QUICK_SEED, SUPPORTED, UNDECIDED, Claim, Control, Findings, Numbers, Plan, Progress
from .source import made_by
from .statistics import bootstrap_interval

GRIDS = (3, 5, 9, 17, 33)  # places at which something is measured
PLACES = 129  # of the reference, four times finer than the finest grid
BUDGETS = (130, 520, 2_080, 8_320, 33_280)  # gradients
SPANS = {"smooth": 1.0, "rough": 3.0}  # half lengths of the line, in filter-normalised units
STEPS = tuple(2.0**-k for k in range(8))  # h of second differences
EXAMPLES = 32  # of a loss with noise
FLOOR, FALLS = -0.05, -0.25
ROUNDING = 1e-9
PROBES = 400  # actual ones, against which the variances are checked
PAIRS = {  # what is interpolated | what is estimated: (field, field whose error falls as 1/√k)
    "loss | trace": ("loss", "trace"),
    "trace | loss": ("trace", "loss"),
    "loss | loss": ("loss", "loss"),
    "trace | norm": ("trace", "norm"),
}
MIXED, OWN = ("loss | trace", "trace | loss"), ("loss | loss", "trace | norm")
RULE = f"""A: slope of ln(least product of the two errors over all splits of the budget) on ln budget, mean over networks, for terrain × navigator. B: the \
difference between terrain × navigator and the mean of terrain × terrain and navigator × navigator, paired by network, of that slope and of the correlation of ln E_A with \
ln E_B along the split; in the claimed direction if the 95 % interval of the slope's lies above 0 or that of the correlation's below 0. C: readouts measured alone, first, last and \
together are equal bit for bit. Structurally conjugate is supported if A's upper 95 % end is > {FLOOR} and B is in the claimed direction; not supported if A's upper end is < {FALLS}, B is \
not in the claimed direction, and C is exact; else undecided. A control that fails makes it undecided. Stated always beside it: at a fixed budget there is a trade-off, as between \
any two things paid from one purse."""


class Conjugate(Claim):
    """Errors of two quantities that share a budget."""

    name = "conjugate"
    title = "Navigator and terrain are conjugate: precision of one degrades the other"
    hypothesis = (
        "Structurally, not by cost: (A) the least product of the two errors has a floor that no budget lowers; (B) terrain × navigator trades off more than terrain × terrain and "
        "navigator × navigator do under the same rules; (C) measuring one changes the other."
    )
    population = (
        "Twelve networks of claim `memory` (recipe of `same`, digits, late arm); one random filter-normalised line each, seed = the network's number, from −1 to 1; beside the verdict, "
        "the same from −3 to 3."
    )
    measures = (
        "At 129 places of the line: the loss, tr H, ‖H‖_F², by the whole Hessian, and the exact variance of each one's unbiased estimate from k draws: of the loss from k examples drawn with "
        "replacement, Var ℓ/k; of tr H from k Rademacher probes, 2‖off H‖²/k; of ‖H‖_F² from k, 2‖off H²‖²/k."
    )
    statistic = (
        "A budget of B gradients is m places times k = ⌊B/2m⌋ products. E_A: root mean square error on the 129 places of a cubic spline through m exact values. E_B: root mean "
        "square error of the estimate at the m places. Each over the field's own standard deviation along the line. Slope of ln min_m E_A E_B on ln B; correlation of ln E_A with ln E_B over m; "
        "95 % bootstrap over networks, 2,000 draws."
    )
    null = "That of a purse: with E_A ∝ m^−a and E_B ∝ k^−½ any pair trades off at a fixed budget, and the least product falls with the budget."
    controls = (
        "Seen at half of the reference's places the finest grid's error changes by less than a quarter. 400 actual probes a network have the variance that is used, "
        "to 20 %, and the mean. No parameter of a network changes by a bit while it is measured."
    )
    size = "Twelve networks, five budgets, five grids; seeds 2,000,000 + k, those of claim `memory`."
    power = "Variances are exact, so that nothing but networks varies. In a trial of four (seeds 1,000,000 + k) the difference of correlations had a half-width of 0.005, of the slope's none."
    rule = RULE
    not_said = (
        "That there is no trade-off: at a fixed budget there is one, as between any two things paid from one purse. Second differences of noisy losses have an uncertainty relation, sd ∝ h⁻², of "
        "that estimator; common examples or automatic differentiation at the same cost escape it (the figure's last panel). One architecture, one kind of line."
    )
    departures = (
        "The guard against rounding, the control of the reference and the control of the estimates were written after a first small run had been seen.",
        "Exact variances in place of four repeats: E_B has no noise of its own.",
        "A is arithmetic and no finding: of unbiased estimates at exact places the error at fixed m falls as B^−½ for every pair (whole probes make it −0.55), so that there can be no floor and "
        "“supported” cannot come out. That such estimates exist is what speaks against the structural reading; the run checks that they are what they are said to be (control “estimates”). What is open is B.",
        "B by the slope is equal to rounding for the same reason; what is within 1e-9 of 0 counts as 0. B by correlation compares numbers near −1: a difference that excludes 0 may still be small, and is printed.",
        "Grids up to 33 places on a reference of 129: 65 on 65 has no error by construction.",
        "Two figures of B, slope and correlation: either of them in the claimed direction counts for the claim.",
        "The loss is estimated from examples drawn with replacement; without, 256 of them would have no error.",
    )
    full = Plan(12, 0, ("digits",))
    quick = Plan(4, 0, ("digits",), QUICK_SEED, quick=True)
    fewest, step = 3, 1

    def collect(self, plan: Plan, folder: Path, progress: Progress) -> Numbers:
        data = plan.data[0]
        population = Population("same-0", data, contrast_of("same").recipes[0], plan.base)
        (found,) = made([(population, plan.networks)], folder, progress)
        settings = {
            "population": population.key,
            "places": PLACES,
            "spans": SPANS,
            "steps": STEPS,
            "made by": made_by(__file__),
        }
        units = [(data, found["late_theta"][k], int(found["seed"][k])) for k in range(plan.networks)]
        names = [str(unit[2]) for unit in units]
        return {data: {"seed": found["seed"], **kept_tables("Lines", folder, settings, units, fields, progress, names)}}

    def analyse(self, plan: Plan, numbers: Numbers, progress: Progress) -> Findings:
        table = numbers[plan.data[0]]
        return {
            "spans": {span: _compared(table, span) for span in SPANS},
            "pareto": {pair: _fronts(table, "smooth", pair) for pair in PAIRS},
            "exact": bool(table["exact"].all()),
            "untouched": bool(table["untouched"].all()),
            "probe_error": float(np.sqrt(np.square(table["probe_error"]).mean())),
            "probe_variance": float(table["probe_variance"].mean()),
            "reference": float(np.max(table["reference_error"])),
            "differences": {kind: np.median(table[f"sd_{kind}"], 0).tolist() for kind in SPREADS},
            "networks": len(table["seed"]),
        }

    def check(self, findings: Findings) -> Sequence[Control]:
        error = findings["reference"]
        return (
            Control(
                "reference",
                error < 0.25,
                f"half of the places change the finest grid's error by {100 * error:.0f} % at most",
            ),
            Control(
                "estimates",
                findings["probe_error"] < 2 and abs(findings["probe_variance"] - 1) < 0.2,
                f"{PROBES} actual probes: errors of {findings['probe_error']:.2f} standard errors, variance {findings['probe_variance']:.2f} of what it should be",
            ),
            Control("untouched", findings["untouched"], "parameters before and after are equal, bit for bit"),
        )

    def judge(self, findings: Findings) -> tuple[str, str]:
        found = findings["spans"]["smooth"]
        claimed = in_claimed_direction(found)
        upper = found["mixed_slope"][2]
        if upper > FLOOR and claimed:
            verdict = SUPPORTED
        else:
            verdict = NOT_SUPPORTED if upper < FALLS and not claimed and findings["exact"] else UNDECIDED
        return verdict, _sentence(findings, found)

    def figure(self, findings: Findings) -> tuple[Panel, ...]:
        return (*_front_panels(findings), _budget_panel(findings), _difference_panel(findings))

    def recipes(self, plan: Plan) -> Mapping[str, Any]:
        return {"same-0": asdict(contrast_of("same").recipes[0]), "grids": list(GRIDS), "budgets": list(BUDGETS)}


FIELDS = ("loss", "trace", "norm")
SPREADS = ("independent", "common", "derivative")


def fields(data_name: str, theta: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Fields along a network's line with the variance of one draw of each, whether C is exact, and second differences."""
    data = data_of(data_name)
    model = SHAPE.module(torch.from_numpy(theta))
    before = _flat(dict(model.named_parameters())).clone()
    problem = Problem(model, data.inputs, data.targets, loss="cross_entropy")
    plane = Plane.random(problem, seed=seed)
    direction = _flat(plane.directions[0]).numpy()
    found: dict[str, np.ndarray] = {}
    for span, half in SPANS.items():
        places = np.linspace(-half, half, PLACES)
        values = [_at(data_name, theta + t * direction) for t in places]
        found |= {f"{span}_{name}": np.array([each[name] for each in values]) for name in values[0]}
    found |= {f"sd_{kind}": sd for kind, sd in _differences(data_name, theta, direction).items()}
    exact, ratio = unchanged(problem, plane), _reference_error(found)
    after = _flat(dict(model.named_parameters()))
    return found | {
        **_probed(data_name, theta, seed),
        "exact": np.array(exact),
        "reference_error": np.array(ratio),
        "untouched": np.array(bool((before == after).all())),
    }


def _flat(vector: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """A vector as one tensor, in the order of the parameters."""
    return torch.cat([each.detach().flatten() for each in vector.values()])


def _at(data_name: str, theta: np.ndarray) -> dict[str, float]:
    """Each field at a place, and the variance of its unbiased estimate from one draw."""
    data = data_of(data_name)
    matrix = hessians(SHAPE, torch.from_numpy(theta)[None], data.inputs, data.targets)[0].numpy()
    each = example_losses(data_name, theta)
    square = matrix @ matrix
    return {
        "loss": float(each.mean()),
        "loss_variance": float(each.var()),
        "trace": float(np.trace(matrix)),
        "trace_variance": 2 * _off(matrix),
        "norm": float(np.square(matrix).sum()),
        "norm_variance": 2 * _off(square),
    }


def _probed(data_name: str, theta: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Actual Rademacher estimates of tr H: their mean's error in standard errors, their variance over what it should be."""
    data = data_of(data_name)
    matrix = hessians(SHAPE, torch.from_numpy(theta)[None], data.inputs, data.targets)[0].numpy()
    signs = np.random.default_rng([10, seed]).choice([-1.0, 1.0], (PROBES, len(matrix)))
    found, variance = ((signs @ matrix) * signs).sum(1), 2 * _off(matrix)
    error = (found.mean() - np.trace(matrix)) / np.sqrt(variance / PROBES)
    return {"probe_error": np.array(error), "probe_variance": np.array(found.var(ddof=1) / variance)}


def _off(matrix: np.ndarray) -> float:
    """Σ of the squared entries off the diagonal: half the variance of vᵀAv under Rademacher v.

    >>> _off(np.ones((2, 2)))
    2.0
    """
    return float(np.square(matrix).sum() - np.square(np.diag(matrix)).sum())


def example_losses(data_name: str, theta: np.ndarray) -> np.ndarray:
    """ℓ_n of every training example, (256,)."""
    data = data_of(data_name)
    logs = outputs(SHAPE, torch.from_numpy(theta)[None], data.inputs)[0][0].log_softmax(1)
    return -logs.gather(1, data.targets[:, None])[:, 0].numpy()


def unchanged(problem: Problem, plane: Plane) -> bool:
    """C: whether terrain and navigator are the same bits alone, in either order and together."""
    effort = Estimation(probes=4, steps=6, examples=None)
    asked = (
        ("probability",),
        ("viscosity_trace",),
        ("probability", "viscosity_trace"),
        ("viscosity_trace", "probability"),
    )
    found = [survey(problem, plane, (3, 3), overlays=names, effort=effort) for names in asked]
    again = survey(problem, plane, (3, 3), overlays=asked[0], effort=effort)
    same = [
        np.array_equal(found[0][name], each[name]) for name in ("loss", "probability") for each in (*found[2:], again)
    ]
    return all(same) and all(np.array_equal(found[1]["viscosity_trace"], each["viscosity_trace"]) for each in found[2:])


def _differences(data_name: str, theta: np.ndarray, direction: np.ndarray) -> dict[str, np.ndarray]:
    """sd of the curvature along the line from 32 examples, at each h: second differences of losses, or by derivatives."""
    middle = example_losses(data_name, theta)
    sides = [[example_losses(data_name, theta + sign * h * direction) for sign in (-1, 1)] for h in STEPS]
    apart = [low.var() + 4 * middle.var() + high.var() for low, high in sides]
    together = [(low - 2 * middle + high).var() for low, high in sides]
    tiny = 1e-3  # where second differences of float64 losses are the derivative to six digits
    low, high = (example_losses(data_name, theta + sign * tiny * direction) for sign in (-1, 1))
    derivative = ((low - 2 * middle + high) / tiny**2).var()
    squared = np.square(STEPS)
    return {
        "independent": np.sqrt(np.array(apart) / EXAMPLES) / squared,
        "common": np.sqrt(np.array(together) / EXAMPLES) / squared,
        "derivative": np.full(len(STEPS), np.sqrt(derivative / EXAMPLES)),
    }


def interpolation_error(field: np.ndarray, count: int) -> float:
    """Root mean square error of a cubic spline through `count` of the values, over the field's standard deviation.

    >>> interpolation_error(np.linspace(0, 1, 9) ** 3, 5) < 1e-12  # a cubic is its own spline
    True
    """
    places = np.linspace(-1, 1, len(field))
    chosen = slice(None, None, (len(field) - 1) // (count - 1))
    fitted = CubicSpline(places[chosen], field[chosen])(places)
    return float(np.sqrt(np.square(fitted - field).mean()) / field.std())


def sampling_error(field: np.ndarray, variance: np.ndarray, count: int, draws: int) -> float:
    """Root mean square error at `count` places of a mean of `draws`, over the field's standard deviation."""
    chosen = slice(None, None, (len(field) - 1) // (count - 1))
    return float(np.sqrt(variance[chosen].mean() / draws) / field.std())


def _reference_error(found: Mapping[str, np.ndarray]) -> float:
    """By how much the finest grid's error changes where it is seen at half of the places, at worst."""
    fields = [found[f"{span}_{name}"] for span in SPANS for name in ("loss", "trace")]
    ratios = [interpolation_error(each[::2], GRIDS[-1]) / interpolation_error(each, GRIDS[-1]) for each in fields]
    return max(abs(ratio - 1) for ratio in ratios)


def errors(row: Mapping[str, np.ndarray], span: str, pair: str, budget: int) -> tuple[np.ndarray, np.ndarray]:
    """E_A and E_B of every grid that a budget allows, (splits,) each."""
    first, second = PAIRS[pair]
    splits = [(m, budget // (2 * m)) for m in GRIDS if budget >= 2 * m]
    field, variance = row[f"{span}_{second}"], row[f"{span}_{second}_variance"]
    a = [interpolation_error(row[f"{span}_{first}"], m) for m, _ in splits]
    b = [sampling_error(field, variance, m, k) for m, k in splits]
    return np.array(a), np.array(b)


def _of_network(row: Mapping[str, np.ndarray], span: str, pair: str) -> tuple[float, float]:
    """Slope of the least product in the budget, and the mean correlation along the split."""
    both = [errors(row, span, pair, budget) for budget in BUDGETS]
    least = [np.log((a * b).min()) for a, b in both]
    slope = np.polyfit(np.log(BUDGETS), least, 1)[0]
    return float(slope), float(np.mean([np.corrcoef(np.log(a), np.log(b))[0, 1] for a, b in both]))


def _compared(table: Mapping[str, np.ndarray], span: str) -> dict[str, Any]:
    """Slopes and correlations of every pair, and of mixed pairs against the others."""
    rows = _rows(table)
    found = {pair: np.array([_of_network(row, span, pair) for row in rows]) for pair in PAIRS}
    mixed, own = (np.mean([found[pair] for pair in pairs], 0) for pairs in (MIXED, OWN))
    return {
        "slopes": {pair: _mean(values[:, 0]) for pair, values in found.items()},
        "correlations": {pair: _mean(values[:, 1]) for pair, values in found.items()},
        "mixed_slope": _mean(mixed[:, 0]),
        "slope_difference": _mean(mixed[:, 0] - own[:, 0]),
        "correlation_difference": _mean(mixed[:, 1] - own[:, 1]),
    }


def _rows(table: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    return [{name: values[k] for name, values in table.items()} for k in range(len(table["seed"]))]


def _mean(values: np.ndarray) -> list[float]:
    return bootstrap_interval(lambda x: x.mean(-1), values, seed=0).as_list()


def _fronts(table: Mapping[str, np.ndarray], span: str, pair: str) -> list[list[list[float]]]:
    """Median E_A and E_B of each budget over networks."""
    rows = _rows(table)
    return [np.median([errors(row, span, pair, budget) for row in rows], 0).tolist() for budget in BUDGETS]


def in_claimed_direction(found: Mapping[str, Any]) -> bool:
    """B: whether terrain × navigator trades off more than pairs of one kind; what is equal to rounding does not."""
    return bool(found["slope_difference"][1] > ROUNDING or found["correlation_difference"][2] < -ROUNDING)


def _sentence(findings: Findings, found: Mapping[str, Any]) -> str:
    slope, difference = found["mixed_slope"], found["correlation_difference"]
    exact = "bit for bit what it is alone" if findings["exact"] else "not what it is alone"
    return (
        f"The least product of the two errors falls with the budget (slope {slope[0]:.2f}, 95 % {slope[1]:.2f} to {slope[2]:.2f}): there is no floor. Terrain × navigator trades off "
        f"differently from pairs of one kind by {difference[0]:+.3f} in correlation ({difference[1]:+.3f} to {difference[2]:+.3f}; negative is the claim's direction). What is measured beside "
        f"another is {exact}. At a fixed budget there is a trade-off, as between any two things paid from one purse."
    )


def _front_panels(findings: Findings) -> Iterator[Panel]:
    for pair, fronts in findings["pareto"].items():
        series = tuple(
            Series(f"{budget:,}", front[0], front[1], kind="line")
            for budget, front in zip(BUDGETS, fronts, strict=True)
        )
        yield Panel(f"{pair}, by budget", "E_A, interpolation", "E_B, estimation", series, logarithmic="xy")


def _budget_panel(findings: Findings) -> Panel:
    series = []
    for pair, fronts in findings["pareto"].items():
        least = [float(np.min(np.array(a) * np.array(b))) for a, b in fronts]
        series.append(Series(pair, list(map(float, BUDGETS)), least, kind="line"))
    return Panel("Is there a floor?", "budget, gradients", "least E_A · E_B", tuple(series), logarithmic="xy")


def _difference_panel(findings: Findings) -> Panel:
    series = tuple(Series(kind, STEPS, findings["differences"][kind], kind="line") for kind in SPREADS)
    return Panel("Curvature from 32 examples", "distance h", "its standard deviation", series, logarithmic="xy")

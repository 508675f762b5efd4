"""Elasticity, stretchy / not-stretchy: the pull back to an earlier configuration.

EWC after Kirkpatrick et al. 2017 (who write λ/2 where the vocabulary writes λ), L2 after Krogh & Hertz 1992.
On a plane both penalties are exact quadratics in (α, β): six numbers, then free at every point and for every λ.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from ..checks import UNFIT, InputError, first_line
from ..curvature.example_gradients import chunk_rows
from ..curvature.fisher import GROUPS, MOST_EXACT_OUTPUTS, fisher_estimate
from ..local.measure import LocalMeasure, Work
from ..plane.quadratic import plane_quadratic, quadratic_slopes, quadratic_values
from ..problem.trajectory import Anchor
from . import needs
from .protocol import Knob, NavigatorProperty, Points, Preparation, Readout
from .vocabulary import INDEPENDENT, Entry

if TYPE_CHECKING:
    from ..local.context import Instruments
    from ..local.neighbourhood import Neighbourhood
    from ..plane.plane import Plane
    from ..problem.problem import Problem
    from .settings import Settings

OWN = "the trained network itself"
PARABOLOID = (
    "Without an earlier task the penalty is one paraboloid around the trained network, whatever the network: it says how far a "
    "point is, weighed by the Fisher information. Choose a checkpoint of the training as the anchor to see a pull back in time."
)

FACTORS = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
FISHER_VECTORS = 6  # beside gradients and their squares: a copy of the network, the point, sums, squares, means


def _anchor(shared: Instruments) -> Anchor:
    assert shared.problem.anchor is not None  # a readout that needs one is not measured without
    return shared.problem.anchor


def anchor_point(shared: Instruments) -> Tensor:
    """θ* as a flat vector."""
    return shared.flat(_anchor(shared).parameters)


def pull_weights(shared: Instruments) -> Tensor:
    """2 λ F*, the penalty's second derivative, as a flat vector."""
    return 2 * _anchor(shared).strength * shared.flat(_anchor(shared).fisher)


def recovery_step(shared: Instruments) -> float:
    """The one given, else 1/λₘₐₓ of task loss and penalty at θ*, NaN where not finite; squared parameter units per nat."""
    given = shared.estimation.recovery_step
    return given if given is not None else shared.step_at(shared.once(anchor_point), shared.once(pull_weights))


def _push(here: Neighbourhood) -> tuple[float]:
    return (float(here.gradient @ (here.instruments.once(anchor_point) - here.point).double()),)


def _recovery(here: Neighbourhood) -> tuple[float]:
    from ..local.descents import recovered

    once = here.instruments.once
    return (recovered(here.bench, here.point, once(anchor_point), once(pull_weights), once(recovery_step)),)


def _prepare(shared: Instruments) -> None:
    shared.once(anchor_point), shared.once(pull_weights), shared.once(recovery_step)


PUSH = LocalMeasure(("push",), "gradient", _push, lambda shared: shared.once(anchor_point))
RECOVERY = LocalMeasure(
    ("recovery",),
    "descent",
    _recovery,
    _prepare,
    step=lambda shared: shared.once(recovery_step),
    work=Work(descents=1),
)


def _strength_text(facts: Mapping[str, Any], strength: float) -> str:
    anchor = facts.get("anchor", "none")
    older = anchor == OWN and "fisher_draws" not in facts
    note = "; its Fisher by an older definition, one label drawn for each prediction" if older else ""
    return f"λ = {strength:.3g}; anchor: {anchor}{note}"


class ElasticityProperty(NavigatorProperty):
    """ewc = λ Σ F*_i (θ_i − θ*_i)²; l2 = λ‖θ‖²; total = L + ewc; force = −∇_{(α, β)} ewc; pull, recovery.

    Without an anchor of an earlier task, θ* is the trained network itself and F* its true Fisher diagonal.
    """

    name = "elasticity"
    colormap, line_color = "BuGn_r", "#009E73"
    entry = Entry(
        poles=("stretchy", "not-stretchy"),
        role=INDEPENDENT,
        meaning=(
            "The force that pulls the weights back to an earlier configuration after they were moved. "
            "Catastrophic forgetting is elasticity lost altogether."
        ),
        formula=(
            r"L_2: \lambda \lVert\theta\rVert^2; \quad \mathrm{EWC}: L_{total} = L_{task} + \lambda \sum_i "
            r"F_i (\theta_i - \theta_i^*)^2"
        ),
        sources=("Kirkpatrick et al. 2017", "Krogh & Hertz 1992"),
    )
    readouts = (
        Readout(
            "ewc",
            "elasticity",
            "EWC penalty",
            "nats",
            "λ times the squared distance from the anchor θ*, every parameter weighted by its Fisher information "
            "there: how strongly the earlier task resists the move. λ has no unit. Without an earlier task θ* is the trained "
            "network, and this is one paraboloid whatever the network.",
            poles=("not-stretchy", "stretchy"),
            needs=(needs.anchor,),
            scale="log",
        ),
        Readout(
            "l2",
            "elasticity_l2",
            "L2 penalty",
            "nats",
            "λ‖θ‖², the pull towards zero weights: the same penalty with θ* = 0 and a Fisher information of 1 nat per squared "
            "parameter unit, so that λ has no unit here either.",
            poles=("not-stretchy", "stretchy"),
        ),
        Readout(
            "total",
            "elasticity_total",
            "Loss + EWC",
            "nats",
            "The elastic terrain: the data loss and the EWC penalty together.",
            needs=(needs.anchor,),
            scale="log",
            like_loss=True,
        ),
        Readout(
            "force",
            "elasticity_force_alpha",
            "Elastic force along α",
            "nats",
            "−∂ewc/∂α: the restoring force in plane coordinates.",
            needs=(needs.anchor,),
            scale="symlog",
            zero=True,
            arrows="elastic force",
        ),
        Readout(
            "force",
            "elasticity_force_beta",
            "Elastic force along β",
            "nats",
            "−∂ewc/∂β: the restoring force in plane coordinates.",
            needs=(needs.anchor,),
            scale="symlog",
            zero=True,
            arrows="elastic force",
        ),
        Readout(
            "pull",
            "elasticity_pull",
            "Pull, the penalty's share",
            "",
            "The penalty's share of the forces along the way to the anchor, |pull| / (|pull| + |push|), the task's gradient being "
            "the push: above ½ the penalty is the stronger. 0 at the anchor itself, where there is no penalty yet.",
            poles=("not-stretchy", "stretchy"),
            needs=(needs.anchor,),
            local=(PUSH,),
        ),
        Readout(
            "recovery",
            "elasticity_recovery",
            "Recovery",
            "",
            "How much of the way back to the anchor gradient descent on loss and penalty makes in 50 steps (unless set) of "
            "1/λₘₐₓ there, at the anchor's own strength: 1 is a complete return, 0 none; where it moves away, the way's length "
            "before over that after, less 1, so that −1 is without end.",
            poles=("not-stretchy", "stretchy"),
            needs=(needs.anchor,),
            local=(RECOVERY,),
            zero=True,
        ),
    )

    knobs = (Knob("strength", "Strength λ, times its own", None, open=False, choices=FACTORS, caption=_strength_text),)
    heights = True

    def prepared(self, problem: Problem) -> Problem:
        """`problem` with its anchor, or with the trained network as its own; as it is where no Fisher can be had."""
        if not _is_own(problem):
            return problem
        with_anchor = copy.copy(problem)
        with suppress(*UNFIT):
            with_anchor.anchor = own_anchor(problem)
        return with_anchor

    def preparation(self, problem: Problem, columns: Collection[str]) -> Preparation | None:
        """The Fisher diagonal, where the network is its own anchor; the anchor and its pull as flat vectors."""
        self_anchored = _is_own(problem)
        if problem.anchor is None and not self_anchored:
            return None
        flat = 2 * any(measure.columns[0] in columns for measure in (PUSH, RECOVERY))
        passing = 3 * chunk_rows(problem.parameter_count) + FISHER_VECTORS if self_anchored else 0
        groups = GROUPS if self_anchored and _outputs_per_example(problem) > MOST_EXACT_OUTPUTS else 0
        return Preparation(
            "anchor", self_anchored + groups + flat, passing, "give the problem an anchor, or leave elasticity out"
        )

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        l2 = plane_quadratic(plane, None, None)
        if problem.anchor is None and not problem.stated.likelihood.is_likelihood:
            return {"l2": l2, "strength": 1.0}
        try:
            anchor = problem.anchor or own_anchor(problem)
        except UNFIT as error:
            why = first_line(error)
            return {
                "l2": l2,
                "strength": 1.0,
                "unavailable": f"The Fisher information of this network could not be computed ({why}); give an anchor.",
            }
        ewc = plane_quadratic(plane, anchor.parameters, anchor.fisher)
        groups = [plane_quadratic(plane, anchor.parameters, each) for each in anchor.groups]
        drawn = {"fisher_draws": len(groups)} if anchor.label == OWN else {}
        return {
            **{"ewc": ewc, "l2": l2, "strength": anchor.strength, "anchor": anchor.label},
            **({"ewc_groups": groups} if groups else {}),
            **drawn,
        }

    def values(self, points: Points, settings: Settings) -> dict[str, np.ndarray]:
        facts = points.facts["elasticity"]
        strength = facts["strength"] if settings.strength is None else settings.strength
        readouts = {"elasticity_l2": strength * quadratic_values(facts["l2"], points.alpha, points.beta)}
        if "ewc" in facts:
            ewc = strength * quadratic_values(facts["ewc"], points.alpha, points.beta)
            slope = quadratic_slopes(facts["ewc"], points.alpha, points.beta)
            readouts |= {"elasticity": ewc, "elasticity_total": points.columns["loss"] + ewc}
            readouts |= {"elasticity_force_alpha": -strength * slope[0], "elasticity_force_beta": -strength * slope[1]}
            if "push" in points.columns:
                readouts["elasticity_pull"] = pull(ewc, points.columns["push"])
            if "recovery" in points.columns:
                home = quadratic_values(facts["ewc"], points.alpha, points.beta) == 0
                readouts["elasticity_recovery"] = recovery(points.columns["recovery"], home)
            readouts |= _errors(facts, strength, points, readouts)
        return readouts

    def remark(self, facts: Mapping[str, Any]) -> str:
        """The meaning of the penalty of a network that is its own anchor."""
        return PARABOLOID if facts.get("anchor") == OWN else ""

    def notes(self, points: Points, settings: Settings) -> dict[str, dict[str, Any]]:
        """The same beside the numbers."""
        remark = self.remark(points.facts.get("elasticity", {}))
        return {"elasticity": {"remark": remark}} if remark else {}


def _errors(
    facts: Mapping[str, Any], strength: float, points: Points, readouts: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Standard errors of what is linear in an F* that was estimated, from its independent estimates; none where it is exact."""
    groups = facts.get("ewc_groups")
    if not groups:
        return {}
    ewc = _spread([strength * quadratic_values(tuple(c), points.alpha, points.beta) for c in groups])
    slopes = [quadratic_slopes(tuple(c), points.alpha, points.beta) for c in groups]
    errors = {"elasticity_se": ewc, "elasticity_total_se": ewc}
    for axis, name in enumerate(("alpha", "beta")):
        errors[f"elasticity_force_{name}_se"] = _spread([strength * slope[axis] for slope in slopes])
    if "elasticity_pull" in readouts:
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(readouts["elasticity"] > 0, ewc / readouts["elasticity"], 0.0)
            errors["elasticity_pull_se"] = share * readouts["elasticity_pull"] * (1 - readouts["elasticity_pull"])
    return errors


def _spread(values: list[np.ndarray]) -> np.ndarray:
    """The standard error of the mean of independent values (m,) at each point."""
    return np.asarray(np.std(values, axis=0, ddof=1) / np.sqrt(len(values)))


def _outputs_per_example(problem: Problem) -> int:
    """Outputs that an example's predictions have together, where they are classes, or the numbers of its target."""
    likelihood, first = problem.stated.likelihood, problem.targets[:1]
    rows = int(likelihood.target_rows(first).shape[0])
    classes = problem.stated.classes
    return rows * classes if classes > 2 else 2 * first.numel()


def pull(ewc: np.ndarray, push: np.ndarray) -> np.ndarray:
    """2 ewc / (2 ewc + |push|): the force −∇ewc · u beside the task's ḡ · u, u the unit vector from θ to θ*.

    ewc   (m,) the penalty, of which (θ − θ*) · ∇ is twice the value
    push  (m,) ḡ · (θ* − θ)

    0 where both are nothing, as at θ* itself: nearby the task's part is of first order, and the penalty's of second.

    >>> pull(np.array([1.0, 1.0, 0.0]), np.array([2.0, -6.0, 0.0])).tolist()
    [0.5, 0.25, 0.0]
    """
    total = 2 * ewc + np.abs(push)
    return np.where(np.isnan(push), np.nan, 2 * ewc / np.where(total > 0, total, 1.0))


def recovery(measured: np.ndarray, home: np.ndarray) -> np.ndarray:
    """1 − q of the ways' lengths q after over before; 1/q − 1 where that is longer. From −1 to 1.

    measured  (m,) 1 − q; −∞ where the descent diverges
    home      (m,) whether the point is the anchor itself: there is nothing to recover, 1

    >>> recovery(np.array([0.75, -1.0, -np.inf, np.nan]), np.array([False, False, False, True])).tolist()
    [0.75, -0.5, -1.0, 1.0]
    """
    with np.errstate(divide="ignore"):
        away = 1 / (1 - measured) - 1
    return np.where(home, 1.0, np.where(measured < 0, away, measured))


def _is_own(problem: Problem) -> bool:
    """Whether the trained network is its own anchor."""
    return problem.anchor is None and problem.stated.likelihood.is_likelihood


def own_anchor(problem: Problem) -> Anchor:
    """The trained network as its own anchor: θ₀ and the true Fisher diagonal there, λ = 1."""
    found = fisher_estimate(problem)
    return Anchor(problem.parameters, found.diagonal, 1.0, OWN, found.groups)


def anchored(problem: Problem, checkpoint: int) -> Problem:
    """`problem` with a checkpoint of its training path as the anchor: θ* and the true Fisher diagonal there, λ = 1.

    Raises
    ------
    InputError  no path, or no such checkpoint; a loss that states no likelihood
    """
    if problem.trajectory is None:
        raise InputError("A checkpoint as the anchor needs a training path: give Problem(…, trajectory=…).")
    count = len(problem.trajectory)
    if not 0 <= checkpoint < count:
        raise InputError(f"The anchor should be a checkpoint from 0 to {count - 1}, but is {checkpoint}.")
    point = problem.trajectory.at(checkpoint)
    fisher = fisher_estimate(problem, point)
    found = copy.copy(problem)
    found.anchor = Anchor(point, fisher.diagonal, 1.0, f"checkpoint {checkpoint}", fisher.groups)
    return found

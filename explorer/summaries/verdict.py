"""Is my plot right? A traffic light in one sentence, its reasons, and for each what to do."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr
from lossnav.core.plane import EVAL
from lossnav.core.properties import READOUTS

from ..figures.shared.picture import measured_mask
from ..figures.shared.scales import format_value
from .constant import ADVICE, CONSTANT, is_constant
from .further_samples import farthest, most_moved, samples_of, samples_text

GREEN, AMBER, RED = LIGHTS = ("green", "amber", "red")
LOWER = 0.01  # of the centre's loss: what lies lower by less is the same to the eye
SIGNAL = 2.0  # times its sampling noise, from which a gradient is one
NEGATIVE = 0.01  # of λₘₐₓ: a smaller negative eigenvalue is flat
HELD = 0.01  # of the trace: a random plane that holds less shows the mean curvature only
LOGGED = 0.05  # by how much of it the loss may differ from what the training wrote down
OTHER_EXAMPLES = 0.25  # of the number on more examples: a sample's that is farther off is another's
STEPS = 0.05  # share of neighbours with the very same loss, from which steps are seen
HOLES = 0.05  # share of points that are not finite
FEWEST = 3  # checks that must have been possible for a green light
LOWER_PRECISIONS = ("bf16", "tf32", "bfloat16", "float16")


@dataclass(frozen=True)
class Reason:
    """One thing that was checked: `light` is one of LIGHTS, `advice` what to do, empty where nothing is to be done."""

    light: str
    says: str
    advice: str = ""


@dataclass(frozen=True)
class PlotVerdict:
    """The traffic light: `says` in one sentence, `reasons` with the worst first."""

    light: str
    says: str
    reasons: tuple[Reason, ...]

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def verdict(land: xr.Dataset) -> PlotVerdict:
    """Reasons for and against the picture of a landscape, as far as its measured numbers tell.

    >>> land = xr.Dataset({"loss": (("alpha", "beta"), [[float("nan")]])}, {"alpha": [0.0], "beta": [0.0]})
    >>> verdict(land).light, verdict(land).says
    ('red', 'Do not trust this picture yet: no loss in this plane is finite.')
    """
    found = [reason for check in CHECKS if (reason := check(land)) is not None]
    reasons = tuple(sorted(found, key=lambda reason: -LIGHTS.index(reason.light)))
    worst = reasons[0].light if reasons else AMBER
    light = AMBER if worst == GREEN and len(reasons) < FEWEST else worst
    return PlotVerdict(light, _sentence(light, reasons), reasons)


def _sentence(light: str, reasons: tuple[Reason, ...]) -> str:
    faults = [reason for reason in reasons if reason.light != GREEN]
    if light == RED:
        return f"Do not trust this picture yet: {_lower(faults[0].says)}"
    if not faults and light == AMBER:
        return "Nothing speaks against this picture, but too little was measured to speak for it."
    if light == AMBER:
        more = f" And {len(faults) - 1} more." if len(faults) > 1 else ""
        return f"To know before you show this: {_lower(faults[0].says)}{more}"
    return "Nothing that was measured speaks against this picture."


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def _finite(land: xr.Dataset) -> Reason | None:
    if "loss" not in land:
        return None
    gaps = float((~np.isfinite(land["loss"].values)).mean())
    smaller = "Survey a smaller span (--zoom 0.1), or look for weights that are not finite."
    if gaps == 1:
        return Reason(RED, "No loss in this plane is finite.", smaller)
    if gaps > HOLES:
        return Reason(
            AMBER, f"At {format_value(100 * gaps, 2)} % of the points the loss is not finite: holes.", smaller
        )
    return Reason(GREEN, "The loss is finite (almost) everywhere." if gaps else "The loss is finite everywhere.")


def _constant(land: xr.Dataset) -> Reason | None:
    """Whether nothing in the plane moves the loss."""
    return Reason(RED, CONSTANT, ADVICE) if is_constant(land) else None


def _lowest(land: xr.Dataset) -> Reason | None:
    """Whether a measured point of the plane lies lower than its centre."""
    centre = _centre(land, "loss")
    if centre is None or "loss" not in land:
        return None
    values = land["loss"].values.astype(float)
    mask = measured_mask(land, "loss")
    known = np.where(np.isfinite(values) & (land[mask].values if mask else True), values, np.inf)
    row, column = np.unravel_index(known.argmin(), known.shape)
    least = float(known[row, column])
    if not math.isfinite(least):
        return None
    if least < centre - LOWER * abs(centre):
        place = ", ".join(format_value(float(land[d].values[i])) for d, i in (("alpha", row), ("beta", column)))
        return Reason(
            AMBER,
            f"The centre is not the lowest point of this plane: its loss is {format_value(centre)}, at ({place}) it is "
            f"{format_value(least)}.",
            "Train on, or call it the trained network and not a minimum.",
        )
    return Reason(GREEN, "No measured point of this plane lies more than 1 % lower than its centre.")


def _gradient(land: xr.Dataset) -> Reason | None:
    """The gradient at the centre in the full space, against what drawing other examples would leave of it."""
    signal, slope = (_at_centre(land, name) for name in ("density_gradient_signal", "slope"))
    if signal is None:
        return None
    size = "" if slope is None else f" ({format_value(slope, 2)})"
    times = format_value(signal, 2)
    if signal > SIGNAL:
        return Reason(
            AMBER,
            f"In the full space the centre is no stationary point: its gradient{size} is {times} times its sampling noise.",
            "Train on with a smaller step; until then this is a place on the way, whatever the plane shows.",
        )
    return Reason(GREEN, f"The gradient at the centre{size} is {times} times its sampling noise: as good as none.")


def _saddle(land: xr.Dataset) -> Reason | None:
    """Whether the Hessian at the centre has an eigenvalue that is negative beyond its error."""
    least, most = (_at_centre(land, name) for name in ("viscosity_lambda_min", "viscosity"))
    if least is None or most is None:
        return None
    error = "viscosity_lambda_min_se"
    reach = 0.0 if error not in land else float(land[error].attrs.get("interval", 2.0))
    reach = max(reach, 2.0) * (_at_centre(land, error) or 0.0)
    if least + reach < -NEGATIVE * abs(most):
        return Reason(
            AMBER,
            f"In the full space the centre is no minimum: the Hessian has an eigenvalue of {format_value(least, 2)} "
            f"(λₘₐₓ {format_value(most, 2)}).",
            "Look along it: lossnav spectrum, or a plane of Hessian eigenvectors; a bowl here is the slice's, not the network's.",
        )
    return Reason(GREEN, "No eigenvalue of the Hessian at the centre is negative beyond its error and 1 % of λₘₐₓ.")


def _logged(land: xr.Dataset) -> Reason | None:
    """The last checkpoint's loss against the one that the training wrote down."""
    path = (land.lossnav.fidelity or {}).get("path", {})
    told, measured = ((path.get(name) or [None])[-1] for name in ("training_loss", "true_loss"))
    return _held_against(told, measured, "at the last checkpoint", "the training wrote down", "a mini-batch")


def _reported(land: xr.Dataset) -> Reason | None:
    """The loss at the centre against the number that the training printed (`Problem(reported_loss=…)`, or the page's field)."""
    told, measured = land.lossnav.facts.get("terrain", {}).get("reported_loss"), _centre(land, "loss")
    bare = _centre(land, "data_loss")
    if told is not None and bare is not None and _agree(told, bare) and not _agree(told, measured):
        both = f"Without weight decay the loss at the centre is {format_value(bare)}, the log said {format_value(told)}"
        return Reason(GREEN, f"{both}; with it, as drawn, {_said(measured)}.")
    return _held_against(told, measured, "at the centre", "the log said", "a running mean")


def _said(value: float | None) -> str:
    return format_value(math.nan if value is None else value)


def _agree(told: float | None, measured: float | None) -> bool:
    """Whether a number is the training's own, as far as a log tells."""
    if told is None or measured is None or not (math.isfinite(told) and math.isfinite(measured)):
        return False
    return abs(measured - told) <= LOGGED * max(abs(told), abs(measured))


def _held_against(told: float | None, measured: float | None, where: str, source: str, mean: str) -> Reason | None:
    """A loss against the training's own number of it; None where one of them is not there, or not finite."""
    if told is None or measured is None or not (math.isfinite(told) and math.isfinite(measured)):
        return None
    both = f"the loss {where} is {format_value(measured)}, {source} {format_value(told)}."
    if not _agree(told, measured):
        return Reason(
            AMBER,
            f"Not the log's number: {both}",
            f"Compare weights, data, loss and mode: augmentation, dropout, {mean} or weight decay in the log each make such a gap.",
        )
    return Reason(GREEN, both[0].upper() + both[1:])


def with_reported_loss(land: xr.Dataset, told: float | None) -> xr.Dataset:
    """The same landscape, with the number that the training printed; None: as it is."""
    if told is None:
        return land
    facts = land.lossnav.facts
    terrain = {**facts.get("terrain", {}), "reported_loss": told}
    return land.assign_attrs(facts=json.dumps({**facts, "terrain": terrain}))


def _chance(land: xr.Dataset) -> Reason | None:
    """Accuracy against guessing one of equally frequent classes."""
    accuracy = _centre(land, "accuracy")
    classes = land.lossnav.facts.get("probability", {}).get("classes")
    told = land.lossnav.facts.get("probability", {}).get("predictions")  # of a likelihood beside the loss, its own
    count = told or land.lossnav.problem.get("predictions") or land.lossnav.problem.get("examples")
    if accuracy is None or not classes or not count or classes < 2:
        return None
    chance = 1 / classes
    if accuracy <= chance + 2 * math.sqrt(chance * (1 - chance) / count):
        return Reason(
            RED,
            f"The network guesses: accuracy {format_value(100 * accuracy)} % where chance is {format_value(100 * chance)} %.",
            "Check that the trained weights were loaded, and that inputs are scaled and labels numbered as in training.",
        )
    return Reason(GREEN, f"Accuracy {format_value(100 * accuracy)} % is above chance ({format_value(100 * chance)} %).")


def _statistics(land: xr.Dataset) -> Reason | None:
    """BatchNorm statistics of one network at other networks of the plane."""
    if land.lossnav.plane.get("batchnorm") != EVAL:
        return None
    return Reason(
        AMBER,
        "BatchNorm statistics are the trained network's also at the plane's other networks, which are not what they were.",
        "Make the plane with --batchnorm own.",
    )


def _held(land: xr.Dataset) -> Reason | None:
    """The share of the curvature that the plane holds."""
    found = land.lossnav.fidelity or {}
    share, error = found.get("trace_share"), found.get("trace_share_se") or 0.0
    if share is None:
        return None
    text = f"The plane holds {format_value(100 * share, 2)} % of the curvature (the Hessian's trace)"
    if land.lossnav.plane.get("kind") == "random" and share + 2 * error < HELD:
        return Reason(
            AMBER,
            f"{text}: a random slice shows the mean curvature, and hides saddles and sharp directions.",
            "State the share beside the picture, and show a second plane: --plane eigen-top, or the trajectory's.",
        )
    return Reason(GREEN, f"{text}.")


def _examples(land: xr.Dataset) -> Reason | None:
    """Whether curvature at the centre is another on other examples than those that it was measured on."""
    samples = samples_of(land)
    worst = most_moved(samples)
    if worst is None:
        return None
    both = f"{READOUTS[worst].label} is {samples_text(samples, worst)}"
    if (farthest(samples, worst) or 0.0) > OTHER_EXAMPLES:
        return Reason(
            AMBER,
            f"Curvature depends on the examples that it is measured on: {both}.",
            "Measure it on more (--curvature-examples, 0 for all), or state both beside the picture.",
        )
    return Reason(GREEN, f"Curvature is much the same on other examples: {both}.")


def _coarse(land: xr.Dataset) -> Reason | None:
    """Whether the error between measured points of an adaptive survey is above what was allowed."""
    said = land.lossnav.adaptive
    told, error = said.get("tolerance"), (said.get("forward") or {}).get("error")
    allowed = told.get("share") if isinstance(told, dict) else told
    if error is None or not allowed or not math.isfinite(error):
        return None
    both = f"{format_value(100 * error, 2)} % of what is drawn, {format_value(100 * allowed, 2)} % were allowed"
    if error > allowed:
        return Reason(
            AMBER,
            f"The grid is too coarse for this terrain: between its points the loss may be wrong by {both}.",
            "Let the survey go on, or ask for a finer grid (--grid 101).",
        )
    return Reason(GREEN, f"Between measured points the loss is wrong by at most {both}.")


def _steps(land: xr.Dataset) -> Reason | None:
    """Whether a lower precision shows: neighbours with the very same loss."""
    spec = land.lossnav.spec or {}
    used = next((p for p in (spec.get("precision"), spec.get("dtype")) if p in LOWER_PRECISIONS), None)
    if used is None or "loss" not in land:
        return None
    values = land["loss"].values
    pairs = [(values[1:], values[:-1]), (values[:, 1:], values[:, :-1])]
    same = np.concatenate([(a == b)[np.isfinite(a) & np.isfinite(b)].ravel() for a, b in pairs])
    share = float(same.mean()) if same.size else 0.0
    if share > STEPS:
        return Reason(
            AMBER,
            f"Steps of {used} are visible: {format_value(100 * share, 2)} % of neighbouring points have the very same loss.",
            "Survey without --precision, or with --dtype float32.",
        )
    return Reason(GREEN, f"{used} leaves no visible steps in the loss.")


def _centre(land: xr.Dataset, name: str) -> float | None:
    value = (land.lossnav.centre or {}).get(name)
    return None if value is None or not math.isfinite(value) else float(value)


def _at_centre(land: xr.Dataset, name: str) -> float | None:
    """A readout at (0, 0), where it was measured there; None elsewhere."""
    if name not in land:
        return None
    cell = tuple(int(np.abs(land[d].values).argmin()) for d in ("alpha", "beta"))
    spans = [max(float(np.ptp(land[d].values)), 1e-300) for d in ("alpha", "beta")]
    away = max(abs(float(land[d].values[i])) / s for d, i, s in zip(("alpha", "beta"), cell, spans, strict=True))
    mask = measured_mask(land, name)
    value = float(land[name].values[cell])
    return value if away < 1e-6 and math.isfinite(value) and (not mask or bool(land[mask].values[cell])) else None


CHECKS: tuple[Callable[[xr.Dataset], Reason | None], ...] = (
    _finite,
    _constant,
    _chance,
    _lowest,
    _gradient,
    _saddle,
    _logged,
    _reported,
    _statistics,
    _coarse,
    _steps,
    _examples,
    _held,
)

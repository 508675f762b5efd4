"""Viscosity, icky / not-icky: how the loss bends around a point (Keskar et al. 2016; Foret et al. 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..local.measure import LocalMeasure, Work
from ..local.spectral_bounds import end_reach, flat_between, index_between, reach, resolution
from .protocol import NavigatorProperty, Points, Readout, present
from .vocabulary import DERIVED, Entry

if TYPE_CHECKING:
    from ..local.neighbourhood import Neighbourhood
    from .settings import Settings

PER_SQUARE = "nats per squared filter length"
BOUND = "half of how far it may lie beyond, at 95 %"
SPREAD = "half of how far the truth may lie from it, at 95 %"


def _extremes(here: Neighbourhood) -> tuple[float, ...]:
    ends = here.spectrum.extreme(), here.spectrum.extreme(largest=False)
    found = [number for value, miss in ends for number in (value, max(miss, resolution(here)))]
    return (*found, end_reach(here), end_reach(here, largest=False))


def _trace(here: Neighbourhood) -> tuple[float, float]:
    return here.trace.value, here.trace.standard_error


def _flat_share(here: Neighbourhood) -> tuple[float, float, float]:
    width = here.instruments.estimation.flatness * abs(here.spectrum.extreme()[0])
    value, error = here.estimated(here.spectrum.share(-width, width))
    return value, error, 0.0 if here.bounds is None else reach(value, flat_between(here))


def _index(here: Neighbourhood) -> tuple[float, float, float]:
    rule, slack = here.spectrum, resolution(here)
    if here.bounds is None:
        return float((rule.nodes < -slack).double().mean()), 0.0, 0.0  # every eigenvalue is a node, and is counted
    value, error = here.estimated(rule.below(0.0, slack))
    return value, error, reach(value, index_between(here))


def _sam(here: Neighbourhood) -> tuple[float]:
    from ..local.ascent import steepest_rise

    return (steepest_rise(here, here.bench.scale),)


def _adaptive(here: Neighbourhood) -> tuple[float]:
    from ..local.ascent import steepest_rise

    return (steepest_rise(here, here.point.abs()),)


def _relative_flatness(here: Neighbourhood) -> tuple[float, float]:
    found = here.relative_flatness
    return found.value, found.standard_error


def _keskar(here: Neighbourhood) -> tuple[float]:
    from ..local.ascent import keskar_rise

    return (keskar_rise(here),)


EXTREMES = LocalMeasure(
    ("lambda_max", "lambda_max_miss", "lambda_min", "lambda_min_miss", "lambda_max_reach", "lambda_min_reach"),
    "curvature",
    _extremes,
)
# landscapes from before these were measured have the residual, or the error over the probes alone, in their place
REACHES = {
    "viscosity_se": "lambda_max_reach",
    "viscosity_lambda_min_se": "lambda_min_reach",
    "viscosity_flat_share_se": "flat_share_reach",
    "viscosity_index_se": "index_reach",
}


class ViscosityProperty(NavigatorProperty):
    """sharpness = λₘₐₓ of the Hessian, and what else one Lanczos run says of its eigenvalues."""

    name = "viscosity"
    colormap, line_color = "inferno", "#8F5FBF"
    entry = Entry(
        poles=("icky", "not-icky"),
        role=DERIVED,
        meaning=(
            "Resistance to moving under the gradient's pressure. Icky: wide flat minima, where competing "
            "orientations live on. Not-icky: sharp ones."
        ),
        formula=(
            r"\{\lambda_i\} = \mathrm{spec}(H); \ \text{low } \lambda = \text{flat} = \text{icky}, \ "
            r"\text{high } \lambda = \text{sharp} = \text{not-icky}"
        ),
        sources=("Keskar et al. 2016", "Foret et al. 2020"),
        flags=("Coupling determines the eigenvalue spectrum: viscosity is no independent variable.",),
    )
    readouts = (
        Readout(
            "sharpness",
            "viscosity",
            "Sharpness λₘₐₓ",
            PER_SQUARE,
            "The largest eigenvalue of the Hessian of the mean loss. Low is flat and icky, high is sharp and not-icky. In "
            "filter-normalised coordinates it stays when a layer is rescaled, as the function does; in the parameters "
            "themselves it does not (Dinh et al. 2017).",
            poles=("icky", "not-icky"),
            scale="log",
            local=(EXTREMES,),
            error=BOUND,
            bound="above",
            noise="lambda_max_miss",
        ),
        Readout(
            "lambda_min",
            "viscosity_lambda_min",
            "Smallest eigenvalue λₘᵢₙ",
            PER_SQUARE,
            "The smallest eigenvalue of the Hessian: negative where the loss bends down in some direction.",
            scale="symlog",
            zero=True,
            local=(EXTREMES,),
            error=BOUND,
            bound="below",
            noise="lambda_min_miss",
        ),
        Readout(
            "trace",
            "viscosity_trace",
            "Trace of the Hessian",
            PER_SQUARE,
            "The sum of all eigenvalues: the mean curvature over directions, times their number.",
            poles=("icky", "not-icky"),
            scale="symlog",
            zero=True,
            local=(LocalMeasure(("trace", "trace_se"), "curvature", _trace, work=Work(blocks=("rest",))),),
        ),
        Readout(
            "convexity",
            "viscosity_convexity",
            "Non-convexity |λₘᵢₙ / λₘₐₓ|",
            "",
            "How strongly the loss bends down beside how strongly it bends up: near 0 it is convex, above 1 it bends "
            "down more than up (Li et al. 2018, Fig. 7).",
            local=(EXTREMES,),
            error=SPREAD,
            bound="both",
        ),
        Readout(
            "flat_share",
            "viscosity_flat_share",
            "Share of flat directions",
            "",
            "The share of the eigenvalues with |λ| ≤ ε |λₘₐₓ|, ε = 0.01 unless set.",
            poles=("not-icky", "icky"),
            local=(LocalMeasure(("flat_share", "flat_share_se", "flat_share_reach"), "curvature", _flat_share),),
            error=SPREAD,
            bound="both",
            noise="flat_share_se",
        ),
        Readout(
            "index",
            "viscosity_index",
            "Index (share of λ < 0)",
            "",
            "The share of directions in which the loss bends down (Dauphin et al. 2014). Rough: eigenvalues closer to 0 "
            "than the few Ritz values beside it are split between both signs.",
            local=(LocalMeasure(("index", "index_se", "index_reach"), "curvature", _index),),
            error=SPREAD,
            bound="both",
            noise="index_se",
        ),
        Readout(
            "sam",
            "viscosity_sam",
            "Rise of the steepest step (SAM)",
            "nats",
            "How much the loss rises within ρ = 0.05 (unless set) along its steepest way (Foret et al. 2020): "
            "L(θ + ρ T²ḡ/‖Tḡ‖) − L(θ), T the filters' lengths in filter-normalised coordinates and 1 in the parameters; at a "
            "minimum, along the directions that this step turns to.",
            poles=("icky", "not-icky"),
            scale="symlog",
            local=(LocalMeasure(("sam",), "gradient", _sam, work=Work(passes=0.5)),),
        ),
        Readout(
            "adaptive",
            "viscosity_adaptive",
            "Adaptive sharpness",
            "nats",
            "The same with every weight's own size as its unit, T = |θ|, whatever the coordinates (Kwon et al. 2021): it stays "
            "when layers or single units are rescaled.",
            poles=("icky", "not-icky"),
            scale="symlog",
            local=(LocalMeasure(("adaptive",), "gradient", _adaptive, work=Work(passes=0.5)),),
        ),
        Readout(
            "relative_flatness",
            "viscosity_relative_flatness",
            "Relative flatness",
            "nats",
            "Σ ⟨w_s, w_s'⟩ tr H_ss' over the rows w_s of every weight matrix and the blocks of the Hessian between them, summed "
            "over layers (Petzka et al. 2021): small is flat. It stays when layers are rescaled, whatever the coordinates.",
            poles=("icky", "not-icky"),
            scale="symlog",
            local=(
                LocalMeasure(
                    ("relative_flatness", "relative_flatness_se"),
                    "curvature",
                    _relative_flatness,
                    work=Work(blocks=("flatness",)),
                ),
            ),
        ),
        Readout(
            "keskar",
            "viscosity_keskar",
            "Keskar sharpness, at least",
            "%",
            "How far the loss can rise inside the box |y_i| ≤ ε(|θ_i| + 1), relative to 1 + L, ε = 0.001 unless set "
            "(Keskar et al. 2016). Its maximum is looked for from several corners of the box, so this is a lower bound.",
            poles=("icky", "not-icky"),
            scale="log",
            local=(LocalMeasure(("keskar",), "descent", _keskar, work=Work(passes=40)),),
            asked=True,
        ),
    )

    def values(self, points: Points, settings: Settings) -> dict[str, np.ndarray]:
        readouts = present(
            points,
            {
                "viscosity": "lambda_max",
                "viscosity_se": "lambda_max_miss",
                "viscosity_lambda_min": "lambda_min",
                "viscosity_lambda_min_se": "lambda_min_miss",
                **{
                    f"viscosity_{name}": name
                    for what in ("trace", "flat_share", "index", "relative_flatness")
                    for name in (what, f"{what}_se")
                },
                "viscosity_sam": "sam",
                "viscosity_adaptive": "adaptive",
                "viscosity_keskar": "keskar",
            },
        )
        readouts |= {variable: reached / 2 for variable, reached in present(points, REACHES).items()}
        if "lambda_max" in points.columns:
            low, high = points.columns["lambda_min"], points.columns["lambda_max"]
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.abs(low / high)
                miss = np.hypot(readouts["viscosity_lambda_min_se"], ratio * readouts["viscosity_se"])
                readouts |= {"viscosity_convexity": ratio, "viscosity_convexity_se": miss / np.abs(high)}
        return readouts

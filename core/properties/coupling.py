"""Coupling, high / low: how large the Hessian's entries off the diagonal are (Sagun et al. 2017; Dauphin et al. 2014)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..curvature.layers import layer_sizes
from ..local.interaction import chance_interaction, interaction
from ..local.measure import LocalMeasure, Work
from ..parameters.layout import Layout
from .protocol import NavigatorProperty, Points, Readout, present
from .vocabulary import INDEPENDENT, Entry

if TYPE_CHECKING:
    from ..local.neighbourhood import Neighbourhood
    from ..plane.plane import Plane
    from ..problem.problem import Problem
    from ..spectrum.estimate import Estimate
    from .settings import Settings

MOST_WHOLE = 400  # parameters of which the whole matrix is made where it is asked for
NULL_SEED = 11_000_003


def _pair(estimate: Estimate) -> tuple[float, float]:
    return estimate.value, estimate.standard_error


def _offdiagonal(here: Neighbourhood) -> tuple[float, float]:
    return _pair(here.offdiagonal)


def _diagonal(here: Neighbourhood) -> tuple[float, float]:
    # the small share by itself: in single precision 1 − 0.9999999 would be nothing
    found = here.offdiagonal
    return 1 - found.value, found.standard_error


def _interlayer(here: Neighbourhood) -> tuple[float, float]:
    return _pair(here.interlayer)


def _interaction(here: Neighbourhood) -> tuple[float]:
    return (interaction(here.dense),)


def _chance(here: Neighbourhood) -> tuple[float, float]:
    return _pair(chance_interaction(here.dense, here.instruments.seed + NULL_SEED))


def _small(problem: Problem) -> str | None:
    if problem.parameter_count <= MOST_WHOLE:
        return None
    return f"It takes the whole Hessian, which is made of networks of up to {MOST_WHOLE} parameters."


def _layered(problem: Problem) -> str | None:
    count = len(layer_sizes(Layout.of(problem.parameters)))
    return None if count > 1 else "All parameters belong to one layer, so nothing lies between layers."


OFFDIAGONAL = LocalMeasure(("offdiagonal", "offdiagonal_se"), "curvature", _offdiagonal, work=Work(blocks=("rest",)))
DIAGONAL = LocalMeasure(("diagonal", "diagonal_se"), "curvature", _diagonal, work=Work(blocks=("rest",)))
INTERLAYER = LocalMeasure(
    ("interlayer", "interlayer_se"), "curvature", _interlayer, work=Work(blocks=("rest", "layers"))
)
WHOLE = Work(blocks=tuple(f"whole {k}" for k in range(50)))  # as many blocks of probes as a matrix of that size needs


class CouplingProperty(NavigatorProperty):
    """κ = √(‖H − diag H‖² / ((P − 1) ‖diag H‖²)): the root mean square entry off the diagonal over that on it.

    offdiagonal = ‖H − diag H‖_F² / ‖H‖_F²; interlayer = the share of ‖H‖_F² outside the layers' blocks. The estimates of the
    shares may stray beyond 0 and 1; what is shown does not.
    """

    name = "coupling"
    colormap, line_color = "PuBu_r", "#CC79A7"
    entry = Entry(
        poles=("high", "low"),
        role=INDEPENDENT,
        meaning=(
            "How far parameters depend on each other: how much moving one weight moves the rest. High: an "
            "update spreads widely. Said to determine viscosity, through the eigenvalues."
        ),
        formula=r"H_{ij} = \partial^2 L / \partial\theta_i \partial\theta_j,\ i \ne j; \quad H \approx F",
        sources=("Sagun et al. 2017", "Dauphin et al. 2014"),
    )
    readouts = (
        Readout(
            "strength",
            "coupling",
            "Coupling coefficient κ",
            "",
            "The root mean square of the Hessian's entries off its diagonal over that of those on it, "
            "√(‖off H‖² / ((P − 1) ‖diag H‖²)): 0 where every parameter acts alone, 1 where an entry between two parameters is "
            "as large as one of its own. It does not depend on how many parameters there are.",
            poles=("low", "high"),
            scale="log",
            local=(DIAGONAL,),
        ),
        Readout(
            "between",
            "coupling_between",
            "Coupling coefficient between layers",
            "",
            "The same of entries between parameters of different layers: their root mean square over that of the diagonal's.",
            poles=("low", "high"),
            scale="log",
            needs=(_layered,),
            local=(DIAGONAL, INTERLAYER),
        ),
        Readout(
            "offdiagonal",
            "coupling_offdiagonal",
            "Off-diagonal share",
            "",
            "The share of the Hessian's squared Frobenius norm that lies off its diagonal. It is near 1 for any large matrix, "
            "be there structure in it or not: there are P − 1 times as many entries off the diagonal as on it.",
            poles=("low", "high"),
            local=(OFFDIAGONAL,),
        ),
        Readout(
            "interlayer",
            "coupling_interlayer",
            "Share between layers",
            "",
            "The share of the Hessian's squared Frobenius norm that ties parameters of different layers: 0 where every "
            "layer acts alone.",
            poles=("low", "high"),
            local=(INTERLAYER,),
        ),
        Readout(
            "interaction",
            "coupling_interaction",
            "What interaction adds, λₘₐₓ / max H_ii",
            "",
            "The largest eigenvalue of the Hessian over its largest diagonal entry: 1 where no parameter acts with another.",
            poles=("low", "high"),
            needs=(_small,),
            local=(LocalMeasure(("interaction",), "curvature", _interaction, work=WHOLE),),
            asked=True,
        ),
        Readout(
            "interaction_null",
            "coupling_interaction_null",
            "What it would add by chance",
            "",
            "The same of matrices with the same diagonal and the same entries beside it, arranged at random: what is above "
            "this is structure.",
            needs=(_small,),
            local=(LocalMeasure(("interaction_null", "interaction_null_se"), "curvature", _chance, work=WHOLE),),
            asked=True,
        ),
    )

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        """How many entries of the matrix lie between layers."""
        sizes = layer_sizes(Layout.of(problem.parameters)).values()
        return {"between": sum(sizes) ** 2 - sum(size**2 for size in sizes)}

    def values(self, points: Points, settings: Settings) -> dict[str, np.ndarray]:
        raw = present(
            points,
            {
                f"{name}{end}": f"{name}{end}"
                for name in ("offdiagonal", "interlayer", "interaction", "interaction_null", "diagonal")
                for end in ("", "_se")
            },
        )
        readouts = {f"coupling_{name}": values for name, values in raw.items() if not name.startswith("diagonal")}
        for name in ("coupling_offdiagonal", "coupling_interlayer"):
            if name in readouts:
                readouts[name] = np.clip(readouts[name], 0.0, 1.0)
        return readouts | _coefficients(raw, points)


def _coefficients(raw: dict[str, np.ndarray], points: Points) -> dict[str, np.ndarray]:
    """κ, and κ between layers, from the shares as they were estimated."""
    count = points.parameters
    if (
        "offdiagonal" in raw and "diagonal" not in raw
    ):  # of landscapes from before the diagonal's share was kept by itself
        raw = raw | {"diagonal": 1 - raw["offdiagonal"], "diagonal_se": raw["offdiagonal_se"]}
    if "diagonal" not in raw or not count:
        return {}
    diagonal, error = raw["diagonal"], raw["diagonal_se"]
    coefficients = dict(
        zip(("coupling", "coupling_se"), coefficient(1 - diagonal, diagonal, error, max(count - 1, 1)), strict=True)
    )
    entries = points.facts.get("coupling", {}).get("between")
    if entries and "interlayer" in raw:
        both = raw["interlayer"], diagonal, error, entries / count, raw["interlayer_se"]
        coefficients |= dict(zip(("coupling_between", "coupling_between_se"), coefficient(*both), strict=True))
    return coefficients


def coefficient(
    share: np.ndarray,
    diagonal: np.ndarray,
    error: np.ndarray,
    times: float,
    share_error: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """√(share / (times · diagonal)) with its error by the delta method; NaN where both shares are.

    A diagonal's share that is estimated below its own error counts as that error: κ is then no less than what is said.

    Parameters
    ----------
    share        of ‖H‖² that lies in some entries off the diagonal, (m,)
    diagonal     of ‖H‖² that lies on the diagonal, and its standard error, (m,)
    times        how many of those entries there are for each on the diagonal
    share_error  standard error of the share; None: it is 1 − diagonal, and errs with it

    >>> kappa, error = coefficient(np.array([0.5]), np.array([0.5]), np.array([0.01]), 1.0)
    >>> kappa.tolist(), error.round(6).tolist()  # of all ones, 2 × 2; d κ / d diagonal = −κ / (2 share diagonal)
    ([1.0], [0.02])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        known = np.maximum(diagonal, error)
        value = np.sqrt(np.clip(share, 0.0, None) / (times * known))
        error_of_share = error if share_error is None else share_error
        # where the share itself is no more than its error, a root's slope there would know no end
        spread = error_of_share / np.maximum(np.maximum(share, error_of_share), np.finfo(float).tiny)
        relative = spread / known if share_error is None else np.hypot(spread, error / known)
        return value, 0.5 * np.sqrt(np.maximum(np.maximum(share, error_of_share), 0) / (times * known)) * relative

"""Density, coarse / fine: the divergence D_KL(P_data ‖ P_model) (Kullback & Leibler 1951), and what the examples' gradients say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from ..density import input_rows, neighbour_density
from ..local.measure import LocalMeasure, Work
from ..network.forward import Forward, Measure
from ..spectrum.effective_rank import effective_rank, rank_of_all
from ..spectrum.jackknife import jackknife_error
from . import needs
from .protocol import NavigatorProperty, Points, Readout, present
from .vocabulary import INDEPENDENT, Entry

if TYPE_CHECKING:
    from ..local.context import Instruments
    from ..local.neighbourhood import Neighbourhood
    from ..plane.plane import Plane
    from ..problem.problem import Problem
    from .settings import Settings


EXAMPLES = Work(examples=True)
DIMENSION_ROWS = 600  # of the Fisher whose eigenvalues are taken at a point
OLDER = "measured by an older definition"
ROUNDING = 1e-6  # of a mean in float32
WITHOUT_A_VALUE = ("density", "perplexity_excess")  # where the entropy is not that of the data
ENTROPY_OF_ANOTHER = (
    "At {:,} points the mean surprise is below the data's entropy of {:.4g} nats, so that is not the entropy of these data: "
    "check data_entropy."
)


def sparse_half(shared: Instruments) -> Tensor | None:
    """(m,) bool: which of the sampled predictions lie in the sparser half of input space.

    None where there is no telling: of a single example, or of inputs too large to be laid side by side.
    """
    try:
        density = torch.from_numpy(neighbour_density(input_rows(shared.problem)))
    except InputError:
        return None
    order = density.argsort(stable=True)
    sparse = torch.zeros(len(density), dtype=torch.bool)
    sparse[order[: len(order) // 2]] = True
    return sparse[shared.single_examples]


def _fisher_rank(here: Neighbourhood) -> tuple[float, float]:
    return effective_rank(here.fisher.traces, here.fisher.products)


def _data_rank(here: Neighbourhood) -> tuple[float, float]:
    value, error = rank_of_all(here.inner_products, here.instruments.population)
    return value, error * _share_left(here, len(here.inner_products))


def _fisher_dimension(here: Neighbourhood) -> tuple[float, float]:
    return here.fisher.first(DIMENSION_ROWS).dimension(damping(here.instruments.problem.stated))


def damping(problem: Problem) -> float:
    """λ of the effective dimension, in nats per squared parameter unit: the stated weight decay, else 1/N.

    1/N is a standard normal prior on every parameter, beside the mean loss of N predictions.
    """
    return problem.weight_decay or 1 / problem.prediction_count


def _gradient_signal(here: Neighbourhood) -> tuple[float, float]:
    squares, count = here.inner_products.diagonal(), here.instruments.population
    if len(squares) < 2:  # one example has no spread
        return math.nan, math.nan
    length = float(here.gradient.norm())
    spread = float(squares.mean()) - length**2
    if spread <= torch.finfo(here.point.dtype).eps * float(squares.mean()):  # none, up to rounding
        return math.inf if length > 0 else math.nan, math.nan
    signal = length / math.sqrt(spread / count)
    error = float(squares.std()) / len(squares) ** 0.5 * _share_left(here, len(squares))
    return signal, signal * error / (2 * spread)


def _sparse_share(here: Neighbourhood) -> tuple[float, float]:
    squares, sparse = here.inner_products.diagonal(), here.instruments.once(sparse_half)
    if sparse is None:
        return math.nan, math.nan
    part, whole = squares[sparse].sum(), squares.sum()
    without = (part - squares * sparse) / (whole - squares)
    return float(part / whole), _share_left(here, len(squares)) * jackknife_error(without)


def _share_left(here: Neighbourhood, used: int) -> float:
    """√(1 − m/N): a sample of all the data has no sampling error."""
    return math.sqrt(max(0.0, 1 - used / here.instruments.population))


DATA_RANK = LocalMeasure(("data_rank", "data_rank_se"), "gradient", _data_rank, work=EXAMPLES)
RANK = LocalMeasure(("fisher_rank", "fisher_rank_se"), "gradient", _fisher_rank, work=Work(fisher=True))
DIMENSION = LocalMeasure(
    ("fisher_dimension", "fisher_dimension_se"), "gradient", _fisher_dimension, work=Work(fisher=True)
)


class DensityProperty(NavigatorProperty):
    """kl = (1/N) Σ_n Σ_k p(k|x_n) ln[p(k|x_n) / p_θ(k|x_n)], in nats.

    Where the data's law is known the sum is taken exactly. Else it is the cross-entropy minus the data's own
    entropy: the soft labels' entropy, the entropy that the user states, or 0 for one-hot labels.
    """

    name = "density"
    colormap, line_color = "cividis", "#0072B2"
    entry = Entry(
        poles=("coarse", "fine"),
        role=INDEPENDENT,
        meaning=(
            "How well the training data covers the input space. Coarse: few examples, a weak gradient. Fine: "
            "many examples, steep and well-cut valleys."
        ),
        formula=r"D_{KL}(P_{data} \,\|\, P_{model})",
        sources=("Kullback & Leibler 1951",),
        flags=(
            "The divergence says how badly the model fits the data. It does not measure coverage of parameter space directly.",
        ),
    )
    readouts = (
        Readout(
            "kl",
            "density",
            "Divergence D_KL",
            "nats",
            "The Kullback–Leibler divergence of the model's distribution from the data's, averaged over the "
            "examples: 0 where the model gives the data's own probabilities.",
            poles=("fine", "coarse"),
            needs=(needs.likelihood, needs.entropy),
            scale="log",
            like_loss=True,
        ),
        Readout(
            "effective_rank",
            "density_effective_rank",
            "Coverage (effective rank)",
            "directions",
            "The effective rank of the true Fisher, (tr F)² / ‖F‖²: how many parameter directions the data constrain. An "
            "example's product with itself is left out, so that the number does not grow with the examples sampled. It "
            "changes when a layer is rescaled. Of a loss without a likelihood it is the Gauss-Newton matrix's.",
            poles=("coarse", "fine"),
            scale="log",
            needs=(needs.predictions, needs.outputs),
            local=(RANK,),
        ),
        Readout(
            "effective_rank_share",
            "density_effective_rank_share",
            "Coverage per parameter",
            "",
            "The same over the number of parameters: 1 where the data constrain every direction alike.",
            poles=("coarse", "fine"),
            scale="log",
            needs=(needs.predictions, needs.outputs),
            local=(RANK,),
        ),
        Readout(
            "coverage",
            "density_coverage",
            "Coverage by the labels seen",
            "directions",
            "The same of the empirical Fisher, whose labels are the data's own, over all examples with themselves: how many "
            "directions their gradients pull in. Where the data are fitted it weighs only the misfits.",
            poles=("coarse", "fine"),
            scale="log",
            needs=(needs.examples,),
            local=(DATA_RANK,),
        ),
        Readout(
            "effective_dimension",
            "density_effective_dimension",
            "Effective dimension, at least",
            "directions",
            "tr F (F + λ)⁻¹ of the true Fisher (MacKay 1992): the directions in which the data say more than a prior of "
            "precision λ. λ, in nats per squared parameter unit, is the weight decay where the problem states one, else 1/N, a "
            "standard normal prior on every parameter. Of fewer examples it is less.",
            poles=("coarse", "fine"),
            scale="log",
            needs=(needs.predictions, needs.outputs),
            local=(DIMENSION,),
        ),
        Readout(
            "gradient_signal",
            "density_gradient_signal",
            "Gradient signal",
            "",
            "The length of the mean gradient over its own sampling error, ‖ḡ‖ / √(tr Cov(g_n)/N): below 1 it is noise.",
            poles=("coarse", "fine"),
            scale="log",
            needs=(needs.examples,),
            local=(
                LocalMeasure(("gradient_signal", "gradient_signal_se"), "gradient", _gradient_signal, work=EXAMPLES),
            ),
        ),
        Readout(
            "sparse_share",
            "density_sparse_share",
            "Sparse examples' share",
            "",
            "The share of Σ‖g_n‖² that comes from the half of the examples in the sparser part of input space: ½ where "
            "sparse and dense examples pull alike.",
            needs=(needs.examples,),
            local=(
                LocalMeasure(
                    ("sparse_share", "sparse_share_se"),
                    "gradient",
                    _sparse_share,
                    lambda shared: shared.once(sparse_half),
                    work=EXAMPLES,
                ),
            ),
        ),
    )

    def measures(self, problem: Problem) -> tuple[Measure, ...]:
        law = () if problem.law is None else (Measure(("law_divergence",), _law_divergence, each=_each_divergence),)
        return (*law, *surprise_measures(problem))

    def facts(self, problem: Problem, plane: Plane) -> dict[str, Any]:
        return {"entropy": data_entropy(problem), "exact": problem.law is not None}

    def values(self, points: Points, settings: Settings) -> dict[str, np.ndarray]:
        columns = {
            f"density_{name}": name for what in ("gradient_signal", "sparse_share") for name in (what, f"{what}_se")
        }
        columns |= {
            "density_effective_dimension": "fisher_dimension",
            "density_effective_dimension_se": "fisher_dimension_se",
        }
        rank = "coverage" if _is_older(points) else "data_rank"
        columns |= {"density_coverage": rank, "density_coverage_se": f"{rank}_se"}
        columns |= {"density_effective_rank": "fisher_rank", "density_effective_rank_se": "fisher_rank_se"}
        values = {"density": divergence(points, points.facts["density"]), **present(points, columns)}
        if "fisher_rank" in points.columns and points.parameters:
            values |= {
                f"density_effective_rank_share{end}": values[f"density_effective_rank{end}"] / points.parameters
                for end in ("", "_se")
            }
        return values

    def first_drawn(self, facts: Mapping[str, Any]) -> str:
        """Coverage: with one-hot labels the divergence is the loss once more. Where the data's law is known it is a number of
        its own."""
        return "density" if facts.get("exact") else "density_effective_rank"

    def notes(self, points: Points, settings: Settings) -> dict[str, dict[str, Any]]:
        """The least loss of any model, where the data's own entropy is known and not zero; an older definition; why there are gaps."""
        entropy = points.facts["density"]["entropy"]
        label = f"Coverage of the sampled examples, {OLDER}"
        older: dict[str, dict[str, Any]] = {"density_coverage": {"long_name": label}} if _is_older(points) else {}
        if not entropy:
            return older
        notes: dict[str, dict[str, Any]] = {"perplexity": {"floor": float(np.exp(entropy))}, **older}
        if "surprise" not in points.columns:
            notes["loss"] = {"floor": entropy}
        below = int((surprise(points) - entropy < -_rounding(entropy)).sum())
        if below and "law_divergence" not in points.columns:
            notes |= {variable: {"gaps": ENTROPY_OF_ANOTHER.format(below, entropy)} for variable in WITHOUT_A_VALUE}
        return notes


def _is_older(points: Points) -> bool:
    """Whether coverage was measured as that of the sampled examples alone, as it once was."""
    return "coverage" in points.columns and "data_rank" not in points.columns


def divergence(points: Points, facts: Mapping[str, Any]) -> np.ndarray:
    """D_KL(P_data ‖ P_model) in nats at each point, (m,), from the measured means and `DensityProperty.facts`.

    A divergence is never below zero. Where the mean surprise is below the data's entropy, the entropy is not that of these data
    (another's, or that of a law of which these are a lucky sample), and the divergence is not known there: NaN.
    """
    if "law_divergence" in points.columns:
        return points.columns["law_divergence"]
    difference: np.ndarray = surprise(points) - facts["entropy"]
    found: np.ndarray = np.where(difference < -_rounding(facts["entropy"]), np.nan, np.maximum(difference, 0.0))
    return found if facts["entropy"] else difference


def _rounding(entropy: float) -> float:
    return ROUNDING * max(1.0, abs(entropy))


def surprise_measures(problem: Problem) -> tuple[Measure, ...]:
    """The mean of −ln p of the data, where it is a likelihood's and not the loss itself: class weights, weight decay …"""
    if not problem.stated.likelihood.is_likelihood or problem.states_loss:
        return ()
    return (Measure(("surprise",), _surprise, each=_each_surprise),)


def surprise(points: Points) -> np.ndarray:
    """Mean −ln p of the data at each point, in nats, (m,)."""
    found: np.ndarray = points.columns["surprise" if "surprise" in points.columns else "loss"]
    return found


def data_entropy(problem: Problem) -> float:
    """The data's own entropy in nats per prediction: the floor of the expected loss.

    That of the known law, the stated one, that of soft labels, or 0 for one-hot labels.
    """
    problem = problem.stated
    if problem.law is not None:
        return _law_entropy(problem, problem.law.double())
    if problem.data_entropy is not None:
        return float(problem.data_entropy)
    return problem.likelihood.target_entropy(problem.targets)


def _law_entropy(problem: Problem, law: Tensor) -> float:
    rows, predicted = problem.likelihood.law_rows(law), None
    if problem.ignores:
        predicted = problem.likelihood.predicted(problem.likelihood.target_rows(problem.targets))
    return problem.likelihood.law_entropy(rows if predicted is None else rows[predicted])


def _each_surprise(forward: Forward) -> Tensor:
    return forward.negative_log_likelihoods[None]


def _each_divergence(forward: Forward) -> Tensor:
    return forward.divergences[None]


def _surprise(forward: Forward) -> Tensor:
    return forward.negative_log_likelihoods.sum(dtype=torch.float64)[None]


def _law_divergence(forward: Forward) -> Tensor:
    return forward.divergences.sum(dtype=torch.float64)[None]

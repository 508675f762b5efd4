"""Can the label of a person's networks be told: from the spectrum, from the weights, from the function, and from these beside it?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...checks import InputError
from ...parameters.hashing import digest, tensor_digest
from ...problem.identity import problem_identity
from ...problem.problem import Problem
from ..kept import kept_tables
from ..memory import BESIDE, FINGERPRINT, INSIDE, LEVEL, NO_MARK, SATURATED, UNCLEAR, outcome
from ..protocol import Progress
from ..source import made_by
from ..statistics import holm, kernels_of
from ..told_apart import planted, spectrum_kernels
from ..turns import in_turns
from .features import WHOLE, function_row, loss_of, spectrum_of, spectrum_rows, weight_row
from .networks import Labelled
from .paired import PairedTest

EQUAL = 1e-9  # of losses, relative, that tell nothing
EFFECTS, REPLICATES, ENOUGH_POWER = (0.67, 0.75, 0.85), 10, 0.8
KINDS = ("V", "W", "F")
RULE = f"""A label is "{BESIDE}" if for X = W (weights) or F (function) the 95 % interval of accuracy(V + X) − max(accuracy(V), ½) lies above 0, that of \
the gain in bits lies above 0, and the conditional p, Holm-corrected over every (label, X), is ≤ {LEVEL}; where accuracy(V) ≥ {FINGERPRINT} it is "{SATURATED}"; \
"{INSIDE}" if V tells the label (Holm-corrected p ≤ {LEVEL}) and it is not beside; "{NO_MARK}" if none of V, W, F does; else "{UNCLEAR}". Where the loss alone tells the \
label (p ≤ {LEVEL}), what V, W and F show may be the loss."""


@dataclass(frozen=True)
class Told:
    """Results of telling labels: tests, planted effects, and the sentences they allow.

    tests  for each label, as claim `memory` has them for each contrast: accuracies with intervals, p, gains, outcome; and `loss`, what
           the loss alone tells
    notes  how V, W and F were got, in sentences
    """

    column: str
    counts: Mapping[str, int]
    draws: int
    seed: int
    tests: tuple[dict[str, Any], ...]
    power: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]
    rule: str = RULE

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**asdict(self), "sentences": self.sentences}

    @property
    def sentences(self) -> list[str]:
        """One for each label, then what a mark that was not found excludes."""
        said = [sentence_of(test) for test in self.tests]
        if any(test["outcome"] == NO_MARK for test in self.tests):
            said.append(_excluded(self.power))
        return said


def labels_told(
    networks: Labelled,
    folder: Path,
    progress: Progress,
    held_out: Problem | None = None,
    draws: int = 999,
    seed: int = 0,
) -> Told:
    """The question of claim `memory` of a person's own networks: the same learner, nulls, corrections and rule.

    Two labels are told from each other; of more, each from the others. As many networks of each side take part, so that chance is
    one half: of the larger side so many are drawn by the seed.

    Parameters
    ----------
    folder    where measures of networks are kept
    held_out  the same architecture with examples that no network saw, for F; None: F is of the training examples
    draws     B of every null
    seed      of folds and draws

    Raises
    ------
    InputError  too few draws for anything to be found; curvature that is not finite; held-out examples for another network
    """
    contrasts = _contrasts(networks, seed)
    _check(draws, seed, len(contrasts))
    found = _measured(networks, held_out, folder, progress)
    asked = [(each, features_of(found, each.rows), draws, seed + 1000 * k) for k, each in enumerate(contrasts)]
    tests = in_turns("Testing", lambda each: tested(*each), asked, progress)
    correct(tests)
    quiet = any(test["outcome"] == NO_MARK for test in tests)
    fewest = min((features for _, features, _, _ in asked), key=lambda each: len(each["W rows"]))
    power = _power(fewest, draws, len(tests), progress) if quiet else []
    return Told(networks.column, networks.counts, draws, seed, tuple(tests), tuple(power), _notes(networks, held_out))


@dataclass(frozen=True)
class LabelContrast:
    """Networks by their places (n,), and on which side each is, ±1 (n,): +1 for the label that is named first."""

    name: str
    rows: np.ndarray
    sides: np.ndarray


def _contrasts(networks: Labelled, seed: int) -> list[LabelContrast]:
    labels, names = np.array(networks.labels), list(networks.counts)
    if len(names) == 2:
        return [balanced(f"{names[0]} against {names[1]}", labels == names[0], seed)]
    return [balanced(f"{name} against the others", labels == name, seed) for name in names]


def balanced(name: str, first: np.ndarray, seed: int) -> LabelContrast:
    """All of the smaller side, and as many of the other."""
    generator = np.random.default_rng([seed, 2])
    both = [np.flatnonzero(first), np.flatnonzero(~first)]
    count = min(map(len, both))
    rows = [np.sort(generator.permutation(each)[:count]) for each in both]
    return LabelContrast(name, np.concatenate(rows), np.repeat([1, -1], count))


def _check(draws: int, seed: int, contrasts: int) -> None:
    fewest = math.ceil(len(KINDS) * contrasts / LEVEL) - 1
    if draws < fewest:
        raise InputError(
            f"With {len(KINDS) * contrasts} tests corrected together, nothing could be found by fewer than {fewest} draws, but draws is {draws}."
        )
    if seed < 0:
        raise InputError(f"seed should be 0 or more, but is {seed}.")


def _measured(networks: Labelled, held_out: Problem | None, folder: Path, progress: Progress) -> dict[str, np.ndarray]:
    """Rows of every network, from the folder or measured."""
    problem = networks.problem
    base = problem.over()
    base.trajectory = None  # measures of a network do not depend on which others are asked for
    told = [_identity(each) for each in (base, held_out) if each is not None]
    here = Path(__file__).parent
    settings = {"problem": told, "made by": made_by(*(str(here / name) for name in ("features.py", "told.py")))}
    count = len(networks.files)
    names = [tensor_digest(networks.network(k).model.state_dict())[:24] for k in range(count)]
    units = [(networks, k, held_out) for k in range(count)]
    return kept_tables("Networks", folder, settings, units, _measures, progress, names)


def _identity(problem: Problem) -> str:
    """Of everything but the weights, which are the networks' own and in their names."""
    return digest({name: value for name, value in problem_identity(problem).items() if name != "weights"})


def _measures(networks: Labelled, index: int, held_out: Problem | None) -> dict[str, np.ndarray]:
    network = networks.network(index)
    return {
        **spectrum_of(network),
        "W": weight_row(network.parameters),
        "F": function_row(network if held_out is None else _with_weights(held_out, network)),
        "loss": np.array(loss_of(network)),
    }


def _with_weights(other: Problem, network: Problem) -> Problem:
    """Another problem's examples with this network."""
    moved = other.over()
    moved.model, moved.selection, moved.reported_loss = network.model, network.selection, None
    return moved


def features_of(measurements: Mapping[str, np.ndarray], rows: np.ndarray) -> dict[str, Any]:
    """The kernels of some of the networks."""
    chosen = {name: values[rows] for name, values in measurements.items()}
    loss = chosen["loss"]
    return {
        "V": spectrum_kernels(*spectrum_rows(chosen)),
        "W rows": chosen["W"],
        **{kind: kernels_of(chosen[kind]) for kind in ("W", "F")},
        "loss": kernels_of(np.stack([loss, np.log(np.maximum(loss, 1e-12))], 1)),
        "spread": float(np.ptp(loss) / max(np.abs(loss).max(), 1e-300)),
    }


def tested(contrast: LabelContrast, features: Mapping[str, Any], draws: int, seed: int) -> dict[str, Any]:
    """Everything about one label, in the words of claim `memory`."""
    test = PairedTest(contrast.sides, features["V"], draws, seed)
    alone = {kind: test.alone(features[kind]) for kind in ("W", "F", "loss")}
    loss, p_loss = alone.pop("loss")
    gains = {kind: test.beside(features[kind]) for kind in ("W", "F")}
    return {
        "contrast": contrast.name,
        "networks": len(contrast.rows),
        "accuracy": {"V": test.accuracy().as_list(), **{kind: found.as_list() for kind, (found, _) in alone.items()}},
        "p": {"V": test.p, **{kind: p for kind, (_, p) in alone.items()}},
        "gains": {kind: _as_json(gain) for kind, gain in gains.items()},
        "loss": {"accuracy": loss.as_list(), "p": p_loss, "equal": features["spread"] <= EQUAL},
    }


def _as_json(gain: Any) -> dict[str, Any]:
    return {name: value if name == "p" else value.as_list() for name, value in vars(gain).items()}


def correct(tests: Sequence[dict[str, Any]]) -> None:
    """Holm's correction over all labels, of gains and of single accuracies, then the outcome of each."""
    gains = [test["gains"][kind] for test in tests for kind in ("W", "F")]
    for gain, p in zip(gains, holm([each["p"] for each in gains]), strict=True):
        gain["p_corrected"] = float(p)
    singles = [(test, kind) for test in tests for kind in KINDS]
    for (test, kind), p in zip(singles, holm([test["p"][kind] for test, kind in singles]), strict=True):
        test.setdefault("p_corrected", {})[kind] = float(p)
    for test in tests:
        test["outcome"] = outcome(test)


def _power(features: Mapping[str, Any], draws: int, tests: int, progress: Progress) -> list[dict[str, Any]]:
    """How often an effect of each size, put into W of these networks, is told by W alone at the strictest step of Holm."""

    def detected(asked: tuple[int, float]) -> bool:
        labels, moved = planted(features["W rows"], asked[1], np.random.default_rng([12, asked[0]]))
        _, p = PairedTest(labels, features["V"], draws, asked[0]).alone(kernels_of(moved))
        return p <= LEVEL / (len(KINDS) * tests)

    if features["W rows"].std(0).max() <= 1e-12:
        return []  # equal weights: nothing can be put into them
    asked = list(enumerate(effect for effect in EFFECTS for _ in range(REPLICATES)))
    hits = np.reshape(in_turns("Planted effects", detected, asked, progress), (len(EFFECTS), REPLICATES)).mean(1)
    return [
        {"best": effect, "rate": float(rate), "replicates": REPLICATES}
        for effect, rate in zip(EFFECTS, hits, strict=True)
    ]


def _notes(networks: Labelled, held_out: Problem | None) -> tuple[str, ...]:
    problem = networks.problem
    whole = problem.parameter_count <= WHOLE
    v = (
        f"V is the whole spectrum, {problem.parameter_count} eigenvalues"
        if whole
        else f"V is no whole spectrum: the 30 largest eigenvalues and a blurred density of {problem.parameter_count:,} by stochastic Lanczos "
        "quadrature, so that “beside viscosity” means beside these"
    )
    f = (
        "F is of the training examples: give held-out ones to see the function where it was not fitted"
        if held_out is None
        else f"F is of up to 200 of {held_out.example_count:,} held-out examples"
    )
    w = "W is sizes alone, whatever the order and sign of hidden units"
    return f"{v}.", f"{w}.", f"{f}."


def sentence_of(test: Mapping[str, Any]) -> str:
    """The outcome of one label with its numbers."""
    alone = ", ".join(f"{kind} {_interval(test['accuracy'][kind])}" for kind in KINDS)
    beside = ", ".join(
        f"V + {kind} {_interval(gain['accuracy'])} (conditional p {gain['p_corrected']:.2g})"
        for kind, gain in test["gains"].items()
    )
    return (
        f"{test['contrast']}: {test['outcome']}. Right of {test['networks']} networks, where chance is 0.50: "
        f"{alone}; {beside}. {_of_loss(test['loss'])}"
    )


def _of_loss(loss: Mapping[str, Any]) -> str:
    if loss["equal"]:
        return "All losses are equal, so that loss tells nothing."
    told = f"The losses are not equal: loss alone is right in {_interval(loss['accuracy'])} (p {loss['p']:.2g})"
    more = (
        ", and what V, W and F show may be the loss" if loss["p"] <= LEVEL else ", so it is not shown to tell the label"
    )
    return f"{told}{more}."


def _interval(values: Sequence[float]) -> str:
    return f"{values[0]:.2f} ({values[1]:.2f} to {values[2]:.2f})"


def _excluded(power: Sequence[Mapping[str, Any]]) -> str:
    least = next((each for each in power if each["rate"] >= ENOUGH_POWER), None)
    if least is None:
        return "No mark found is not no mark: with so few networks no planted effect was found often enough to say what that excludes."
    return f"No mark found is not no mark: an effect in W whose best possible accuracy is {least['best']:.2f} was found in {100 * least['rate']:.0f} % of {least['replicates']} trials."

"""The list of samples and their cards; light, so that listing them loads no network."""

import functools
import json
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from .digests import checked

NAMES: tuple[str, ...] = (
    "gaussians-mlp",
    "digits-resnet",
    "digits-plain",
    "digits-two-tasks",
    "digits-two-tasks-ewc",
    "digits-small-batch",
    "digits-large-batch",
    "markov-gpt",
    "linear-regression",
)
SAMPLES = "lossnav.samples"  # entry points: name → a Problem, or a function that returns one
CARDS = "lossnav.cards"  # entry points: name → the sample's card, or a function that returns it


def names() -> tuple[str, ...]:
    """Every sample that is installed: those shipped here, then those of other packages."""
    return (*NAMES, *(name for name in _elsewhere() if name not in NAMES))


def card(name: str) -> dict[str, Any]:
    """A sample's card: network, data, training, measured numbers.

    A sample of another package has the card that the package states under `lossnav.cards`; without one, its name and where
    it comes from.

    Raises
    ------
    ValueError  where there is no sample of that name
    InputError  the card is not what was shipped
    """
    if name in NAMES:
        found: dict[str, Any] = json.loads(checked(folder(name) / "card.json").read_text("utf-8"))
        return found
    if name not in _elsewhere():
        raise ValueError(f"no sample is named {name!r}; the samples are {', '.join(names())}")
    return _plain_card(name, _elsewhere()[name]) | _stated_card(name)


def folder(name: str) -> Path:
    """Where a sample's weights and card lie."""
    return Path(__file__).parent / "weights" / name


@functools.cache
def _elsewhere() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=SAMPLES)}


def _plain_card(name: str, point: EntryPoint) -> dict[str, Any]:
    package = f"{point.dist.name} {point.dist.version}" if point.dist else point.value.partition(":")[0]
    return {"name": name, "title": name, "summary": f"A sample of {package}.", "facts": [], "test": {}}


def _stated_card(name: str) -> dict[str, Any]:
    for point in entry_points(group=CARDS, name=name):
        stated = point.load()
        return dict(stated() if callable(stated) else stated)
    return {}

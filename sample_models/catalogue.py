"""The list of samples and their cards; light, so that listing them loads no network."""

import json
from pathlib import Path
from typing import Any

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


def card(name: str) -> dict[str, Any]:
    """What there is to know about a sample: network, data, training, measured numbers.

    Raises
    ------
    ValueError  where there is no sample of that name.
    """
    if name not in NAMES:
        raise ValueError(f"no sample is named {name!r}; the samples are {', '.join(NAMES)}")
    return json.loads((folder(name) / "card.json").read_text("utf-8"))


def folder(name: str) -> Path:
    """Where a sample's weights and card lie."""
    return Path(__file__).parent / "weights" / name

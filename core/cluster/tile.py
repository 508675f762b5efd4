"""A tile, as it travels to a worker, and what comes back: words, numbers and arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..local.evaluator import Experience
from .recipe import Recipe


@dataclass(frozen=True)
class Tile:
    """Points to be measured at one stage.

    recipe      what makes the specification
    identity    what it must turn out to be (see `identity`)
    threads     of torch, for each evaluation
    stage       one of STAGES
    points      (m, 2) coordinates (α, β)
    columns     the stage's columns that are asked for
    way, precision  how the network is run in forward passes, as the client chose
    experience  which measures around points worked and failed so far
    """

    recipe: Recipe
    identity: Mapping[str, str]
    threads: int
    stage: str
    points: np.ndarray
    columns: tuple[str, ...] = ()
    way: Mapping[str, Any] = field(default_factory=dict)
    precision: str | None = None
    experience: Experience = ({}, [])


@dataclass(frozen=True)
class Answer:
    """A worker's measurements of a tile, and how they were made.

    values      (m, columns) of forward passes; around points, for each of them what each measure found
    seconds     of measuring, without making the problem
    machine     the kind of machine it was
    way, fallbacks  how the network is run now, and why it is no longer as it was asked for
    experience  which measures worked and failed here
    failures    which readouts of forward passes have no number at some points, and why
    """

    values: Any
    seconds: float
    machine: str
    way: Mapping[str, Any] = field(default_factory=dict)
    fallbacks: tuple[str, ...] = ()
    experience: Experience = ({}, [])
    failures: Mapping[str, str] = field(default_factory=dict)

"""The protocol of a claim: words that are fixed before, numbers, a rule, a figure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .panel import Panel

SUPPORTED, NOT_SUPPORTED, UNDECIDED = "supported", "not supported", "undecided"
FIRST_SEED = 2_000_000  # of the confirmatory runs: network k has the seed 2,000,000 + k, which no prototype used
QUICK_SEED = 1_000_000  # of quick runs, which so never look at a network of a confirmatory one
Progress = Callable[[str, int, int], None]
Table = Mapping[str, np.ndarray]
Numbers = Mapping[str, Table]  # table → column → one row for each unit
Findings = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """How large a run is.

    networks  of each contrast, or of the whole claim where it has one population
    draws     B of every null
    data      names of the sets of examples
    base      network k has the seed base + k
    quick     a smaller selection, for a look
    """

    networks: int
    draws: int
    data: tuple[str, ...]
    base: int = FIRST_SEED
    quick: bool = False

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**asdict(self), "data": list(self.data)}


@dataclass(frozen=True)
class Control:
    """Something that must come out as it is known to be, or nothing is decided."""

    name: str
    passed: bool
    said: str


@dataclass(frozen=True)
class Verdict:
    """supported, not supported or undecided; the sentence with the numbers; the controls."""

    verdict: str
    sentence: str
    controls: tuple[Control, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the controls that failed."""
        return tuple(each.name for each in self.controls if not each.passed)


class Claim(ABC):
    """One claim of the vocabulary as an experiment; docs/claims/NAME.md is made of these words.

    hypothesis … power   the registration's sections, in the order of SECTIONS
    rule                 one text, printed with every verdict
    not_said             what a verdict does not say
    departures           where this is not as it was first designed, and why
    full, quick          the confirmatory run, and one for a look
    choices              data that `--data` may name
    fewest, step         the smallest run, and what its networks come in multiples of
    """

    name: str
    title: str
    hypothesis: str
    population: str
    measures: str
    statistic: str
    null: str
    controls: str
    size: str
    power: str
    rule: str
    not_said: str
    departures: tuple[str, ...] = ()
    full: Plan
    quick: Plan
    choices: tuple[str, ...] = ("digits", "mixture")
    fewest: int = 24
    step: int = 2

    @abstractmethod
    def collect(self, plan: Plan, folder: Path, progress: Progress) -> Numbers:
        """Everything that is measured, network by network: from the folder, or computed and stored there as it comes."""

    @abstractmethod
    def analyse(self, plan: Plan, numbers: Numbers, progress: Progress) -> Findings:
        """Statistics, nulls and controls, ready for JSON."""

    @abstractmethod
    def check(self, findings: Findings) -> Sequence[Control]:
        """The controls, from the findings."""

    @abstractmethod
    def judge(self, findings: Findings) -> tuple[str, str]:
        """Verdict and sentence, were all controls to pass."""

    @abstractmethod
    def figure(self, findings: Findings) -> tuple[Panel, ...]:
        """The figure's data."""

    @abstractmethod
    def recipes(self, plan: Plan) -> Mapping[str, Any]:
        """How the networks were made, ready for JSON."""

    def decide(self, findings: Findings) -> Verdict:
        """The rule applied to findings; a control that failed makes it undecided, and is named."""
        controls = tuple(self.check(findings))
        verdict, sentence = self.judge(findings)
        failed = [each for each in controls if not each.passed]
        if failed:
            names = ", ".join(f"“{each.name}”" for each in failed)
            verdict, sentence = UNDECIDED, f"Controls failed: {names}. Without them it would read: {sentence}"
        return Verdict(verdict, sentence, controls)

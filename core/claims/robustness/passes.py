"""One pass: a claim's question of networks of another architecture, or at another loss, in numbers and one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from ...checks import InputError, known
from ...sealed import read_json
from ..protocol import Claim, Progress, Table
from . import collapse, conjugate, coupling, memory, valleys
from .networks import PassPopulation, tables

FOLDER = Path(__file__).parent / "results"
LEVEL = 0.05  # nats, of networks whose loss is matched
LARGEST = 100_000  # bytes of each that comes with the package
Tables = Mapping[str, Table]


@dataclass(frozen=True)
class Question:
    """What a claim asks of other networks.

    findings   (population, numbers, draws, folder, progress) → numbers, ready for JSON
    said       findings → a sentence
    contrasts  pairs of histories that the networks are of
    tables     (population, folder, progress) → the networks' numbers
    matched    whether all networks are brought to one loss
    """

    findings: Callable[[PassPopulation, Tables, int, Path, Progress], dict[str, Any]]
    said: Callable[[Mapping[str, Any]], str]
    contrasts: tuple[str, ...] = ()
    tables: Callable[[PassPopulation, Path, Progress], dict[str, Table]] = tables
    matched: bool = True


QUESTIONS = {
    "memory": Question(memory.findings, memory.said, memory.CONTRASTS),
    "conjugate": Question(conjugate.findings, conjugate.said, conjugate.CONTRASTS),
    "valleys": Question(valleys.findings, valleys.said, valleys.CONTRASTS),
    "coupling": Question(coupling.findings, coupling.said, coupling.CONTRASTS),
    "collapse": Question(collapse.findings, collapse.said, tables=collapse.tables, matched=False),
}
NAMES = tuple(QUESTIONS)


@dataclass(frozen=True)
class Pass:
    """Result of a claim's question on another architecture, or at another loss.

    population  architecture, loss and size
    findings    numbers, ready for JSON
    said        them in a sentence
    """

    claim: str
    population: PassPopulation
    draws: int
    findings: Mapping[str, Any]
    said: str

    @property
    def place(self) -> str:
        """Architecture, loss, size, in words."""
        what = self.population
        if what.level is None:
            return f"{what.architecture}, {what.networks} networks, their losses not matched"
        return f"{what.architecture}, loss {what.level:g}, {what.networks} networks a contrast"

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def robustness(
    name: str,
    folder: Path,
    progress: Progress,
    architecture: str = "relu",
    level: float | None = None,
    networks: int = 60,
    draws: int = 299,
) -> Pass:
    """A claim's question of other networks; no verdict rests on it.

    Parameters
    ----------
    folder        where networks are kept
    architecture  "tanh", the registered one; "relu", the same with another activation; "cnn", a convolution, ReLU, pooling and a
                  linear layer
    level         the loss of all networks, nats; the registered ones are 0.14 and 0.05; None: 0.05, and none for claim `collapse`, whose
                  networks differ in width, examples and pull and are not brought to one loss
    networks      of each contrast; of `collapse`, in all
    draws         of nulls

    Raises
    ------
    InputError  an unknown architecture or claim; sizes or losses that cannot be
    """
    question = QUESTIONS[known(name, QUESTIONS, "claim")]
    if level is not None and not question.matched:
        raise InputError(f"The networks of '{name}' are not brought to one loss, but level is {level:g}: leave it out.")
    if draws < 19:
        raise InputError(f"draws should be 19 or more, but is {draws}.")
    level = LEVEL if level is None and question.matched else level
    population = PassPopulation(architecture, level, networks, question.contrasts)
    numbers = question.tables(population, folder, progress)
    if min(len(table["loss"]) for table in numbers.values()) < networks // 2:
        raise InputError(f"Fewer than half of the networks reach a loss of {level:g}: ask for a higher one.")
    with threadpool_limits(1, "blas"):
        findings = question.findings(population, numbers, draws, folder, progress)
    measured = sum(len(table["loss"]) for table in numbers.values())
    findings |= {"networks": measured, "left_out": len(numbers) * networks - measured}
    return Pass(name, population, draws, findings, question.said(findings))


def read_pass(path: Path) -> Pass:
    """The pass in a file, as `Pass.as_json` has it."""
    content = read_json(path)
    what = content["population"]
    population = PassPopulation(**{**what, "contrasts": tuple(what["contrasts"])})
    return Pass(**{**content, "population": population})


def shipped_passes(claim: Claim) -> list[Pass]:
    """The passes that came with the package, results/NAME-*.json here."""
    return [read_pass(path) for path in sorted(FOLDER.glob(f"{claim.name}-*.json"))]

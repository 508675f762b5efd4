"""One pass: a claim's question of networks of another architecture, or at another loss, in numbers and one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from ...checks import InputError
from ...sealed import read_json
from ..protocol import Claim, Progress
from . import conjugate, coupling, memory, valleys
from .networks import PassPopulation, tables

FOLDER = Path(__file__).parent / "results"
LARGEST = 100_000  # bytes of each that comes with the package
QUESTIONS: dict[str, tuple[Callable[..., dict[str, Any]], Callable[[Mapping[str, Any]], str], tuple[str, ...]]] = {
    "memory": (memory.findings, memory.said, memory.CONTRASTS),
    "conjugate": (conjugate.findings, conjugate.said, conjugate.CONTRASTS),
    "valleys": (valleys.findings, valleys.said, valleys.CONTRASTS),
    "coupling": (coupling.findings, coupling.said, coupling.CONTRASTS),
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
        return f"{what.architecture}, loss {what.level:g}, {what.networks} networks a contrast"

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def robustness(
    name: str,
    folder: Path,
    progress: Progress,
    architecture: str = "relu",
    level: float = 0.05,
    networks: int = 60,
    draws: int = 299,
) -> Pass:
    """A claim's question of other networks; no verdict rests on it.

    Parameters
    ----------
    folder        where networks are kept
    architecture  "tanh", the registered one; "relu", the same with another activation; "cnn", a convolution, ReLU, pooling and a
                  linear layer
    level         the loss of all networks, nats; the registered ones are 0.14 and 0.05
    networks      of each contrast
    draws         of nulls

    Raises
    ------
    InputError  an unknown architecture; a claim without such a pass; sizes or losses that cannot be
    """
    if name not in QUESTIONS:
        raise InputError(
            f"There is no pass for '{name}', whose networks differ in width, examples and pull and are not brought to one loss: ask of {', '.join(NAMES)}."
        )
    if draws < 19:
        raise InputError(f"draws should be 19 or more, but is {draws}.")
    find, say, contrasts = QUESTIONS[name]
    population = PassPopulation(architecture, level, networks, contrasts)
    numbers = tables(population, folder, progress)
    if min(len(table["loss"]) for table in numbers.values()) < networks // 2:
        raise InputError(f"Fewer than half of the networks reach a loss of {level:g}: ask for a higher one.")
    with threadpool_limits(1, "blas"):
        answer = find(population, numbers, draws, folder, progress)
    kept = sum(len(table["loss"]) for table in numbers.values())
    answer = {**answer, "networks": kept, "left_out": len(numbers) * networks - kept}
    return Pass(name, population, draws, answer, say(answer))


def read_pass(path: Path) -> Pass:
    """The pass in a file, as `Pass.as_json` has it."""
    content = read_json(path)
    what = content["population"]
    population = PassPopulation(**{**what, "contrasts": tuple(what["contrasts"])})
    return Pass(**{**content, "population": population})


def shipped_passes(claim: Claim) -> list[Pass]:
    """The passes that came with the package, results/NAME-*.json here."""
    return [read_pass(path) for path in sorted(FOLDER.glob(f"{claim.name}-*.json"))]

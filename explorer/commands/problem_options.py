"""Options of a problem that any command takes: data, number type, parameters, weight decay, products."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from lossnav.core import InputError, Problem, load_problem
from lossnav.core.cluster import Recipe

Dtype = Annotated[
    str | None,
    typer.Option(help="float32, float64 or the network's own bfloat16 …; without it, its own, float32 at least."),
]
OPTIONS: dict[str, tuple[Any, Any]] = {
    "texts": (
        Annotated[
            Path | None,
            typer.Option(help="What a folder of transformers is read on: texts (.txt), or tokens (.npy, .pt, .bin)."),
        ],
        None,
    ),
    "parameters": (
        Annotated[
            list[str] | None,
            typer.Option(
                help="Only these parameters, such as encoder.layer.3.* or *.lora_*; may be given several times."
            ),
        ],
        None,
    ),
    "decay": (Annotated[float, typer.Option("--weight-decay", help="λ: the loss includes ½ λ ‖θ‖².")], 0.0),
    "examples": (
        Annotated[
            int | None,
            typer.Option(help="Only this many of the data's examples, drawn from seed 0, the same at every point."),
        ],
        None,
    ),
    "products": (
        Annotated[
            str | None,
            typer.Option(help="differences: products with curvature matrices by central differences of gradients."),
        ],
        None,
    ),
}


@dataclass(frozen=True)
class ProblemChoice:
    """A target and what was chosen of it; None, or no weight decay: as it is."""

    target: str
    texts: Path | None = None
    parameters: list[str] | None = None
    decay: float = 0.0
    examples: int | None = None
    products: str | None = None

    @property
    def name(self) -> str:
        """The target with its texts, as `load_problem` takes both."""
        if self.texts is not None and not Path(self.target).is_dir():
            raise InputError(
                f"--texts is of a folder of transformers, but the target is '{self.target}': leave it out, or give the folder; a .py "
                "file hands its texts to Problem.from_transformers."
            )
        return self.target if self.texts is None else f"{self.target}:{self.texts}"

    def problem(self) -> Problem:
        """The problem that is meant."""
        problem = load_problem(self.name)
        if self.examples is not None:
            problem = problem.of_examples(self.examples)
        if self.parameters or self.decay or self.products is not None:
            problem = problem.over(self.parameters or None, self.decay or None, self.products)
        return problem

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON, meaning the same in every folder."""
        texts = None if self.texts is None else str(self.texts.resolve())
        return {**asdict(self), "target": anywhere(self.target), "texts": texts}

    @classmethod
    def of_json(cls, words: Mapping[str, Any]) -> ProblemChoice:
        """The choice that `as_json` wrote."""
        texts = words["texts"]
        return cls(**{**words, "texts": texts and Path(texts)})

    @property
    def recipe(self) -> Recipe:
        """The same problem for another process, in whatever folder it was started."""
        return Recipe(f"{__name__}:problem_of", self.as_json())


def problem_of(words: Mapping[str, Any]) -> Problem:
    """The problem that a `ProblemChoice.recipe` means."""
    return ProblemChoice.of_json(words).problem()


def anywhere(target: str) -> str:
    """A target that means the same in every folder: a file or folder by its whole path, all else as it is.

    >>> anywhere("digits-resnet"), anywhere("package.module:problem")
    ('digits-resnet', 'package.module:problem')
    >>> Path(anywhere(f"{__file__}:problem")).is_absolute()
    True
    """
    path, colon, rest = target.partition(":")
    return f"{Path(path).resolve()}{colon}{rest}" if Path(path).exists() else target


def with_problem(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that has a parameter `target` these options; it takes them as one `ProblemChoice`, its parameter `choice`."""
    signature = inspect.signature(command, eval_str=True)

    @functools.wraps(command)
    def run(**given: Any) -> None:
        chosen = {name: given.pop(name) for name in OPTIONS}
        command(**given, choice=ProblemChoice(given["target"], **chosen))

    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in OPTIONS.items()
    ]
    listed = [o for p in signature.parameters.values() for o in (options if p.name == "choice" else (p,))]
    run.__signature__ = inspect.Signature([p.replace(kind=p.KEYWORD_ONLY) for p in listed])  # type: ignore[attr-defined]
    run.__annotations__ = {}  # the signature's are the ones that count
    return run

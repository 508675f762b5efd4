"""The registration of a claim: its words and the code that decides, by its hash; and whether a result keeps to it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from .protocol import Claim, Plan
from .registered import REGISTERED
from .source import text_hash

HERE = Path(__file__).parent
SECTIONS = {
    "hypothesis": "Hypothesis",
    "population": "Population",
    "measures": "Measures",
    "statistic": "Statistic",
    "null": "Null",
    "controls": "Controls, which must pass",
    "size": "Size and seeds",
    "power": "Power",
    "rule": "Rule",
    "not_said": "What a verdict does not say",
}


def deciding_files(claim: Claim) -> list[Path]:
    """The files in core/claims that a claim's own file reaches by imports, itself first, the others sorted."""
    first = Path(str(sys.modules[type(claim).__module__].__file__))
    reached, waiting = {first}, [first]
    while waiting:
        new = set(_imported(waiting.pop())) - reached
        reached |= new
        waiting += sorted(new)
    return [first, *sorted(reached - {first})]


def _imported(path: Path) -> Iterator[Path]:
    """Files and packages in core/claims that a file imports, relative imports being the only ones within core."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            names = [base, *(base / alias.name for alias in node.names)]
            for each in names:
                for place in (each.with_suffix(".py"), each / "__init__.py"):
                    if place.is_relative_to(HERE) and place.is_file() and place != HERE / "__init__.py":
                        yield place


def code_hash(claim: Claim) -> str:
    """SHA-256 over the claim's deciding files, with their names; line ends do not count."""
    return text_hash({path.relative_to(HERE).as_posix(): path for path in deciding_files(claim)})


def why_not_confirmatory(claim: Claim, plan: Plan) -> str | None:
    """The reason why a run of this plan by this code is no confirmatory one, in a sentence; None: it is one."""
    if plan != claim.full:
        return "its size, seeds or data are not the registered ones" if not plan.quick else "it is a quick run"
    registered = REGISTERED.get(claim.name)
    if registered is None:
        return "the claim is not registered"
    return None if registered == code_hash(claim) else "code or rule have changed since the registration"


def registration(claim: Claim) -> str:
    """The registration as text, docs/claims/NAME.md."""
    parts = [
        f"# {claim.title}",
        f"Registered before the confirmatory run. Claim `{claim.name}`; `lossnav claims run {claim.name}`.",
    ]
    for field, title in SECTIONS.items():
        parts += [f"## {title}", getattr(claim, field)]
    if claim.departures:
        parts += ["## Where this is not as it was first designed", "\n".join(f"* {each}" for each in claim.departures)]
    files = "\n".join(f"* `core/claims/{path.relative_to(HERE).as_posix()}`" for path in deciding_files(claim))
    parts += [
        "## The code that decides",
        f"SHA-256 `{code_hash(claim)}` over the text of",
        files,
        "A result of other code, another rule, other seeds or another size is not called confirmatory.",
    ]
    return "\n\n".join(parts) + "\n"

"""A claim put to the test: numbers collected, analysed, decided; the result as JSON; all of it exported."""

from __future__ import annotations

import csv
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ..checks import InputError, known
from ..machine import written_whole
from ..sealed import read_json, write_json
from .own_data import own_data
from .panel import Panel
from .protocol import Claim, Control, Plan, Progress, Verdict
from .registration import code_hash, why_not_confirmatory
from .registry import claim_of

MOST = 100_000
LIBRARIES = ("lossnav", "torch", "numpy", "scipy", "scikit-learn")


@dataclass(frozen=True)
class Result:
    """The outcome of a run.

    why_not   the reason why this is no confirmatory result; None: it is one
    code      hash of the code that decided
    shipped   it came with the package
    """

    claim: str
    plan: Plan
    rule: str
    verdict: Verdict
    panels: tuple[Panel, ...]
    findings: Mapping[str, Any]
    why_not: str | None
    code: str
    versions: Mapping[str, str]
    shipped: bool = False

    @property
    def status(self) -> str:
        """ "confirmatory", or why not; and whether it came with the package."""
        said = "confirmatory" if self.why_not is None else f"not confirmatory: {self.why_not}"
        return said if not self.shipped else f"{said}, shipped" if self.why_not is None else f"shipped, {said}"

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        own = {name: getattr(self, name) for name in ("claim", "rule", "findings", "why_not", "code", "versions")}
        return {
            **own,
            "plan": self.plan.as_json(),
            "verdict": asdict(self.verdict),
            "panels": [panel.as_json() for panel in self.panels],
        }


def plan_of(
    claim: Claim, quick: bool = False, base: int | None = None, networks: int | None = None, data: str | None = None
) -> Plan:
    """The plan that was asked for: the confirmatory one where nothing is.

    data  a name, or a problem's file (.py) whose examples are taken

    >>> from .registry import CLAIMS
    >>> plan_of(CLAIMS[0]) == CLAIMS[0].full
    True

    Raises
    ------
    InputError  too few networks, an odd number, a seed below 0, unknown data
    """
    plan = claim.quick if quick else claim.full
    if networks is not None and (not claim.fewest <= networks <= MOST or networks % claim.step):
        kind = "an even number" if claim.step == 2 else "a number"
        raise InputError(f"networks should be {kind} from {claim.fewest} to {MOST:,}, but is {networks}.")
    if base is not None and not 0 <= base < 2**62:
        raise InputError(f"The first seed should be 0 or more, and below 2⁶², but is {base}.")
    chosen = plan.data if data is None else (_data(claim, data),)
    return replace(
        plan,
        data=chosen,
        base=plan.base if base is None else base,
        networks=plan.networks if networks is None else networks,
    )


def _data(claim: Claim, given: str) -> str:
    """The name of a set of examples: of those that there are, or of a person's own, a problem's in a file.

    Raises
    ------
    InputError  unknown, or none of one's own is possible
    """
    if Path(given.partition(":")[0]).suffix != ".py":
        return known(given, claim.choices, "data")
    if len(claim.choices) == 1:
        raise InputError(
            f"Claim '{claim.name}' is about {claim.choices[0]} alone: its tasks are made of them, so leave --data out."
        )
    return own_data(given)


def run(claim: Claim, plan: Plan, folder: Path, progress: Progress) -> Result:
    """Collect what is missing in the folder, analyse, decide."""
    numbers = claim.collect(plan, folder, progress)
    with threadpool_limits(1, "blas"):  # a sum is then made in one order, however many cores there are
        findings = claim.analyse(plan, numbers, progress)
    return Result(
        claim=claim.name,
        plan=plan,
        rule=claim.rule,
        verdict=claim.decide(findings),
        panels=claim.figure(findings),
        findings=findings,
        why_not=why_not_confirmatory(claim, plan),
        code=code_hash(claim),
        versions=versions(),
    )


def versions() -> dict[str, str]:
    """Of what the numbers were made with."""
    return {**{name: metadata.version(name) for name in LIBRARIES}, "python": platform.python_version()}


def write_result(result: Result, path: Path) -> None:
    """As JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, result.as_json(), indent=1, allow_nan=False)


def read_result(path: Path) -> Result:
    """A result that was written. One that says it is confirmatory is asked again whether code and rule are those registered.

    Raises
    ------
    InputError  it is no such file, or is damaged
    """
    try:
        return _result(read_json(path))
    except InputError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"'{path.name}' is no result of a claim: run `lossnav claims run` again to make one."
        ) from error


def _result(content: Mapping[str, Any]) -> Result:
    told = content["plan"]
    plan = Plan(**{**told, "data": tuple(told["data"])})
    said = content["verdict"]
    verdict = Verdict(said["verdict"], said["sentence"], tuple(Control(**each) for each in said["controls"]))
    claim = claim_of(content["claim"])
    why_not = content["why_not"] or why_not_confirmatory(claim, plan)
    if why_not is None and content["code"] != code_hash(claim):
        why_not = "code or rule have changed since it was made"
    return Result(
        claim=claim.name,
        plan=plan,
        rule=content["rule"],
        verdict=verdict,
        panels=tuple(Panel.of(each) for each in content["panels"]),
        findings=content["findings"],
        why_not=why_not,
        code=content["code"],
        versions=content["versions"],
    )


def export(claim: Claim, plan: Plan, folder: Path, out: Path, progress: Progress) -> list[Path]:
    """Every number of every network: numbers.npz, a CSV of each table's columns that are one number each, recipes and versions.

    Returns the files. A column of a table T is the array "T/column" of the .npz; "/" in a table's name is "-" in the CSV's.
    """
    numbers = claim.collect(plan, folder, progress)
    out.mkdir(parents=True, exist_ok=True)
    about = {"claim": claim.name, "plan": plan.as_json(), "recipes": dict(claim.recipes(plan)), "versions": versions()}
    arrays = {f"{table}/{column}": values for table, columns in numbers.items() for column, values in columns.items()}
    files = [
        _write(out / "recipes.json", lambda place: place.write_text(json.dumps(about, indent=1), encoding="utf-8")),
        _write(out / "numbers.npz", lambda place: _save(place, arrays)),
    ]
    for table, columns in numbers.items():
        flat = {name: values for name, values in columns.items() if values.ndim == 1}
        files.append(_write(out / f"{table.replace('/', '-')}.csv", partial(_csv, columns=flat)))
    return files


def _write(path: Path, write: Callable[[Path], object]) -> Path:
    return written_whole(path, write)


def _save(place: Path, arrays: Mapping[str, np.ndarray]) -> None:
    with place.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def _csv(place: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Numbers in full: what is read back is what was written."""
    with place.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))

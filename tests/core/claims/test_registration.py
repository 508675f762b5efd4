"""Registrations are of this very code, results refuse to be called confirmatory otherwise, and what is written is read back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lossnav.core import InputError
from lossnav.core.claims import (
    CLAIMS,
    NOT_SUPPORTED,
    UNDECIDED,
    Claim,
    Control,
    Panel,
    Plan,
    Series,
    claim_of,
    code_hash,
    deciding_files,
    export,
    plan_of,
    read_result,
    registration,
    run,
    why_not_confirmatory,
    write_result,
)
from lossnav.core.claims.registered import REGISTERED

DOCS = Path(__file__).resolve().parents[3] / "docs" / "claims"
NAMES = [claim.name for claim in CLAIMS]


def silent(*_: object) -> None:
    pass


@pytest.mark.parametrize("claim", CLAIMS, ids=NAMES)
def test_the_registration_is_of_this_code(claim: Claim) -> None:
    """Where this fails the code or the words have changed: `python -m benchmarks.register_claims`, before a run and not after."""
    assert REGISTERED[claim.name] == code_hash(claim)
    assert (DOCS / f"{claim.name}.md").read_text(encoding="utf-8") == registration(claim)


def test_there_is_a_registration_for_each_and_no_other() -> None:
    assert sorted(REGISTERED) == sorted(NAMES) == sorted(path.stem for path in DOCS.glob("*.md"))


@pytest.mark.parametrize("claim", CLAIMS, ids=NAMES)
def test_the_hash_covers_what_decides_and_no_other_claim(claim: Claim) -> None:
    files = {path.name for path in deciding_files(claim)}
    assert {f"{claim.name}.py", "protocol.py", "bootstrap.py"} <= files
    assert not files & {"registered.py", "registration.py", "registry.py", "run.py"}


@pytest.mark.parametrize("claim", CLAIMS, ids=NAMES)
def test_every_section_has_words_and_the_rule_names_the_verdicts(claim: Claim) -> None:
    text = registration(claim)
    assert all(word in claim.rule for word in ("supported", "not supported", "undecided"))
    assert claim.rule in text
    assert code_hash(claim) in text
    assert "2,000,000" in claim.size
    assert claim.full.base == 2_000_000
    assert claim.quick.quick
    assert not claim.full.quick


class Toy(Claim):
    """A claim that is decided by one number, and otherwise claim 2's."""

    __module__ = "lossnav.core.claims.memory"
    name, title = "memory", "A toy"
    rule = "supported, not supported or undecided"
    full, quick = Plan(24, 19, ("digits",)), Plan(24, 19, ("digits",), quick=True)
    passes = True

    def collect(self, plan: Plan, folder: Path, progress: Any) -> Mapping[str, Mapping[str, np.ndarray]]:
        numbers = np.random.default_rng(plan.base).normal(size=plan.networks)
        return {"a/b": {"value": numbers, "row": np.ones((plan.networks, 2))}}

    def analyse(self, plan: Plan, numbers: Any, progress: Any) -> dict[str, Any]:
        return {"mean": float(numbers["a/b"]["value"].mean())}

    def check(self, findings: dict[str, Any]) -> Sequence[Control]:
        return [Control("toy", self.passes, "said")]

    def judge(self, findings: dict[str, Any]) -> tuple[str, str]:
        return NOT_SUPPORTED, f"mean {findings['mean']:.2f}"

    def figure(self, findings: dict[str, Any]) -> tuple[Panel, ...]:
        return (Panel("t", "x", "y", (Series("s", (0.0, None), (1.0, 2.0)),), ("a", "b"), ("c", "d"), (0.5,)),)

    def recipes(self, plan: Plan) -> Mapping[str, Any]:
        return {"all": {"seed": plan.base}}


def test_a_result_is_read_back_as_it_was(tmp_path: Path) -> None:
    claim = claim_of("memory")
    result = dataclasses.replace(run(Toy(), Toy.quick, tmp_path, silent), code=code_hash(claim))
    write_result(result, tmp_path / "a.json")
    found = read_result(tmp_path / "a.json")
    assert found == result
    assert found.status == "not confirmatory: it is a quick run"


def test_a_failed_control_makes_it_undecided() -> None:
    toy = Toy()
    toy.passes = False
    verdict = toy.decide({"mean": 1.0})
    assert (verdict.verdict, verdict.failed) == (UNDECIDED, ("toy",))
    assert verdict.sentence == "Controls failed: “toy”. Without them it would read: mean 1.00"


@pytest.mark.parametrize(
    "change", [{"networks": 398}, {"base": 5}, {"draws": 99}, {"data": ("digits",)}, {"quick": True}]
)
def test_another_plan_is_not_confirmatory(change: dict[str, Any]) -> None:
    claim = claim_of("memory")
    assert why_not_confirmatory(claim, claim.full) is None
    assert why_not_confirmatory(claim, dataclasses.replace(claim.full, **change)) is not None


def test_changed_code_or_rule_is_not_confirmatory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    claim = claim_of("memory")
    monkeypatch.setitem(REGISTERED, claim.name, "0" * 64)
    assert why_not_confirmatory(claim, claim.full) == "code or rule have changed since the registration"
    monkeypatch.delitem(REGISTERED, claim.name)
    assert why_not_confirmatory(claim, claim.full) == "the claim is not registered"
    monkeypatch.undo()
    result = run(Toy(), Toy.quick, tmp_path, silent)
    stale = dataclasses.replace(result, plan=claim.full, why_not=None, code="0" * 64)
    write_result(stale, tmp_path / "a.json")
    assert read_result(tmp_path / "a.json").why_not == "code or rule have changed since it was made"


def test_a_changed_file_changes_the_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    before = code_hash(claim_of("memory"))
    read = Path.read_text
    changed = lambda path, **words: read(path, **words) + ("\n# more" if path.name == "multiple.py" else "")  # noqa: E731
    monkeypatch.setattr(Path, "read_text", changed)
    assert code_hash(claim_of("memory")) != before


def test_what_is_no_result_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(InputError, match=r"'a\.json' is no result of a claim"):
        read_result(tmp_path / "a.json")


def test_everything_is_exported(tmp_path: Path) -> None:
    files = export(Toy(), Toy.full, tmp_path, tmp_path / "out", silent)
    assert sorted(path.name for path in files) == ["a-b.csv", "numbers.npz", "recipes.json"]
    wanted = Toy().collect(Toy.full, tmp_path, silent)["a/b"]
    with np.load(tmp_path / "out" / "numbers.npz") as found:
        np.testing.assert_array_equal(found["a/b/value"], wanted["value"])
        assert found["a/b/row"].shape == (24, 2)
    column = (tmp_path / "out" / "a-b.csv").read_text().split()
    assert column[0] == "value"
    assert [float(each) for each in column[1:]] == wanted["value"].tolist()
    about = json.loads((tmp_path / "out" / "recipes.json").read_text())
    assert about["recipes"] == {"all": {"seed": 2_000_000}}
    assert {"lossnav", "torch", "python"} <= set(about["versions"])


def test_plans_that_cannot_be_are_refused() -> None:
    claim = claim_of("memory")
    assert plan_of(claim, quick=True, networks=30, base=3, data="mixture") == Plan(
        30, claim.quick.draws, ("mixture",), 3, True
    )
    for wrong in ({"networks": 25}, {"networks": 2}, {"base": -1}):
        with pytest.raises(InputError, match="should be"):
            plan_of(claim, **wrong)
    with pytest.raises(InputError, match="Unknown data 'iris'"):
        plan_of(claim, data="iris")

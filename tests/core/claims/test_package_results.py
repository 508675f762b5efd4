"""What comes with the package is confirmatory, of the registered code, decided anew by the rule, and small."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from pathlib import Path

import pytest
from lossnav.core.claims import (
    CLAIMS,
    Claim,
    Control,
    Panel,
    Result,
    Verdict,
    claim_of,
    code_hash,
    shipped,
    write_result,
)
from lossnav.core.claims.package_results import FOLDER, LARGEST
from lossnav.core.claims.registered import REGISTERED

NAMES = [claim.name for claim in CLAIMS]
ROOT = Path(__file__).resolve().parents[3]


def a_result(claim: Claim, **words: object) -> Result:
    verdict = Verdict("undecided", "Nothing was run.", (Control("none", False, "nothing was run"),))
    found = Result(claim.name, claim.full, claim.rule, verdict, (), {}, None, code_hash(claim), {})
    return dataclasses.replace(found, **words)


def as_text(panels: tuple[Panel, ...]) -> str:
    return json.dumps([panel.as_json() for panel in panels])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("lossnav.core.claims.package_results.FOLDER", tmp_path)
    return tmp_path


@pytest.mark.parametrize("claim", CLAIMS, ids=NAMES)
def test_every_shipped_result_is_confirmatory_and_decided_by_the_registered_rule(claim: Claim) -> None:
    found = shipped(claim)
    if found is None:
        assert not (FOLDER / f"{claim.name}.json").exists()
        return
    assert found.status == "confirmatory, shipped"
    assert found.code == REGISTERED[claim.name] == code_hash(claim)
    assert (found.plan, found.rule) == (claim.full, claim.rule)
    assert claim.decide(dict(found.findings)) == found.verdict
    assert as_text(claim.figure(dict(found.findings))) == as_text(found.panels)
    assert (FOLDER / f"{claim.name}.json").stat().st_size < LARGEST


def test_only_results_of_claims_are_shipped_and_the_wheel_takes_them() -> None:
    assert {path.name for path in FOLDER.glob("*")} <= {f"{name}.json" for name in NAMES}
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    assert data["lossnav.core.claims"] == ["results/*.json"]
    assert (ROOT / "core" / "claims" / "results") == FOLDER


def test_a_result_in_the_folder_is_read_and_says_that_it_came_with_the_package(folder: Path) -> None:
    claim = claim_of("valleys")
    assert shipped(claim) is None
    write_result(a_result(claim), folder / "valleys.json")
    found = shipped(claim)
    assert found == dataclasses.replace(a_result(claim), shipped=True)
    assert found.status == "confirmatory, shipped"
    assert "shipped" not in found.as_json()


@pytest.mark.parametrize("code", ["0" * 64, ""])
def test_one_of_other_code_does_not_call_itself_confirmatory(folder: Path, code: str) -> None:
    claim = claim_of("valleys")
    write_result(a_result(claim, code=code), folder / "valleys.json")
    found = shipped(claim)
    assert found is not None
    assert found.status == "shipped, not confirmatory: code or rule have changed since it was made"

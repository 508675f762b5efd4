"""Findings kept on disk: the same without testing again, and never those of another network, loss, data or a damaged file."""

from __future__ import annotations

import copy
import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lossnav.core import Plane, Problem, check, load_problem, survey
from lossnav.core.curvature import second_derivatives as curvature
from lossnav.core.network import batch_dependence, weight_dependence
from lossnav.core.problem import kept_trials

MINE = """
import torch
from torch import nn
from lossnav.core import Problem

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x):
        h = torch.tanh(self.inner(x))
        return self.outer(h)

def problem():
    torch.manual_seed(0)
    return Problem(Net(), torch.randn(8, 3), torch.arange(8) % 2)
"""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield
    sys.modules.pop("lossnav_user_mine", None)


@pytest.fixture
def tests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tests that were made, by the module that made them."""
    made: list[str] = []

    def counted(name: str, own: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any) -> Any:
            made.append(name)
            return own(*given)

        return run

    for module in (curvature, weight_dependence):
        monkeypatch.setattr(module, "_tested", counted(module.__name__, module._tested))
    monkeypatch.setattr(batch_dependence, "_cut_apart", counted("coupled", batch_dependence._cut_apart))
    return made


def problem(folder: Path, text: str = MINE) -> Problem:
    (folder / "mine.py").write_text(text)
    return load_problem(folder / "mine.py")


def files(folder: Path) -> list[Path]:
    return sorted((folder / "cache").rglob("checks/*.json"))


def test_nothing_is_tested_twice(tmp_path: Path, tests: list[str]) -> None:
    first = check(problem(tmp_path))
    assert len(set(tests)) == 3
    tests.clear()
    again = problem(tmp_path)
    assert check(again) == first
    survey(again, Plane.random(again), (2, 2), overlays=("viscosity_trace",), fidelity=False)
    assert tests == []
    assert len(files(tmp_path)) == 1


CHANGES = {
    "code": ("return self.outer(h)", "return self.outer(h.detach())"),
    "weights": ("manual_seed(0)", "manual_seed(1)"),
    "data": ("randn(8, 3)", "randn(8, 3) + 1"),
    "loss": ("% 2)", "% 2, loss=nn.CrossEntropyLoss(label_smoothing=0.1))"),
    "parameters": ("% 2)", "% 2, parameters='outer.*')"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_problem_is_tested_anew(tmp_path: Path, tests: list[str], change: str) -> None:
    check(problem(tmp_path))
    tests.clear()
    found = check(problem(tmp_path, MINE.replace(*CHANGES[change])))
    assert tests
    if change == "code":  # the finding that was kept would be wrong here
        assert any(line.alarms and line.what == "unused" for line in found)


def test_a_setting_that_no_file_holds_is_seen_by_what_it_does(
    tmp_path: Path, tests: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = MINE.replace("import torch\n", "import os\nimport torch\n", 1).replace(
        "h = torch.tanh(self.inner(x))", "h = torch.tanh(float(os.environ['GAIN']) * self.inner(x))"
    )
    monkeypatch.setenv("GAIN", "1.0")
    check(problem(tmp_path, text))
    tests.clear()
    monkeypatch.setenv("GAIN", "1.5")
    check(problem(tmp_path, text))
    assert tests


@pytest.mark.parametrize("damage", ["cut", "another number", "empty", "no text", "a folder"])
def test_a_damaged_file_is_tested_anew(tmp_path: Path, tests: list[str], damage: str) -> None:
    first = check(problem(tmp_path))
    (file,) = files(tmp_path)
    text = file.read_text()
    wrong = {"cut": text[:-20], "another number": text.replace('"follows": true', '"follows": false'), "empty": ""}
    if damage == "a folder":
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes(wrong.get(damage, "\udcff").encode("utf-8", "surrogateescape"))
    assert damage != "another number" or wrong[damage] != text
    tests.clear()
    assert check(problem(tmp_path)) == first
    assert tests


def test_every_finding_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = problem(tmp_path)
    check(found)
    kept = json.loads(files(tmp_path)[0].read_text())["findings"]
    assert {"second_derivatives", "weight_dependence", "examples_coupled", "draws_numbers", "gradient_miss"} <= set(
        kept
    )
    for name, value in kept.items():
        there = kept_trials.KINDS[name][1](value)
        assert there == found.trials[name]
        assert type(there) is type(found.trials[name])
    assert all(not dataclasses.is_dataclass(value) for value in kept.values())


def test_they_can_be_copied_as_a_whole(tmp_path: Path) -> None:
    found = problem(tmp_path)
    check(found)
    assert dict(copy.deepcopy(found.trials)) == dict(found.trials)


def test_the_folder_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_trials, "MOST_FILES", 3)
    for seed in range(5):
        check(problem(tmp_path, MINE.replace("manual_seed(0)", f"manual_seed({seed})")))
    assert len(files(tmp_path)) == 3


def test_what_python_holds_alone_is_not_kept(tmp_path: Path) -> None:
    made: dict[str, Any] = {"__name__": "typed"}
    exec(MINE, made)
    assert kept_trials.kept_at(made["problem"]()) is None

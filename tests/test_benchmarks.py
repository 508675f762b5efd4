"""What the benchmarks rest on, without a clock: the truth, the errors, the floor's count, the ratios, the page."""

from __future__ import annotations

import doctest
import importlib
import json
import os
import platform
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from lossnav.core import Plane, Problem, survey
from torch import nn

if TYPE_CHECKING:
    from benchmarks.parts import Session

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def benchmarks_are_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.fixture
def problem() -> Problem:
    torch.manual_seed(0)
    return Problem(
        nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)).eval(), torch.randn(300, 4), torch.arange(300) % 3
    )


def test_the_truth_is_what_a_float64_survey_gives(problem: Problem) -> None:
    from benchmarks.agreement import true_losses
    from benchmarks.case import Case

    case, plane = Case.of(problem), Plane.random(problem)
    land = survey(problem, plane, shape=(3, 3), dtype="float64", device="cpu")["loss"]
    points = np.array([(a, b) for a in land.alpha.values for b in land.beta.values])
    assert true_losses(case, *plane.directions, points) == pytest.approx(land.values.ravel(), rel=1e-12)


@pytest.mark.parametrize("tool", ["lossnav_core", "li_et_al"])
def test_a_right_tool_is_called_right(problem: Problem, tool: str) -> None:
    from benchmarks.agreement import errors
    from benchmarks.case import Case

    case = Case.of(problem)
    walk = importlib.import_module(f"benchmarks.peers.{tool}").grid(case, 5)
    found = errors(Case.of(problem), walk, walk.run(), 25)
    assert found["correct"]
    assert found["stated"] < 1e-5


def test_shifted_rows_are_called_wrong(problem: Problem) -> None:
    from benchmarks.agreement import errors
    from benchmarks.case import Case
    from benchmarks.peers.lossnav_core import grid

    case = Case.of(problem)
    walk = grid(case, 5)
    values = walk.run()
    values[::2] = np.roll(values[::2], 1, axis=1)
    assert not errors(case, walk, values, 25)["correct"]


def test_a_case_comes_back_from_its_file_as_it_was(problem: Problem, tmp_path: Path) -> None:
    from benchmarks.case import Case

    case = Case.of(problem)
    case.save(tmp_path / "case.pt")
    again = Case.load(tmp_path / "case.pt")
    assert torch.equal(again.inputs, case.inputs)
    for name, tensor in case.first.items():
        assert torch.equal(again.first[name], tensor)
        assert torch.equal(again.origin[name], case.origin[name])


def test_the_floor_counts_two_operations_per_multiplication(problem: Problem) -> None:
    from benchmarks.case import Case
    from benchmarks.floor import flops_per_point

    assert flops_per_point(Case.of(problem)) == 2 * 300 * (4 * 8 + 8 * 3)


def test_residuals_are_those_of_the_dense_hessian(problem: Problem) -> None:
    from lossnav.core import spectrum

    from benchmarks.case import Case
    from benchmarks.worker import residuals

    values = spectrum(problem, method="exact", dtype=torch.float64, device="cpu").top[:1]
    vector = torch.randn(1, problem.parameter_count).numpy()
    assert residuals(Case.of(problem), values, vector)[0] > 0.1
    eigenvector = Plane.eigen(Problem(problem.model.double(), problem.args[0].double(), problem.targets)).directions[0]
    flat = torch.cat([t.flatten() for t in eigenvector.values()])[None].numpy()
    assert residuals(Case.of(problem), values, flat)[0] < 1e-3


def test_the_workloads_are_those_of_the_table() -> None:
    from benchmarks.workloads import cnn, mlp, resnet20

    for model, shape, parameters in (
        (mlp(), (64,), 26_122),
        (cnn(), (1, 8, 8), 24_170),
        (resnet20(), (3, 32, 32), 272_474),
    ):
        assert sum(p.numel() for p in model.parameters()) == parameters
        assert model.eval()(torch.zeros(2, *shape)).shape == (2, 10)


def test_times_are_scaled_to_the_whole_grid_and_paired_by_round() -> None:
    from benchmarks.grids import FLOOR, summary

    right = {"stated": 1e-7, "visited": 1e-7, "correct": True}
    run = {"peak_bytes": 1, "cores": 2.0, "error": right}
    results = {
        "lossnav": [run | {"seconds": s, "points": 100} for s in (1.0, 2.0, 4.0)],
        "other": [run | {"seconds": s, "points": 10} for s in (0.3, 0.6, 0.4)],
        "broken": [{"failed": "no such thing"}],
        FLOOR: [{"flops": 1e9, "best_flops": 2e9}] * 3,
    }
    found = summary(results, points=100, flops=10_000_000)
    assert found["tools"]["other"]["times_ours"] == pytest.approx({"median": 3.0, "low": 1.0, "high": 3.0})
    assert found["tools"]["lossnav"]["floor_share"] == pytest.approx(0.5)
    assert found["tools"]["lossnav"]["best_share"] == pytest.approx(0.25)
    assert found["tools"]["broken"] == {"failed": "no such thing"}


def test_a_series_that_failed_leaves_the_figure_of_the_others(tmp_path: Path) -> None:
    from benchmarks.figure import draw_scaling

    known = {"sizes": [1, 2, 4, 8], "seconds": [1.0, 2.0, 4.0, 8.0], "exponent": 1.0, "exponent_upper_half": 1.0}
    draw_scaling({"points": known, "examples": {"failed": "no memory"}, "parameters": known}, tmp_path / "scaling.svg")
    assert (tmp_path / "scaling.svg").read_text(encoding="utf-8").count("exponent 1.00") == 2


@pytest.mark.parametrize(
    "name", ["first_picture", "machine", "parts", "products", "scaling", "spectra", "table", "timing"]
)
def test_the_examples_hold(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"benchmarks.{name}"))
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize("of", ["hessian", "ggn", "empirical_fisher"])
def test_a_product_is_counted_in_gradients_and_held_against_the_truth(
    problem: Problem, tmp_path: Path, of: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmarks import product_tasks
    from benchmarks.case import Case

    monkeypatch.setattr(product_tasks, "REPEATS", 1)
    Case.of(problem).save(tmp_path / "case.pt")
    job = {"tool": "lossnav", "of": of, "case": str(tmp_path / "case.pt"), "device": "cpu", "rows": (1, 2)}
    found = product_tasks.products(job)
    assert all(value > 0 for value in found.values())
    assert {name for name in found if name.startswith("gradients")} == {
        f"gradients a vector, {n} at once" for n in (1, 2)
    }
    assert ("error" in found) == (of == "hessian")
    assert found.get("error", 0.0) < 1e-5


def test_a_vocabulary_is_the_same_in_chunks_and_as_a_whole() -> None:
    from benchmarks.product_tasks import eager, ours
    from benchmarks.products import vocabulary

    model, words = vocabulary(4_200)  # above what is made as a whole
    row = torch.randn(1, sum(p.numel() for p in model.parameters()), generator=torch.Generator().manual_seed(0))
    few = words[:3]
    assert float((ours(model, few, row)()[0] - eager(model, few, row[0])()).norm()) < 1e-5 * float(row.norm())


def test_products_are_reported_with_what_failed() -> None:
    from benchmarks.product_report import products_report

    run = {"first product of 1, s": 2.0, "gradients a vector, 1 at once": 3.0, "first product of 8, s": 1.0}
    found = {
        "units": {
            "W1": {
                "hessian": {
                    "lossnav": run | {"gradients a vector, 8 at once": 2.5, "error": 1e-7},
                    "peer": {"failed": "no"},
                }
            }
        },
        "vocabulary": {"8192": {"lossnav": {"first product, s": 1.0, "product, s": 0.5, "peak_bytes": 2**20}}},
    }
    page = products_report(found)
    assert "| hessian | lossnav | 3.00 (2 s) | 2.50 (1 s) | 1e-07 |" in page
    assert "failed: no" in page
    assert "| 8,192 | lossnav | 0.50 | 1.00 | 1 MiB |" in page


def test_a_survey_is_timed_to_its_first_picture_and_to_its_end() -> None:
    from benchmarks.picture_task import picture

    found = picture({"sample": "linear-regression", "side": 17, "device": "cpu"})
    assert 0 < found["first_seconds"] <= found["seconds"]
    assert 81 <= found["first_points"] <= found["points"] <= 17 * 17


def test_tokens_are_the_examples_that_tools_for_classifiers_take() -> None:
    from lossnav.core import load_problem

    from benchmarks.first_picture import case_of

    case = case_of(load_problem("markov-gpt"))
    assert case is not None
    assert len(case.model(case.inputs[:2])) == case.targets[: 2 * case.inputs.shape[1]].numel()
    assert set(case.first) == {name for name, _ in case.model.named_parameters()}
    assert case_of(load_problem("linear-regression")) is None


def test_pictures_are_drawn_and_told(tmp_path: Path) -> None:
    from benchmarks.first_picture import page
    from benchmarks.first_picture_figure import draw

    ours = {"first_seconds": 0.1, "seconds": 2.0, "first_points": 81, "points": 400}
    found = {"a": {"lossnav": ours, "landscaper": {"failed": "no"}}, "b": {"lossnav": ours}}
    draw(found, tmp_path / "figure.svg")
    assert (tmp_path / "figure.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert "| a | lossnav | 0.1 | 2 | 81 | 400 |" in page(found, "a machine")


def test_every_adapter_is_there_and_every_peer_is_pinned() -> None:
    from benchmarks.peers import ADAPTERS, DISTRIBUTIONS

    folder = ROOT / "benchmarks" / "peers"
    assert all((folder / f"{name}.py").exists() for name in ADAPTERS.values())
    lines = (folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    assert set(DISTRIBUTIONS.values()) <= set(pinned)
    assert "torch" not in pinned
    assert "torchvision" not in pinned


def test_shared_pins_are_the_project_s_own() -> None:
    def pins(path: Path) -> dict[str, str]:
        lines = path.read_text(encoding="utf-8").splitlines()
        return {n.lower(): v for n, v in (line.split("==") for line in lines if line and line[0] != "#")}

    ours, peers = pins(ROOT / "constraints.txt"), pins(ROOT / "benchmarks" / "peers" / "requirements.txt")
    assert {n: v for n, v in peers.items() if n in ours} == {n: ours[n] for n in peers if n in ours}


def test_no_result_names_a_host_or_a_path() -> None:
    for path in (ROOT / "benchmarks" / "results").glob("*.json"):
        text = path.read_text(encoding="utf-8")
        json.loads(text)
        assert not re.search(rf"\b{re.escape(platform.node() or 'no name')}\b", text)
        assert str(ROOT) not in text
        assert sys.prefix not in text


def test_every_study_has_its_row() -> None:
    folder = ROOT / "benchmarks" / "studies"
    rows = re.findall(r"^\| `(\w+)` \|", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(p.stem for p in folder.glob("*.py") if p.stem != "__init__")


def never_through(session: Session) -> Iterator[tuple[str, str, str]]:
    """A part that stops at its second row, with a process of its own that would go on as well."""
    yield "its first row", "1", ""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"]) as child:
        Path(session.folder, "child").write_text(str(child.pid))
        child.wait()


def quick(session: Session) -> Iterator[tuple[str, str, str]]:
    """A part that is through at once."""
    yield "device", session.device, ""


def failing(session: Session) -> Iterator[tuple[str, str, str]]:
    """A part that fails after a row."""
    yield "before", "2", ""
    raise ValueError(f"no {session.device}")


def dying(session: Session) -> Iterator[tuple[str, str, str]]:
    """A part whose process is killed."""
    yield "last words", "3", ""
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_part_that_overruns_is_ended_and_named_and_the_table_comes_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmarks.parts import ENDED, FAILED, Run

    hanging = tmp_path / "child"

    def until_it_hangs(process: BaseProcess, _seconds: float) -> None:
        first = not hanging.exists()
        while process.is_alive() and not (first and hanging.exists() and hanging.read_text()):
            process.join(0.05)

    run = Run("cpu", tmp_path, seconds=1e6, wait=until_it_hangs)
    parts = {"never": (never_through, 1), "quick": (quick, 9), "failing": (failing, 9), "dying": (dying, 9)}
    assert run.all_of(parts) == 1
    assert [row[:3] for row in run.rows if row[1] != "seconds"] == [
        ("never", "its first row", "1"),
        ("never", "", ENDED),
        ("quick", "device", "cpu"),
        ("failing", "before", "2"),
        ("failing", "", FAILED),
        ("dying", "last words", "3"),
        ("dying", "", FAILED),
    ]
    assert "no cpu" in next(row[3] for row in run.rows if row[:3] == ("failing", "", FAILED))
    assert capsys.readouterr().out.endswith((tmp_path / "table.txt").read_text())
    child = Path("/proc", hanging.read_text(), "cmdline")
    assert not child.exists() or b"sleep(3600)" not in child.read_bytes(), "what it started is ended with it"


def test_a_run_that_is_stopped_prints_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.parts import LEFT_OUT, Run

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    run = Run("cpu", tmp_path, seconds=400)
    monkeypatch.setattr(run, "_one", stopped)
    with pytest.raises(KeyboardInterrupt):
        run.all_of({"quick": (quick, 1), "failing": (failing, 1)})
    assert [row[2] for row in run.rows] == [LEFT_OUT, LEFT_OUT]
    assert "the run was stopped before" in (tmp_path / "table.txt").read_text()


def test_a_part_without_time_is_left_out_and_one_short_of_it_leaves_out_the_rest(tmp_path: Path) -> None:
    from benchmarks.parts import LEFT_OUT, Run, Session, _work

    run = Run("cpu", tmp_path, seconds=0)
    assert run.all_of({"quick": (quick, 1)}) == 0
    assert run.rows == [("quick", "", LEFT_OUT, "no time left")]
    place = tmp_path / "rows.jsonl"
    _work(failing, Session("cpu", tmp_path, deadline=0.0), place)  # long ago
    assert [json.loads(line)[:2] for line in place.read_text().splitlines()] == [
        ["before", "2"],
        ["the rest", LEFT_OUT],
    ]

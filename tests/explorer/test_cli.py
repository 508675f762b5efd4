"""The `lossnav` command, as a person types it."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from lossnav.core import read_landscape
from lossnav.core.survey.reading import read_points
from typed_command import lossnav, sentence

PROBLEM = """
import torch
from torch import nn
from lossnav.core import Problem

def problem():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
    return Problem(model, torch.randn(32, 4), torch.arange(32) % 3, name="mine")

class Odd:
    pass

odd = Odd()
"""


def another_process(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lossnav.explorer.cli", *words], capture_output=True, text=True, timeout=300
    )


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    file = tmp_path / "mine.py"
    file.write_text(PROBLEM)
    return file


def test_survey_figure_and_convert_from_a_persons_own_file(mine: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.zarr"
    result = another_process(
        "survey", str(mine), "--grid", "9x7", "--span=-1,1,0,2", "--no-fidelity", "--out", str(out)
    )
    assert result.returncode == 0, result.stderr
    land = read_landscape(out)
    assert land["loss"].shape == (9, 7)
    assert float(land["beta"][0]) == 0
    assert bool(land["measured"].all())
    assert "perplexity" in land
    figure = tmp_path / "figure.pdf"
    assert lossnav("figure", str(out), "--color", "perplexity", "-o", str(figure)).returncode == 0
    assert figure.read_bytes().startswith(b"%PDF")
    table = tmp_path / "mine.csv"
    assert lossnav("convert", str(out), str(table)).returncode == 0
    assert len(table.read_text().splitlines()) == 1 + 9 * 7


def test_a_forecast_writes_nothing_unless_a_file_is_named(mine: Path, tmp_path: Path) -> None:
    small = ("survey", str(mine), "--grid", "5x5", "--overlay", "terrain", "--forecast")
    done = lossnav(*small, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "mine.zarr").exists()  # where the survey itself will lie
    told = tmp_path / "told.txt"
    assert lossnav(*small, "--out", str(told)).returncode == 0
    assert " MB." in told.read_text()
    (tmp_path / "folder").mkdir()
    assert "is a folder" in sentence(*small, "--out", str(tmp_path / "folder"))


def test_samples_names_are_landscapes_and_several_are_one_figure(tmp_path: Path) -> None:
    figure = tmp_path / "both.png"
    named = ("digits-small-batch", "digits-large-batch.trajectory")
    done = lossnav("figure", *named, "--color", "loss", "--color", "viscosity", "-o", str(figure))
    assert done.returncode == 0, done.stderr
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert "No landscape at 'no-sample'" in sentence("figure", "no-sample", "-o", str(figure))


def test_figures_are_the_same_bytes_when_made_twice(mine: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.zarr"
    lossnav("survey", str(mine), "--grid", "9", "--overlay", "terrain", "--no-fidelity", "--out", str(out))
    for kind in ("map", "surface"):
        files = [tmp_path / f"{kind}{i}.svg" for i in (1, 2)]
        for file, run in zip(files, (lossnav, another_process), strict=True):
            assert run("figure", str(out), "--kind", kind, "-o", str(file)).returncode == 0
        assert files[0].read_bytes() == files[1].read_bytes()


def test_the_same_survey_again_changes_nothing_and_overwrite_measures_anew(mine: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.zarr"
    words = ("survey", str(mine), "--grid", "5", "--overlay", "slope", "--no-fidelity", "--out", str(out))
    assert lossnav(*words).returncode == 0
    first = read_landscape(out)
    assert lossnav(*words, "--overwrite").returncode == 0
    np.testing.assert_array_equal(first["loss"].values, read_landscape(out)["loss"].values)
    assert "already holds another landscape" in sentence(*words[:2], "--grid", "7", "--no-fidelity", "--out", str(out))


def test_samples_lists_them() -> None:
    result = lossnav("samples")
    assert result.returncode == 0
    assert "digits-resnet" in result.stdout


def test_unknown_names_come_with_the_nearest(tmp_path: Path) -> None:
    out = str(tmp_path / "x.zarr")
    assert "did you mean 'digits-resnet'" in sentence("survey", "digits-resnt", "--out", out)
    assert "did you mean 'filter'" in sentence("survey", "gaussians-mlp", "--normalize", "fliter", "--out", out)
    assert "did you mean 'trajectory'" in sentence("survey", "gaussians-mlp", "--plane", "trajektory", "--out", out)
    assert "did you mean 'perplexity'" in sentence("survey", "gaussians-mlp", "--overlay", "perplexty", "--out", out)


def test_a_file_without_a_problem(tmp_path: Path, mine: Path) -> None:
    (tmp_path / "empty.py").write_text("x = 1\n")
    assert "should define `problem`" in sentence("survey", str(tmp_path / "empty.py"), "--out", str(tmp_path / "x"))
    assert "gives a Odd" in sentence("survey", f"{mine}:odd", "--out", str(tmp_path / "x"))
    assert "No Python file" in sentence("survey", str(tmp_path / "none.py"), "--out", str(tmp_path / "x"))


def test_impossible_grids_and_spans(mine: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "x.zarr")
    assert "--grid" in sentence("survey", str(mine), "--grid", "many", "--out", out)
    assert "--span" in sentence("survey", str(mine), "--span=1,2", "--out", out)
    assert "lower to a higher" in sentence("survey", str(mine), "--span=1,-1,0,1", "--out", out)
    assert "--zoom" in sentence("survey", str(mine), "--zoom=-1", "--out", out)


def test_no_trajectory_no_trajectory_plane(mine: Path, tmp_path: Path) -> None:
    assert "has no training trajectory" in sentence(
        "survey", str(mine), "--plane", "trajectory", "--out", str(tmp_path / "x")
    )


def test_a_gpu_that_is_not_there(mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "no GPU" in sentence("survey", str(mine), "--device", "cuda", "--out", str(tmp_path / "x"))


def test_a_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = sentence("explore", "--port", str(port))
        assert f"Port {port}" in said
        assert f"--port {port + 1}" in said


def test_no_landscape_there(tmp_path: Path) -> None:
    assert "No landscape" in sentence("figure", str(tmp_path / "none.zarr"), "-o", str(tmp_path / "x.pdf"))
    (tmp_path / "folder").mkdir()
    assert "is no lossnav landscape" in sentence("figure", str(tmp_path / "folder"), "-o", str(tmp_path / "x.pdf"))
    assert (tmp_path / "folder").exists()


def test_overwrite_deletes_nothing_but_landscapes(mine: Path, tmp_path: Path) -> None:
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    assert "is no lossnav landscape" in sentence("survey", str(mine), "--overwrite", "--out", str(folder))
    assert (folder / "thesis.txt").read_text() == "years of work"


def _mind_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_survey_that_is_interrupted_says_what_becomes_of_it(tmp_path: Path) -> None:
    out = tmp_path / "land.zarr"
    command = [
        sys.executable,
        "-m",
        "lossnav.explorer.cli",
        "survey",
        "digits-small-batch",
        "--grid",
        "201",
        "--out",
        str(out),
    ]
    # where the tests themselves run in the background, Ctrl-C would be ignored by all that they start
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=_mind_interrupts)
    while process.poll() is None and not (out.exists() and read_points(out).done.any()):
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert said.startswith("Stopped. What was measured is kept")
    assert 0 < read_points(out).done.sum() < 201 * 201


def test_an_unknown_command_and_a_folder_that_is_not_there(mine: Path, tmp_path: Path) -> None:
    for run in (lossnav, another_process):
        result = run("surve")
        assert result.returncode == 2
        assert "Traceback" not in result.stderr
        assert "survey" in result.stderr
    out = tmp_path / "mine.zarr"
    lossnav("survey", str(mine), "--grid", "3", "--overlay", "terrain", "--no-fidelity", "--out", str(out))
    assert "There is no folder" in sentence("figure", str(out), "-o", str(tmp_path / "none" / "x.pdf"))


def test_the_version_is_said() -> None:
    done = lossnav("--version")
    assert done.returncode == 0
    assert re.fullmatch(r"lossnav \d+\.\d+\.\d+\S*, torch \d+\.\d+\S*\n", done.stdout)


@pytest.mark.parametrize(
    "words", [("explore",), ("survey", "gaussians-mlp"), ("spectrum", "gaussians-mlp"), ("--version",)]
)
def test_a_folder_that_is_gone_is_a_sentence(tmp_path: Path, words: tuple[str, ...]) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    start = f'cd "{gone}" && rmdir "{gone}" && exec "{sys.executable}" -m lossnav.explorer.cli ' + " ".join(words)
    result = subprocess.run(["sh", "-c", start], capture_output=True, text=True, timeout=60)
    assert result.returncode == 2, result.stderr
    assert result.stderr == (
        "lossnav: The folder that this was started in is gone: go to one that exists (cd), and start it there.\n"
    )

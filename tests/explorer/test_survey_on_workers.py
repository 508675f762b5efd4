"""`lossnav survey` on several processes: the same command, the same numbers; what travels is words and numbers."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from lossnav.core import Estimation, InputError, Tolerance, read_landscape
from lossnav.explorer.commands.asked import AskedSurvey, specification
from lossnav.explorer.commands.problem_options import ProblemChoice, anywhere
from lossnav.explorer.request.survey import SurveyRequest

SLURM = Path(__file__).parents[2] / "docs" / "slurm_survey.py"
MINE = """
import torch
from torch import nn
from lossnav.core import Problem
from beside import WIDTH
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(3, WIDTH), nn.Tanh(), nn.Linear(WIDTH, 3))
problem = Problem(net, torch.randn(12, 3), torch.arange(12) % 3)
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "beside.py").write_text("WIDTH = 4\n")
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path / "mine.py"


def lossnav(folder: Path, threads: int, *words: str) -> str:
    env = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    run = [sys.executable, "-m", "lossnav.explorer.cli", *words]
    done = subprocess.run(run, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.slow
def test_the_command_gives_the_numbers_of_one_process(mine: Path) -> None:
    words = ("survey", "mine.py", "--grid", "5x5", "--overlay", "slope", "--no-fidelity", "--device", "cpu")
    said = lossnav(mine.parent, 2, *words, "--workers", "2", "--out", "many.zarr")
    assert "Measuring on 2 workers of 1 thread each." in said
    assert "Traceback" not in said
    lossnav(mine.parent, 1, *words, "--out", "one.zarr")
    many, one = (read_landscape(mine.parent / name) for name in ("many.zarr", "one.zarr"))
    for name in one:
        np.testing.assert_array_equal(many[name].values, one[name].values, err_msg=str(name))
    assert {each.name for each in mine.parent.iterdir()} >= {"mine.py", "many.zarr", "one.zarr"}


def test_what_travels_is_json_and_means_the_same_in_every_folder(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plane = SurveyRequest("mine.py", "random").with_values({"seed": 3, "normalize": "layer"})
    asked = AskedSurvey(
        ProblemChoice("mine.py", parameters=["0.*"], decay=0.1, examples=7),
        plane,
        (5, 3),
        ((-1.0, 0.5), (0.0, 2.0)),
        2.0,
        ("slope",),
        Estimation(probes=3, of="ggn"),
        Tolerance(0.05, "log"),
        dtype="float64",
        batch_size=5,
    )
    monkeypatch.chdir(mine.parent)
    here, recipe = asked.specification(), asked.recipe
    monkeypatch.chdir("/")
    assert recipe.build == "lossnav.explorer.commands.asked:specification"
    there = specification(json.loads(json.dumps(recipe.arguments)))
    assert there.as_json() == here.as_json()
    assert (there.batch_size, there.allowed, there.every) == (5, asked.tolerance, 1)
    assert there.evaluator().way["batch_size"] == 5  # --batch-size counts


def test_names_travel_as_they_are_and_files_by_their_whole_path(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(mine.parent)
    assert anywhere("mine.py") == str(mine)
    assert anywhere("mine.py:problem") == f"{mine}:problem"
    assert anywhere("gaussians-mlp") == "gaussians-mlp"
    asked = AskedSurvey(ProblemChoice("gaussians-mlp"), SurveyRequest("gaussians-mlp"))
    assert asked.recipe.arguments["choice"]["target"] == "gaussians-mlp"
    with pytest.raises(InputError):
        specification({**asked.recipe.arguments, "choice": {"target": "gaussians-nlp", "texts": None}})


def test_the_script_for_slurm_is_python() -> None:
    tree = ast.parse(SLURM.read_text(encoding="utf-8"))
    assert {"options", "workers", "main"} <= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_script_for_slurm_asks_for_one_worker_a_job() -> None:
    pytest.importorskip("dask_jobqueue")
    words = ("--dry-run", "--gpu", "--threads", "4", "--memory", "6GB", "survey", "mine.py", "--grid", "5x5")
    done = subprocess.run([sys.executable, str(SLURM), *words], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert {"#SBATCH -n 1", "#SBATCH --cpus-per-task=4", "#SBATCH --gres=gpu:1", "export OMP_NUM_THREADS=4"} <= set(
        lines
    )
    assert any("dask_worker" in line and "--nthreads 1 " in line for line in lines)
    subprocess.run(["bash", "-n"], input=done.stdout, text=True, check=True)

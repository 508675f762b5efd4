"""Two trainings of one network, each a file of its own: a line between them can be chosen on the page, by name."""

from __future__ import annotations

from pathlib import Path

import lossnav.explorer
import pytest
import torch
from lossnav.core import load_problem, read_landscape
from lossnav.explorer.cli import app as command
from lossnav.explorer.workspace import FOLDER_VARIABLE
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")
OWN = """
import torch
from lossnav.core import Problem, Trajectory


def problem():
    torch.manual_seed(0)
    inputs = torch.randn(20, 2)
    model = torch.nn.Linear(2, 1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_({scale})
    steps = [{{n: p.detach() * k for n, p in model.named_parameters()}} for k in (0.2, 0.5, 1.0)]
    return Problem(model, inputs, inputs[:, :1], loss="mse", trajectory=Trajectory(steps))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "sgd.py").write_text(OWN.format(scale=1.0))
    (tmp_path / "adam.py").write_text(OWN.format(scale=-2.0))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(FOLDER_VARIABLE, ".")
    return tmp_path


def test_the_other_file_is_an_end_of_the_line(folder: Path) -> None:
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["model"], app.query_params["plane"] = "sgd.py", "Line between two networks"
    app.run()
    app.button(key="test_network").click().run()
    assert not app.exception
    app.selectbox(key="plane").set_value("line").run()
    assert next(e for e in app.expander if e.label == "Plane and grid").proto.expanded
    app.select_slider(key="between_2").set_value("adam.py").run()
    assert not app.exception
    assert not list((folder / "cache").rglob("*.zarr"))  # nothing is measured before a press


def test_its_loss_is_at_the_line_s_end(folder: Path) -> None:
    words = [
        "survey",
        "sgd.py",
        "--plane",
        "line",
        "--between",
        "trained,adam.py",
        "--grid",
        "5x1",
        "--span",
        "0,1,0,0",
    ]
    run = CliRunner().invoke(command, [*words, "--out", "line.zarr"])
    assert run.exit_code == 0, run.output
    land = read_landscape("line.zarr")
    for row, name in ((0, "sgd.py"), (-1, "adam.py")):
        problem = load_problem(name)
        with torch.no_grad():
            truth = float((problem.model(problem.inputs[0]) - problem.targets).square().mean())
        assert float(land["loss"].values.ravel()[row]) == pytest.approx(truth, rel=1e-5)

"""A person's own network is tested when a person presses, not when its page is opened; and then once for all pages."""

from __future__ import annotations

from pathlib import Path

import lossnav.explorer
import pytest
from lossnav.explorer.panels import check as panel
from lossnav.explorer.server import CHECKPOINTS_VARIABLE, TARGET_VARIABLE
from streamlit.testing.v1 import AppTest

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")
OWN = """
import pathlib
import torch
from lossnav.core import Problem

with open(pathlib.Path(__file__).with_name("ran"), "a") as ran:
    ran.write(".")
torch.manual_seed(0)
inputs = torch.randn(20, 2)
problem = Problem(torch.nn.Linear(2, 1), inputs, inputs[:, :1], loss="mse")
"""


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "mine.py"
    file.write_text(OWN)
    monkeypatch.setenv(TARGET_VARIABLE, str(file))
    monkeypatch.setenv(CHECKPOINTS_VARIABLE, "0")
    panel._known.clear()
    return file


def opened() -> AppTest:
    return AppTest.from_file(APP, default_timeout=120).run()


def times_run(network: Path) -> int:
    ran = network.with_name("ran")
    return ran.stat().st_size if ran.exists() else 0


def test_opening_the_page_runs_nothing_and_a_press_does_once(network: Path) -> None:
    app = opened()
    assert not app.exception
    assert times_run(network) == 0
    app.button(key="test_network").click().run()
    assert not app.exception
    assert any(box.label.startswith("What was understood and tested") for box in app.expander)
    assert times_run(network) == 1
    other = opened()
    assert any(box.label.startswith("What was understood and tested") for box in other.expander)
    assert times_run(network) == 1


def test_a_network_that_cannot_be_read_is_a_sentence(network: Path) -> None:
    network.write_text("x = 1\n")
    app = opened()
    assert not app.warning
    app.button(key="test_network").click().run()
    assert not app.exception
    assert any("should define `problem`" in box.value for box in app.warning)

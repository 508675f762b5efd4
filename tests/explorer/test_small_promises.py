"""Small promises of commands and pages: settings in a figure, pipes, folders, an address that names another model."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import lossnav.explorer
import numpy as np
import pytest
from lossnav.core import PROPERTIES, InputError, Settings, read_landscape
from lossnav.core.properties import INDEPENDENT
from lossnav.explorer.bundle import knobs
from lossnav.explorer.cli import app as commands
from lossnav.explorer.commands import order
from lossnav.explorer.commands.options import numbers, read_landscape_file, settings
from lossnav.explorer.commands.order import steps_in
from lossnav.explorer.landscape_file import landscape_path
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")


def test_a_figure_takes_the_settings_of_properties(tmp_path: Path) -> None:
    shipped = landscape_path("gaussians-mlp")
    turned = read_landscape(shipped, Settings(temperature=2.0), ("probability",))
    found = read_landscape_file(shipped, ("probability",), settings(["temperature=2"]))
    np.testing.assert_allclose(found["probability"].values, turned["probability"].values)
    assert not np.allclose(found["probability"].values, read_landscape(shipped)["probability"].values)
    assert knobs(found) == " --knob temperature=2"
    arguments = ["figure", str(shipped), "--color", "probability", "-o", str(tmp_path / "a.png")]
    done = CliRunner().invoke(commands, [*arguments, "--knob", "temperature=2"])
    assert done.exit_code == 0, done.output
    plain = CliRunner().invoke(commands, [*arguments[:-1], str(tmp_path / "b.png")])
    assert plain.exit_code == 0, plain.output
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("text", "said"),
    [("temperature", "NAME=VALUE"), ("temprature=2", "temperature"), ("temperature=9", "from 0.25 to 4")],
)
def test_settings_that_are_none_are_said(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        settings([text])


def test_finished_numbers_follow_no_setting(tmp_path: Path) -> None:
    from lossnav.core.formats import write_netcdf

    write_netcdf(read_landscape(landscape_path("gaussians-mlp")), tmp_path / "a.nc")
    with pytest.raises(InputError, match="holds finished numbers"):
        read_landscape_file(tmp_path / "a.nc", (), settings(["temperature=2"]))


def test_a_pipe_that_nothing_is_written_into_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "PATIENCE", 0.05)
    for name in ("steps", "steps.npy"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(InputError, match="a pipe into which nothing is written"):
            steps_in(tmp_path / name)


def test_what_is_written_into_a_pipe_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "steps")
    writer = threading.Thread(target=lambda: (tmp_path / "steps").write_text("3, 1, 2"))
    writer.start()
    assert steps_in(tmp_path / "steps").tolist() == [3.0, 1.0, 2.0]
    writer.join()


@pytest.mark.parametrize(("argument", "code", "said"), [("--help", 0, "usage"), ("nowhere", 2, "there is no folder")])
def test_the_table_of_places_says_what_it_takes(argument: str, code: int, said: str) -> None:
    command = [sys.executable, "-m", "lossnav.sample_models.places", argument]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert said in done.stdout + done.stderr


def test_an_address_that_names_another_model_is_told_so() -> None:
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["model"] = "/somewhere/[mine].py"
    app.run()
    assert not app.exception
    (said,) = [each.value for each in app.warning if "names the model" in each.value]
    assert "mine" in said
    assert "lossnav explore FILE" in said
    app.selectbox(key="model").select("digits-plain").run()
    assert not any("names the model" in each.value for each in app.warning)


def test_the_vocabulary_counts_its_properties() -> None:
    app = AppTest.from_file(APP, default_timeout=120).run()
    app.switch_page("views/vocabulary.py").run()
    independent = sum(owner.entry.role == INDEPENDENT for owner in PROPERTIES)
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
    said = f"found {words[independent]} of its {words[len(PROPERTIES)]} independent"
    assert any(said in each.value for each in app.markdown)


@pytest.mark.parametrize("text", ["nan,0", "0,1e400", "inf,0", "1", "a,b", ""])
def test_a_place_is_told_in_finite_numbers(text: str) -> None:
    with pytest.raises(InputError, match="--at should be 2 finite numbers"):
        numbers(text, 2, "--at")

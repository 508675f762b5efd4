"""The folder that the explorer was started in: found without running anything, opened by a press, watched, and bounded."""

from __future__ import annotations

import json
import os
from pathlib import Path

import h5py
import lossnav.explorer
import numpy as np
import pytest
from lossnav.core import InputError, Plane, load_problem, survey
from lossnav.core.formats import convert, write_netcdf
from lossnav.core.survey.packing import pack
from lossnav.explorer import cli, dropped, workspace
from lossnav.explorer.panels import check as check_panel
from lossnav.explorer.panels.workspace import weights_code
from lossnav.explorer.workspace import (
    CHECKPOINTS,
    FOLDER_VARIABLE,
    LANDSCAPE,
    PROBLEM,
    TRANSFORMERS,
    Bounds,
    WorkspaceEntry,
    problem_names,
    scan,
)
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")
OWN = """
import pathlib
import torch
from lossnav.core import Problem, Trajectory

pathlib.Path(__file__).with_suffix(".ran").touch()


def problem():
    torch.manual_seed(0)
    inputs = torch.randn(20, 2)
    model = torch.nn.Linear(2, 1)
    steps = [{n: p.detach() * k for n, p in model.named_parameters()} for k in (0.2, 0.5, 1.0)]
    return Problem(model, inputs, inputs[:, :1], loss="mse", trajectory=Trajectory(steps))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one of everything, and much that is none of it."""
    folder = tmp_path_factory.mktemp("work")
    problem = load_problem("gaussians-mlp")
    land = survey(problem, Plane.random(problem), (5, 5), overlays=("perplexity",), store=folder / "runs" / "a.zarr")
    pack(folder / "runs" / "a.zarr", folder / "runs" / "b.zarr.zip")
    write_netcdf(land, folder / "c.nc")
    with h5py.File(folder / "d.h5", "w") as file:
        file["xcoordinates"], file["ycoordinates"] = land["alpha"].values, land["beta"].values
        file["train_loss"] = land["loss"].values.T
    with h5py.File(folder / "weights.h5", "w") as file:
        file["kernel"] = np.zeros(3)
    (folder / "not.nc").write_text("nothing")
    (folder / "mine.py").write_text(OWN)
    (folder / "other.py").write_text("import torch\nx = 1\n")
    (folder / "broken.py").write_text("def problem(:\n")
    for step in (0, 100, 20):
        (folder / "ckpt").mkdir(exist_ok=True)
        (folder / "ckpt" / f"step_{step}.pt").write_bytes(b"never read")
    (folder / "llm").mkdir()
    (folder / "llm" / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    (folder / "llm" / "model.safetensors").write_bytes(b"never read")
    (folder / "keras").mkdir()
    (folder / "keras" / "config.json").write_text(json.dumps({"layers": []}))
    (folder / "keras" / "model.safetensors").write_bytes(b"never read")
    for hidden in (".git", ".venv", "node_modules", "mine_env"):
        (folder / hidden).mkdir()
        (folder / hidden / "hidden.py").write_text(OWN)
    (folder / "mine_env" / "pyvenv.cfg").touch()
    return folder


@pytest.fixture
def here(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The server was started in that folder."""
    monkeypatch.chdir(made)
    monkeypatch.setenv(FOLDER_VARIABLE, ".")
    workspace._latest.clear()
    check_panel._known.clear()
    (made / "mine.ran").unlink(missing_ok=True)
    return made


def test_everything_is_found_and_nothing_runs(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made)
    found = scan(Path("."))
    assert found.whole
    assert found.entries == (
        WorkspaceEntry(PROBLEM, "mine.py"),
        WorkspaceEntry(LANDSCAPE, "c.nc"),
        WorkspaceEntry(LANDSCAPE, "d.h5"),
        WorkspaceEntry(LANDSCAPE, "runs/a.zarr"),
        WorkspaceEntry(LANDSCAPE, "runs/b.zarr.zip"),
        WorkspaceEntry(CHECKPOINTS, "ckpt/"),
        WorkspaceEntry(TRANSFORMERS, "llm/"),
    )
    assert not (made / "mine.ran").exists()


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("problem = Problem(a, b, c)", ["problem"]),
        ("problem: Problem = make()", ["problem"]),
        ("def problem(): return make()", ["problem"]),
        ("def problem(seed=0, *, size=3): return make()", ["problem"]),
        ("from mine import problem", ["problem"]),
        ("from mine import small as problem", ["problem"]),
        ("a = lossnav.core.Problem(m, x, y)\nb = Problem.from_loss(m, d, l)", ["a", "b"]),
        ("def small() -> 'core.Problem': return make()", ["small"]),
        ("def small():\n    return Problem(m, x, y)", ["small"]),
        ("def small(): return Problem(1)\nproblem = small()", ["problem", "small"]),
        ("def problem(seed): return make(seed)", []),
        ("def problem(*, seed): return make(seed)", []),
        ("@pytest.fixture\ndef problem(): return make()", []),
        ("def _hidden(): return Problem(m, x, y)", []),
        ("problem = 'text'", []),
        ("class Problem: ...", []),
        ("if __name__ == '__main__':\n    problem = Problem(m, x, y)", []),
        ("x = '\\d'; problem = make()", ["problem"]),
        ("(" * 500, []),
        ("problem = " + "-" * 20_000 + "1", []),
        (b"\x00problem = make()", []),
        (b"\xff\xfe\x00", []),
    ],
)
def test_what_a_source_gives_is_read_off_its_syntax(source: str | bytes, names: list[str]) -> None:
    assert problem_names(source) == names


def test_a_name_that_is_found_is_one_that_loads(tmp_path: Path) -> None:
    """What the syntax tells is what `load_problem` takes, of a file with several."""
    file = tmp_path / "several.py"
    file.write_text(OWN + "\n\ndef twin() -> Problem:\n    return problem()\n")
    targets = [entry.target for entry in scan(tmp_path).entries]
    assert targets == [str(file), f"{file}:twin"]
    assert [load_problem(target).name for target in targets] == ["several", "several"]


def test_an_adapter_of_peft_is_a_language_model(tmp_path: Path) -> None:
    (tmp_path / "lora").mkdir()
    (tmp_path / "lora" / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}))
    (tmp_path / "lora" / "adapter_model.safetensors").write_bytes(b"never read")
    assert scan(tmp_path).entries == (WorkspaceEntry(TRANSFORMERS, f"{tmp_path / 'lora'}/"),)


def test_links_that_lead_out_are_left_out(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    for folder in (outside, inside):
        folder.mkdir()
        (folder / "mine.py").write_text(OWN)
    (inside / "file.py").symlink_to(outside / "mine.py")
    (inside / "folder").symlink_to(outside)
    (inside / "loop").symlink_to(inside)
    (inside / "again.py").symlink_to(inside / "mine.py")
    os.mkfifo(inside / "pipe.py")
    assert [Path(t).name for t in scan(inside).of(PROBLEM)] == ["again.py", "mine.py"]


def test_the_search_ends_at_its_bounds(tmp_path: Path) -> None:
    deep = tmp_path
    for k in range(6):
        deep = deep / f"d{k}"
        deep.mkdir()
        (deep / "mine.py").write_text(OWN)
    assert len(scan(tmp_path).entries) == 4
    assert len(scan(tmp_path, Bounds(depth=6)).entries) == 6
    few = scan(tmp_path, Bounds(depth=6, listed=2))
    assert (len(few.entries), few.whole) == (2, False)
    assert not scan(tmp_path, Bounds(entries=3)).whole
    ticks = iter(range(100))
    late = scan(tmp_path, Bounds(seconds=3), clock=lambda: next(ticks))
    assert not late.whole
    assert len(late.entries) < 4


def test_names_that_a_command_would_misread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("--out.py").write_text(OWN)
    Path("a:b.py").write_text(OWN)
    assert scan(Path(".")).of(PROBLEM) == ["./--out.py"]


def page(**query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=120)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def test_the_page_opens_on_a_sample_and_lists_the_folder(here: Path) -> None:
    app = page()
    assert not app.exception
    model = app.selectbox(key="model")
    assert model.value == "gaussians-mlp"
    assert model.options[:7] == [entry.target for entry in scan(Path(".")).entries]
    assert not (here / "mine.ran").exists()


def test_a_link_runs_nothing_and_a_press_does(here: Path) -> None:
    app = page(model="mine.py")
    assert not app.exception
    assert app.selectbox(key="model").value == "mine.py"
    assert "Training path" not in str(app.selectbox(key="plane").options)
    random_only = list(app.selectbox(key="plane").options)
    assert any("has not run" in caption.value for caption in app.caption)
    assert not (here / "mine.ran").exists()
    app.button(key="test_network").click().run()
    assert not app.exception
    assert (here / "mine.ran").exists()
    assert len(app.selectbox(key="plane").options) > len(random_only)  # its checkpoints are known now


def test_a_file_outside_the_folder_is_no_choice(here: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.py").write_text(OWN)
    app = page(model=str(tmp_path / "elsewhere.py"))
    assert app.selectbox(key="model").value == "gaussians-mlp"
    assert not (tmp_path / "elsewhere.ran").exists()


@pytest.mark.parametrize("name", ["c.nc", "d.h5", "runs/a.zarr", "runs/b.zarr.zip"])
def test_a_landscape_of_the_folder_opens_as_data(name: str, here: Path) -> None:
    app = page(model=name)
    assert not app.exception
    assert not app.error
    assert any("without its network" in caption.value for caption in app.caption)
    assert app.toggle(key="on_perplexity").disabled == (name == "d.h5")


def test_weights_say_what_to_write(here: Path) -> None:
    app = page(model="ckpt/")
    assert not app.exception
    assert "'ckpt/step_100.pt'" in app.code[0].value  # the last, by its number
    app = page(model="llm/")
    assert "from_transformers('llm/'" in app.code[0].value
    for kind, target in ((CHECKPOINTS, "ckpt/"), (TRANSFORMERS, "llm/")):
        assert problem_names(weights_code(kind, target)) == ["problem"]


def test_the_models_page_says_in_three_steps_how_and_what_it_says_is_found(here: Path) -> None:
    app = page().switch_page("views/models.py").run()
    assert not app.exception
    shown = [code.value for code in app.code]
    assert shown[0] == "lossnav new mine.py"
    assert problem_names(shown[1]) == ["problem"]
    assert shown[2] == "lossnav explore"
    assert any("1 problem, 4 landscapes, 1 checkpoint folder, 1 language model" in c.value for c in app.caption)


def test_what_is_new_appears_and_what_is_gone_goes(here: Path) -> None:
    app = page()
    before = list(app.selectbox(key="model").options)
    new = here / "new.py"
    new.write_text(OWN)
    try:
        assert workspace.rescan() != workspace.scan(Path("runs"))
        after = app.run().selectbox(key="model").options
        assert set(after) - set(before) == {"new.py"}
        assert app.selectbox(key="model").value == "gaussians-mlp"  # the choice stays
    finally:
        new.unlink()
    workspace.rescan()
    assert list(app.run().selectbox(key="model").options) == before


def test_a_dropped_file_opens_as_data(here: Path) -> None:
    app = page()
    app.file_uploader(key="dropped_file").set_value(("mine.nc", (here / "c.nc").read_bytes(), "application/x-netcdf"))
    app.run()
    assert not app.exception
    assert any("mine.nc" in caption.value for caption in app.caption)
    assert not app.toggle(key="on_perplexity").disabled
    app.file_uploader(key="dropped_file").set_value(("bad.nc", b"nothing", "application/x-netcdf")).run()
    assert not app.exception
    (said,) = [error.value for error in app.error]
    assert "NetCDF" in said
    assert "bad.nc" in said
    assert "lossnav-dropped" not in said


def test_a_surface_of_vtk_is_found_and_opens_as_data(here: Path, tmp_path: Path) -> None:
    (tmp_path / "other.vtp").write_text('<VTKFile type="ImageData"/>')
    made = convert(here / "c.nc", tmp_path / "a.vtp")
    assert list(workspace.scan(tmp_path).entries) == [WorkspaceEntry(LANDSCAPE, str(made))]
    app = page()
    app.file_uploader(key="dropped_file").set_value(("mine.vtp", made.read_bytes(), "application/xml")).run()
    assert not app.exception
    assert not app.error
    assert not app.toggle(key="on_perplexity").disabled


def test_a_dropped_file_is_bounded_and_keeps_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    path = dropped.stored("../../etc/x.NC", b"content")
    assert path.read_bytes() == b"content"
    assert (path.suffix, len(path.stem)) == (".nc", 16)
    with pytest.raises(InputError, match="ends in"):
        dropped.stored("x.py", b"")
    monkeypatch.setattr(dropped, "LARGEST", 0)
    with pytest.raises(InputError, match="larger than"):
        dropped.stored("x.nc", b"content")


def test_the_command_takes_a_folder(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Path] = []
    monkeypatch.setattr("lossnav.explorer.server.serve_folder", lambda folder, *_: served.append(folder))
    monkeypatch.chdir(made)
    for words in (["explore"], ["explore", str(made)], []):
        assert CliRunner().invoke(cli.app, words).exit_code == 0
    assert served == [Path("."), made, Path(".")]


def test_names_that_no_page_can_show_and_configurations_that_are_no_mapping(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"bad\xff.py")).write_text("def problem(): ...")
    bad = tmp_path / os.fsdecode(b"bad\xfe.zarr")
    bad.mkdir()
    (bad / "zarr.json").write_text("{}")
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "config.json").write_text('["model_type"]')
    (tmp_path / "words" / "model.safetensors").write_text("")
    assert scan(tmp_path).entries == ()


def test_of_too_many_those_nearest_to_the_folder_are_listed(tmp_path: Path) -> None:
    source = "from lossnav.core import Problem\n\ndef problem():\n    return Problem(None, None)\n"
    deep = tmp_path / "a"
    deep.mkdir()
    for place in (*(deep / f"{k}.py" for k in range(5)), tmp_path / "zz.py"):
        place.write_text(source)
    found = scan(tmp_path, Bounds(listed=2))
    assert str(tmp_path / "zz.py") in found.of("problem")
    assert (len(found.entries), found.whole) == (2, False)

"""A landscape file of any kind is drawn without its network: on the page, and for print."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from lossnav.core import InputError, Plane, Settings, load_problem, survey
from lossnav.core.formats.convert import write_netcdf
from lossnav.core.survey import landscape
from lossnav.core.survey.packing import pack
from lossnav.explorer import cli
from lossnav.explorer.landscape_file import opened, opened_once
from lossnav.explorer.server import LANDSCAPE_VARIABLE
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

APP = str(Path(cli.__file__).parent / "app.py")
KINDS = ("land.zarr", "land.zarr.zip", "land.nc", "land.h5")


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One landscape in every kind of file."""
    folder = tmp_path_factory.mktemp("files")
    problem = load_problem("gaussians-mlp")
    land = survey(problem, Plane.random(problem), (7, 5), overlays=("perplexity",), store=folder / "land.zarr")
    pack(folder / "land.zarr", folder / "land.zarr.zip")
    write_netcdf(land, folder / "land.nc")
    with h5py.File(folder / "land.h5", "w") as file:
        file["xcoordinates"], file["ycoordinates"] = land["alpha"].values, land["beta"].values
        file["train_loss"] = land["loss"].values.T
        file["train_acc"] = 100 * land["accuracy"].values.T
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_holds_the_same_terrain(kind: str, files: Path) -> None:
    expected = opened(files / "land.zarr").landscape(Settings())
    found = opened(files / kind)
    np.testing.assert_allclose(found.landscape(Settings())["loss"], expected["loss"], rtol=1e-6)
    np.testing.assert_allclose(found.measured(Settings())["accuracy"], expected["accuracy"], rtol=1e-6)
    assert ("perplexity" in found.unavailable) == (kind == "land.h5")
    assert "viscosity" in found.unavailable


def test_readouts_are_derived_anew_only_where_the_settings_are_others(files: Path) -> None:
    found = opened(files / "land.zarr")
    assert found.measured(Settings()) is found.land
    warmer = found.measured(Settings(temperature=2.0))
    assert warmer.lossnav.settings.temperature == 2.0
    assert warmer.identical(landscape(found.points, Settings(temperature=2.0)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_draws_it(kind: str, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LANDSCAPE_VARIABLE, str(files / kind))
    app = AppTest.from_file(APP, default_timeout=120).run()
    assert not app.exception
    assert any(kind in caption.value for caption in app.caption)
    assert len(app.toggle) >= 7
    switched = app.toggle(key="on_perplexity")
    assert switched.disabled == (kind == "land.h5")
    if kind != "land.h5":
        assert not switched.set_value(True).run().exception


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("drawn", ["map", "surface"])
def test_the_command_draws_it_for_print(kind: str, drawn: str, files: Path, tmp_path: Path) -> None:
    words = ["figure", str(files / kind), "-o", str(tmp_path / "figure.svg"), "--kind", drawn]
    found = CliRunner().invoke(cli.app, words)
    assert found.exit_code == 0, found.output
    assert "<svg" in (tmp_path / "figure.svg").read_text()


def test_the_command_opens_files_in_the_explorer(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Path] = []
    monkeypatch.setattr("lossnav.explorer.server.serve_landscape", lambda path, *_: served.append(path))
    for kind in KINDS:
        assert CliRunner().invoke(cli.app, ["explore", str(files / kind)]).exit_code == 0
    assert [path.name for path in served] == list(KINDS)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("no.nc", None, "No landscape at"),
        ("bad.nc", b"nothing", "NetCDF 4 file was expected"),
        ("bad.h5", b"nothing", "HDF5 file was expected"),
        ("bad.zarr.zip", b"nothing", "no lossnav landscape"),
        ("other.txt", b"nothing", "one of these endings"),
    ],
)
def test_what_is_none_is_said(name: str, content: bytes | None, text: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=text):
        opened(tmp_path / name)


def test_a_netcdf_of_something_else_is_said(tmp_path: Path) -> None:
    xr.Dataset({"height": ("x", [1.0])}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    with pytest.raises(InputError, match="variable loss over alpha and beta"):
        opened(tmp_path / "other.nc")


def test_a_file_that_is_gone_is_a_sentence_with_a_way_on(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'gone\.nc' is no longer in its folder: choose another landscape"):
        opened_once(tmp_path / "gone.nc")

"""Files of other tools: what goes out comes back, and Li et al.'s files are read as they were meant."""

import csv
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from lossnav.core.formats.convert import convert
from lossnav.core.formats.li_h5 import read_li_h5
from lossnav.core.formats.netcdf import read_netcdf, write_netcdf
from lossnav.core.formats.table import write_csv
from lossnav.core.formats.vtk import write_vtk


@pytest.fixture
def landscape() -> xr.Dataset:
    rng = np.random.default_rng(0)
    loss = np.exp(rng.normal(size=(4, 3)))
    loss[0, 0], loss[1, 2], loss[2, 1] = np.nan, np.inf, 0.1 + 0.2
    measured = np.ones((4, 3), dtype=bool)
    measured[3, 2] = False
    words = {"long_name": "loss", "units": "nats", "property": "terrain", "low_pole": "", "high_pole": "höher"}
    return xr.Dataset(
        {
            "loss": (("alpha", "beta"), loss, words),
            "memory": (("alpha", "beta"), rng.random((4, 3)).astype("float32"), {"zero": 0}),
            "measured": (("alpha", "beta"), measured),
            "path_alpha": ("checkpoint", rng.normal(size=5)),
            "path_beta": ("checkpoint", rng.normal(size=5)),
            "path_off_plane": ("checkpoint", rng.random(5)),
            "path_step": ("checkpoint", np.arange(5)),
        },
        coords={"alpha": np.linspace(-1, 1, 4), "beta": np.linspace(0, 0.7, 3)},
        attrs={"name": "bowl", "plane": json.dumps({"kind": "random"}), "unavailable": "{}", "provenance": "{}"},
    )


def same(one: xr.Dataset, other: xr.Dataset) -> None:
    xr.testing.assert_identical(one, other)
    for name in one.variables:
        assert one[name].dtype == other[name].dtype
        assert one[name].values.tobytes() == other[name].values.tobytes()


def test_netcdf_brings_everything_back(landscape: xr.Dataset, tmp_path: Path) -> None:
    same(read_netcdf(write_netcdf(landscape, tmp_path / "a.nc")), landscape)
    again = write_netcdf(read_netcdf(tmp_path / "a.nc"), tmp_path / "b.nc")
    same(read_netcdf(again), landscape)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nc", "b.nc"]


def test_netcdf_is_read_by_another_library(landscape: xr.Dataset, tmp_path: Path) -> None:
    netcdf4 = pytest.importorskip("netCDF4")
    with netcdf4.Dataset(write_netcdf(landscape, tmp_path / "a.nc")) as opened:
        assert opened["loss"].dimensions == ("alpha", "beta")
        np.testing.assert_array_equal(np.asarray(opened["loss"][:]), landscape["loss"])
        assert opened["loss"].units == "nats"


def test_csv_is_one_row_per_point_and_exact(landscape: xr.Dataset, tmp_path: Path) -> None:
    with write_csv(landscape, tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["alpha", "beta", "loss", "memory", "measured"]
    assert len(rows) == 12
    for name, values in (("loss", landscape["loss"]), ("memory", landscape["memory"])):
        read = np.array([row[name] for row in rows], dtype=values.dtype).reshape(4, 3)
        np.testing.assert_array_equal(read, values)
    assert [row["beta"] for row in rows[:3]] == [repr(value) for value in landscape["beta"].values.tolist()]
    assert rows[-1]["measured"] == "0"


def numbers(text: str) -> np.ndarray:
    return np.array(text.split(), dtype=np.float64)


def test_legacy_vtk_holds_the_surface(landscape: xr.Dataset, tmp_path: Path) -> None:
    lines = write_vtk(landscape, tmp_path / "a.vtk").read_text(encoding="utf-8").splitlines()
    assert lines[:6] == [
        "# vtk DataFile Version 3.0", "loss landscape bowl", "ASCII", "DATASET STRUCTURED_GRID",
        "DIMENSIONS 4 3 1", "POINTS 12 double",
    ]  # fmt: skip
    points = numbers(" ".join(lines[6:18])).reshape(3, 4, 3)
    np.testing.assert_array_equal(points[0, :, 0], landscape["alpha"])
    np.testing.assert_array_equal(points[:, 0, 1], landscape["beta"])
    loss = landscape["loss"].values.T
    finite = np.isfinite(loss)
    np.testing.assert_array_equal(points[..., 2][finite], loss[finite])
    assert (points[..., 2][~finite] == loss[finite].max()).all()
    assert lines[18:21] == ["POINT_DATA 12", "SCALARS loss double 1", "LOOKUP_TABLE default"]
    np.testing.assert_array_equal(numbers(lines[21]).reshape(3, 4), loss)
    assert "SCALARS measured int 1" in lines


def test_xml_vtk_holds_the_same(landscape: xr.Dataset, tmp_path: Path) -> None:
    from xml.etree import ElementTree

    root = ElementTree.parse(write_vtk(landscape, tmp_path / "a.vts")).getroot()
    grid = root.find("StructuredGrid")
    assert grid is not None
    assert grid.get("WholeExtent") == "0 3 0 2 0 0"
    arrays = {array.get("Name"): numbers(array.text or "") for array in root.iter("DataArray")}
    np.testing.assert_array_equal(arrays["loss"].reshape(3, 4), landscape["loss"].values.T)
    np.testing.assert_array_equal(arrays["measured"].reshape(3, 4), landscape["measured"].values.T)
    assert arrays[None].shape == (36,)


@pytest.mark.parametrize("ending", ["vtk", "vts"])
def test_vtk_itself_reads_the_files(ending: str, landscape: xr.Dataset, tmp_path: Path) -> None:
    vtk = pytest.importorskip("vtk", reason="vtk is not installed")
    reader = vtk.vtkStructuredGridReader() if ending == "vtk" else vtk.vtkXMLStructuredGridReader()
    reader.SetFileName(str(write_vtk(landscape, tmp_path / f"a.{ending}")))
    reader.Update()
    grid = reader.GetOutput()
    assert grid.GetDimensions() == (4, 3, 1)
    loss = grid.GetPointData().GetArray("loss")
    assert loss.GetValue(grid.ComputePointId([2, 1, 0])) == landscape["loss"][2, 1]


def li_file(path: Path, x: np.ndarray, y: np.ndarray | None, todo: tuple[int, ...] = ()) -> Path:
    """A surface file written as the reference implementation writes it: arrays declared (x, y), points numbered by
    numpy.meshgrid(x, y) (its scheduler.get_unplotted_indices, its plot_surface.crunch)."""
    shape = x.shape if y is None else (len(x), len(y))
    losses, accuracies = -np.ones(shape), -np.ones(shape)
    x_mesh, y_mesh = np.meshgrid(x, np.zeros(1) if y is None else y)
    for ind in range(losses.size):
        if ind not in todo:
            losses.ravel()[ind], accuracies.ravel()[ind] = li_loss(x_mesh.ravel()[ind], y_mesh.ravel()[ind])
    with h5py.File(path, "w") as file:
        file["dir_file"] = "directions.h5"
        file["xcoordinates"] = x
        if y is not None:
            file["ycoordinates"] = y
        file["train_loss"], file["train_acc"] = losses, accuracies
        file["test_loss"], file["test_acc"] = losses + 1, accuracies
    return path


def li_loss(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return x**2 + 10 * (y - 0.3) ** 2, 90 - 10 * x - y


@pytest.mark.parametrize(("nx", "ny"), [(5, 5), (5, 3), (3, 7)])
def test_surfaces_of_li_et_al(nx: int, ny: int, tmp_path: Path) -> None:
    x, y = np.linspace(-1, 1, nx), np.linspace(-0.5, 0.5, ny)
    landscape = read_li_h5(li_file(tmp_path / "a.h5", x, y))
    assert landscape["loss"].dims == ("alpha", "beta")
    loss, percent = li_loss(x[:, None], y[None, :])
    np.testing.assert_allclose(landscape["loss"], loss)
    np.testing.assert_allclose(landscape["accuracy"], percent / 100)
    np.testing.assert_allclose(landscape["test_loss"], loss + 1)
    assert landscape["measured"].all()
    assert landscape["measured"].dtype == bool
    assert landscape.attrs["name"] == "a"


def test_what_li_et_al_have_not_computed_is_not_measured(tmp_path: Path) -> None:
    path = li_file(tmp_path / "a.h5", np.linspace(-1, 1, 5), np.linspace(-0.5, 0.5, 3), todo=(1, 14))
    with h5py.File(path, "r+") as file:
        file["train_loss"][0, 0] = np.nan
    landscape = read_li_h5(path)
    assert [tuple(cell) for cell in np.argwhere(~landscape["measured"].values)] == [(1, 0), (4, 2)]
    assert np.isnan(landscape["loss"].values[1, 0])
    assert np.isnan(landscape["accuracy"].values[1, 0])
    assert np.isnan(landscape["loss"].values[0, 0])
    assert landscape["measured"].values[0, 0]


def test_a_slice_of_li_et_al(tmp_path: Path) -> None:
    x = np.linspace(-1, 1, 6)
    landscape = read_li_h5(li_file(tmp_path / "a.h5", x, None))
    assert landscape["loss"].shape == (6, 1)
    np.testing.assert_allclose(landscape["loss"][:, 0], li_loss(x, np.zeros(6))[0])


def test_convert_goes_by_endings(tmp_path: Path) -> None:
    source = li_file(tmp_path / "a.h5", np.linspace(-1, 1, 5), np.linspace(-0.5, 0.5, 3))
    for name in ("b.nc", "b.csv", "b.vtk", "b.vts"):
        assert convert(source, tmp_path / name).stat().st_size > 0
    same(read_netcdf(tmp_path / "b.nc"), read_li_h5(source))
    convert(tmp_path / "b.nc", tmp_path / "c.csv")
    assert (tmp_path / "c.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_bad_files_are_answered_in_a_sentence(landscape: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is written to \.nc, \.csv, \.vtk, \.vts, \.vtp, but 'a\.xlsx' came"):
        convert(write_netcdf(landscape, tmp_path / "a.nc"), tmp_path / "a.xlsx")
    with pytest.raises(ValueError, match=r"is read from \.zarr, \.zip, \.nc, \.h5, \.vtp, but 'a\.csv' came"):
        convert(tmp_path / "a.csv", tmp_path / "b.nc")
    with pytest.raises(ValueError, match="there is none"):
        convert(tmp_path / "missing.nc", tmp_path / "b.nc")
    with pytest.raises(ValueError, match=r"ends in \.vtk, \.vts or \.vtp"):
        write_vtk(landscape, tmp_path / "a.vtu")
    (tmp_path / "broken.nc").write_text("no")
    with pytest.raises(ValueError, match="NetCDF 4 file was expected"):
        read_netcdf(tmp_path / "broken.nc")
    (tmp_path / "broken.h5").write_text("no")
    with pytest.raises(ValueError, match="HDF5 file was expected"):
        read_li_h5(tmp_path / "broken.h5")


def test_other_data_is_refused(tmp_path: Path) -> None:
    xr.Dataset({"weather": ("day", np.arange(3.0))}).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with pytest.raises(ValueError, match=r"has a variable loss over alpha and beta, but 'a\.nc' has weather"):
        read_netcdf(tmp_path / "a.nc")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["weights"] = np.arange(3)
    with pytest.raises(ValueError, match="lacks train_loss and xcoordinates"):
        read_li_h5(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["xcoordinates"], file["ycoordinates"], file["train_loss"] = np.arange(3), np.arange(2), np.arange(5)
    with pytest.raises(ValueError, match="3 × 2 points has 6 values, but train_loss has 5"):
        read_li_h5(tmp_path / "b.h5")


def test_a_file_with_the_axes_the_other_way_round_is_turned(tmp_path: Path) -> None:
    axes = {"alpha": np.arange(4.0), "beta": np.arange(3.0)}
    values = np.arange(12).reshape(3, 4)
    xr.Dataset({"loss": (("beta", "alpha"), values)}, axes).to_netcdf(tmp_path / "turned.nc", engine="h5netcdf")
    found = read_netcdf(tmp_path / "turned.nc")["loss"]
    assert found.dims == ("alpha", "beta")
    assert found.dtype == float
    assert (found.values == values.T).all()

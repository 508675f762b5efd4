"""VTK's surfaces: what goes out comes back, however another program wrote it; what is hostile is a sentence."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import xarray as xr
from lossnav.core import InputError
from lossnav.core.formats import convert, read_any
from lossnav.core.formats.vtk import write_vtk
from lossnav.core.formats.vtp import read_vtp


@pytest.fixture
def land() -> xr.Dataset:
    rng = np.random.default_rng(0)
    loss = rng.random((5, 4))
    loss[0, 0], loss[2, 2] = np.nan, np.inf
    return xr.Dataset(
        {
            "loss": (("alpha", "beta"), loss),
            "viscosity": (("alpha", "beta"), rng.random((5, 4))),
            "viscosity_se": (("alpha", "beta"), rng.random((5, 4))),
            "measured": (("alpha", "beta"), rng.random((5, 4)) > 0.3),
        },
        {"alpha": np.linspace(-1, 1, 5), "beta": np.linspace(0, 0.7, 4)},
        {"name": "bowl"},
    )


def same(one: xr.Dataset, other: xr.Dataset) -> None:
    assert set(one.variables) == set(other.variables)
    for name in other.variables:
        np.testing.assert_array_equal(one[name].values, other[name].values)
        assert one[name].dtype == other[name].dtype


def test_it_comes_back(land: xr.Dataset, tmp_path: Path) -> None:
    found = read_vtp(write_vtk(land, tmp_path / "a.vtp"))
    same(found, land)
    assert found["viscosity"].attrs["long_name"] == "Sharpness λₘₐₓ"
    assert found["viscosity_se"].attrs["error_of"] == "viscosity"
    assert found.attrs["name"] == "a"
    convert(tmp_path / "a.vtp", tmp_path / "b.nc")
    same(read_any(tmp_path / "b.nc"), land)


def test_units_are_the_file_s_own_and_gaps_are_told_from_what_was_interpolated(
    land: xr.Dataset, tmp_path: Path
) -> None:
    marked = (("alpha", "beta"), np.isin(np.arange(20), [0, 3, 16, 19]).reshape(5, 4))
    land = land.assign(measured_curvature=marked)
    land["loss"].attrs["units"] = "bits & <pieces>"
    assert read_vtp(write_vtk(land, tmp_path / "a.vtp"))["loss"].attrs["units"] == "bits & <pieces>"
    found = read_vtp(tmp_path / "a.vtp")["viscosity"]
    assert found.attrs["units"] == "", "it depends on the coordinates, which the file does not say"
    assert "stage" not in found.attrs, "it is everywhere: nothing is to be filled"
    land["viscosity"] = land["viscosity"].where(land["measured_curvature"])
    assert read_vtp(write_vtk(land, tmp_path / "b.vtp"))["viscosity"].attrs["stage"] == "curvature"


def test_the_surface_has_a_hole_where_the_loss_is_not_finite(land: xr.Dataset, tmp_path: Path) -> None:
    piece = ElementTree.parse(write_vtk(land, tmp_path / "a.vtp")).find("./PolyData/Piece")
    assert piece is not None
    polys = {a.get("Name"): np.array((a.text or "").split(), int) for a in piece.findall("./Polys/DataArray")}
    cells = polys["connectivity"].reshape(-1, 4)
    assert len(cells) == 4 * 3 - 1 - 4
    assert piece.get("NumberOfPolys") == str(len(cells))
    assert polys["offsets"].tolist() == list(range(4, 4 * len(cells) + 1, 4))
    bad = np.flatnonzero(~np.isfinite(land["loss"].values.T.ravel()))
    assert not np.isin(cells, bad).any()
    points = np.array((piece.find("./Points/DataArray").text or "").split(), float).reshape(-1, 3)  # type: ignore[union-attr]
    corners = points[cells]
    turned = np.cross(corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0])
    assert (turned[:, 2] > 0).all()


def test_another_library_reads_it(land: xr.Dataset, tmp_path: Path) -> None:
    vtk = pytest.importorskip("vtk")
    reader = vtk.vtkXMLPolyDataReader()
    reader.SetFileName(str(write_vtk(land, tmp_path / "a.vtp")))
    reader.Update()
    assert reader.GetOutput().GetNumberOfPolys() == 7


def written(how: str, wide: str = "UInt64", order: str = "<") -> bytes:
    """A surface 3 × 2 as ParaView writes it: `inline` or `appended`, as `raw` or `base64`, `packed` or not."""
    points = np.array([[x, y, 10 * x + y] for y in (0.0, 0.5) for x in (0.0, 1.0, 2.0)])
    loss = np.arange(6.0)
    head, packed, raw = order + {"UInt32": "I", "UInt64": "Q"}[wide], "packed" in how, "raw" in how

    def blob(values: np.ndarray) -> bytes:
        data = values.astype(f"{order}f8").tobytes()
        if not packed:
            whole = struct.pack(head, len(data)) + data
            return whole if raw else base64.b64encode(whole)
        size, blocks = 32, [data[k : k + 32] for k in range(0, len(data), 32)]
        small = [zlib.compress(block) for block in blocks]
        last = len(blocks[-1]) if len(blocks[-1]) < size else 0
        top = b"".join(struct.pack(head, n) for n in (len(blocks), size, last, *map(len, small)))
        return top + b"".join(small) if raw else base64.b64encode(top) + base64.b64encode(b"".join(small))

    blobs = [blob(points), blob(loss)]
    places = [0, len(blobs[0])]

    def array(k: int, more: str) -> bytes:
        if "inline" in how:
            return f'<DataArray type="Float64" {more} format="binary">\n  '.encode() + blobs[k] + b"\n</DataArray>"
        return f'<DataArray type="Float64" {more} format="appended" offset="{places[k]}"/>'.encode()

    about = f'type="PolyData" version="1.0" byte_order="{"LittleEndian" if order == "<" else "BigEndian"}" header_type="{wide}"'
    about += ' compressor="vtkZLibDataCompressor"' if packed else ""
    tail = b""
    if "appended" in how:
        tail = (
            f'<AppendedData encoding="{"raw" if raw else "base64"}">_'.encode() + b"".join(blobs) + b"</AppendedData>"
        )
    return (
        f'<?xml version="1.0"?><VTKFile {about}><PolyData><Piece NumberOfPoints="6" NumberOfPolys="0"><Points>'.encode()
        + array(0, 'NumberOfComponents="3"')
        + b'</Points><PointData Scalars="train_loss">'
        + array(1, 'Name="train_loss"')
        + b"</PointData></Piece></PolyData>"
        + tail
        + b"</VTKFile>"
    )


@pytest.mark.parametrize(
    "how", ["inline", "inline packed", "appended", "appended packed", "appended raw", "appended raw packed"]
)
@pytest.mark.parametrize(("wide", "order"), [("UInt64", "<"), ("UInt32", ">")])
def test_binary_surfaces_of_other_programs_are_read(tmp_path: Path, how: str, wide: str, order: str) -> None:
    (tmp_path / "a.vtp").write_bytes(written(how, wide, order))
    found = read_vtp(tmp_path / "a.vtp")
    assert found["alpha"].values.tolist() == [0, 1, 2]
    assert found["beta"].values.tolist() == [0, 0.5]
    np.testing.assert_array_equal(found["loss"].values, np.arange(6.0).reshape(2, 3).T)


def test_without_a_loss_the_height_is_it(tmp_path: Path) -> None:
    (tmp_path / "a.vtp").write_bytes(written("inline").replace(b"train_loss", b"other_name"))
    np.testing.assert_array_equal(read_vtp(tmp_path / "a.vtp")["loss"].values, [[0, 0.5], [10, 10.5], [20, 20.5]])


def hostile() -> dict[str, tuple[bytes, str]]:
    whole = written("inline")
    lies = written("appended raw").replace(struct.pack("<Q", 144), struct.pack("<Q", 2**60))
    bomb = zlib.compress(bytes(10**8))
    top = struct.pack("<QQQQ", 1, 144, 0, len(bomb))
    packed = written("appended raw packed")
    begin = packed.index(b">_") + 2
    return {
        "cut": (whole[: len(whole) // 2], "none or is damaged"),
        "entities": (whole.replace(b"<VTKFile", b'<!DOCTYPE a [<!ENTITY b "c">]><VTKFile'), "declares no types"),
        "utf-16": (
            whole.decode().replace("<VTKFile", '<!DOCTYPE a [<!ENTITY b "c">]><VTKFile').encode("utf-16"),
            "damaged",
        ),
        "enormous": (lies, "more than any landscape"),
        "bomb": (packed[:begin] + top + bomb + b"</AppendedData></VTKFile>", "damaged"),
        "other packer": (whole.replace(b"header_type", b'compressor="vtkLZ4DataCompressor" header_type'), "not read"),
        "no surface": (b"<VTKFile type='ImageData'/>", "damaged"),
        "nothing": (b"", "damaged"),
    }


@pytest.mark.parametrize("kind", hostile())
def test_what_is_damaged_or_hostile_is_a_sentence(tmp_path: Path, kind: str) -> None:
    content, said = hostile()[kind]
    (tmp_path / "a.vtp").write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_any(tmp_path / "a.vtp")


def test_points_off_a_grid_are_refused(land: xr.Dataset, tmp_path: Path) -> None:
    text = write_vtk(land, tmp_path / "a.vtp").read_text()
    rng = np.random.default_rng(0)
    before = text[text.index('format="ascii">') + 15 : text.index("</DataArray></Points>")]
    after = "\n" + "\n".join(" ".join(map(repr, row)) for row in rng.random((20, 3)).tolist()) + "\n"
    (tmp_path / "a.vtp").write_text(text.replace(before, after))
    with pytest.raises(InputError, match="rectangular grid"):
        read_vtp(tmp_path / "a.vtp")

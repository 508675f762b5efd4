"""Meshes: vertices, volume and bounds against the landscape's numbers; solids that print; holes; colours; the scale in the file."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from lossnav.core import InputError
from lossnav.core.formats.mesh import BASE, PRINTED, RELIEF, MeshBox, write_mesh

trimesh = pytest.importorskip("trimesh")

NA, NB = 7, 5
ALPHA, BETA = np.linspace(-1, 2, NA), np.linspace(0, 1.5, NB)


def landscape(loss: np.ndarray | None = None) -> xr.Dataset:
    """A bowl, or other heights, over a grid twice as long as wide."""
    a, b = np.meshgrid(ALPHA, BETA, indexing="ij")
    values = (a - 0.3) ** 2 + 2 * (b - 0.4) ** 2 if loss is None else loss
    return xr.Dataset({"loss": (("alpha", "beta"), values)}, {"alpha": ALPHA, "beta": BETA}, {"name": "bowl"})


def tilted() -> xr.Dataset:
    """A plane, whose volume is known: 0 at one corner, 1 at the opposite one."""
    a, b = np.meshgrid(np.linspace(0, 0.5, NA), np.linspace(0, 0.5, NB), indexing="ij")
    return landscape(a + b)


def loaded(path: Path):
    """The mesh of a file, and what is said in it; z up whatever the file has."""
    found = trimesh.load(path, process=path.suffix == ".stl")
    mesh = found if isinstance(found, trimesh.Trimesh) else next(iter(found.geometry.values()))
    if path.suffix != ".stl":
        mesh.vertices = mesh.vertices[:, [0, 2, 1]] * [1, -1, 1]
    return mesh, found.metadata


@pytest.mark.parametrize("ending", [".glb", ".obj"])
def test_each_vertex_is_a_point_of_the_landscape(tmp_path: Path, ending: str) -> None:
    land = landscape()
    said = write_mesh(land, tmp_path / f"m{ending}")
    mesh, _ = loaded(tmp_path / f"m{ending}")
    back = {
        "alpha": mesh.vertices[:, 0] / said["length_of_one_alpha_or_beta"] + said["alpha_at_0"],
        "beta": mesh.vertices[:, 1] / said["length_of_one_alpha_or_beta"] + said["beta_at_0"],
        "loss": mesh.vertices[:, 2] / said["length_of_one_height"] + said["lowest_height"],
    }
    a, b = np.meshgrid(ALPHA, BETA, indexing="ij")
    for name, expected in (("alpha", a), ("beta", b), ("loss", land["loss"].values)):
        np.testing.assert_allclose(back[name], expected.ravel(), atol=1e-6)
    np.testing.assert_allclose(mesh.bounds, [[0, 0, 0], [1, 0.5, RELIEF]], atol=1e-6)
    assert len(mesh.faces) == 2 * (NA - 1) * (NB - 1)
    assert (mesh.face_normals[:, 2] > 0).all(), "seen from above"


def test_a_solid_is_closed_and_has_the_volume_of_its_numbers(tmp_path: Path) -> None:
    write_mesh(tilted(), tmp_path / "m.stl")
    mesh, _ = loaded(tmp_path / "m.stl")
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    wide, deep, relief, base = PRINTED, PRINTED / 2, RELIEF * PRINTED, BASE * PRINTED
    np.testing.assert_allclose(mesh.bounds, [[0, 0, 0], [wide, deep, relief + base]], rtol=1e-6)
    assert mesh.volume == pytest.approx(wide * deep * (base + relief / 2), rel=1e-5)


def test_a_solid_s_volume_is_that_of_its_prisms_whatever_the_surface(tmp_path: Path) -> None:
    land, box = landscape(), MeshBox(size=2.0, relief=0.7, base=0.1)
    write_mesh(land, tmp_path / "m.stl", box=box)
    mesh, _ = loaded(tmp_path / "m.stl")
    z = land["loss"].values
    z = 1.4 * (z - z.min()) / (z.max() - z.min())
    cell = (2.0 / (NA - 1)) * (1.0 / (NB - 1))
    thirds = (2 * z[:-1, :-1] + z[1:, :-1] + 2 * z[1:, 1:] + z[:-1, 1:]) / 6  # of two triangles, along this diagonal
    assert mesh.volume == pytest.approx(float((cell * (thirds + 0.2)).sum()), rel=1e-5)
    assert mesh.is_watertight


def holed(*corners: tuple[int, int]) -> np.ndarray:
    loss = landscape()["loss"].values.copy()
    for corner in corners:
        loss[corner] = np.nan
    return loss


@pytest.mark.parametrize("ending", [".glb", ".obj", ".stl"])
def test_what_is_not_finite_is_a_hole(tmp_path: Path, ending: str) -> None:
    loss = holed((3, 2))
    loss[0, 0] = np.inf
    write_mesh(landscape(loss), tmp_path / f"m{ending}")
    mesh, _ = loaded(tmp_path / f"m{ending}")
    cells = (NA - 1) * (NB - 1) - 4 - 1
    above = mesh.face_normals[:, 2] > 1e-6
    assert above.sum() == 2 * cells
    assert np.isfinite(mesh.vertices).all()
    if ending == ".stl":
        assert mesh.is_watertight
        assert mesh.euler_number == 0, "one hole goes through it"
    else:
        assert len(mesh.vertices) == NA * NB - 2


@pytest.mark.parametrize("shift", [0, 1])
def test_cells_that_touch_in_a_corner_alone_leave_a_solid_closed(tmp_path: Path, shift: int) -> None:
    whole = np.ones((NA, NB), bool)
    whole[[2, 4], [3 - 2 * shift, 1 + 2 * shift]] = False
    loss = np.where(whole, landscape()["loss"].values, np.nan)
    write_mesh(landscape(loss), tmp_path / "m.stl")
    mesh, _ = loaded(tmp_path / "m.stl")
    assert mesh.is_watertight
    assert mesh.volume > 0


def test_random_holes_leave_every_solid_closed(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        loss = np.where(rng.random((NA, NB)) < 0.1, np.nan, rng.random((NA, NB)))
        write_mesh(landscape(loss), tmp_path / "m.stl")
        assert loaded(tmp_path / "m.stl")[0].is_watertight


def test_colours_are_at_their_vertices(tmp_path: Path) -> None:
    colors = np.random.default_rng(1).integers(0, 256, (NA, NB, 3)).astype(np.uint8)
    for ending in (".obj", ".glb"):
        write_mesh(landscape(), tmp_path / f"m{ending}", colors=colors)
    mesh, _ = loaded(tmp_path / "m.obj")
    np.testing.assert_array_equal(mesh.visual.vertex_colors[:, :3], colors.reshape(-1, 3))
    mesh, _ = loaded(tmp_path / "m.glb")
    light = np.asarray(
        mesh.visual.vertex_attributes["color"] if mesh.visual.kind == "texture" else mesh.visual.vertex_colors
    )
    screen = light[:, :3] / 255  # glTF's are linear: back to a screen's
    screen = np.where(screen <= 0.0031308, 12.92 * screen, 1.055 * screen ** (1 / 2.4) - 0.055)
    bright = colors.reshape(-1, 3) > 60  # of darker ones eight linear bits leave few
    assert np.abs(255 * screen - colors.reshape(-1, 3))[bright].max() < 4


def test_the_scale_is_in_the_file(tmp_path: Path) -> None:
    for ending in (".glb", ".obj", ".stl"):
        said = write_mesh(landscape(), tmp_path / f"m{ending}", about={"height": "Loss (nats)\nv 1 2 3"})
        assert said["up"] == ("z" if ending == ".stl" else "y")
    _, metadata = loaded(tmp_path / "m.glb")
    assert metadata["landscape"] == write_mesh(
        landscape(), tmp_path / "m.glb", about={"height": "Loss (nats)\nv 1 2 3"}
    )
    lines = (tmp_path / "m.obj").read_text().splitlines()
    assert "# relief: 0.4" in lines
    assert "v 1 2 3" not in lines, "a name is no vertex"
    header = (tmp_path / "m.stl").read_bytes()[:80]
    assert header.startswith(b"lossnav, mm: 1 alpha = 33.333")
    assert not header.startswith(b"solid")


def test_the_same_landscape_gives_the_same_bytes(tmp_path: Path) -> None:
    for ending in (".glb", ".obj", ".stl"):
        for name in "ab":
            write_mesh(landscape(), tmp_path / f"{name}{ending}")
        assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()


def test_a_flat_landscape_and_beta_before_alpha(tmp_path: Path) -> None:
    write_mesh(landscape(np.ones((NA, NB))), tmp_path / "m.stl")
    mesh, _ = loaded(tmp_path / "m.stl")
    assert mesh.volume == pytest.approx(PRINTED * PRINTED / 2 * BASE * PRINTED, rel=1e-5)
    write_mesh(landscape().transpose("beta", "alpha"), tmp_path / "turned.obj")
    write_mesh(landscape(), tmp_path / "m.obj")
    assert (tmp_path / "turned.obj").read_bytes() == (tmp_path / "m.obj").read_bytes()


def test_what_is_no_mesh_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"ends in \.glb, \.obj or \.stl"):
        write_mesh(landscape(), tmp_path / "m.fbx")
    with pytest.raises(InputError, match="one direction only"):
        write_mesh(landscape().isel(beta=[0]), tmp_path / "m.glb")
    with pytest.raises(InputError, match="four finite corners"):
        write_mesh(landscape(np.full((NA, NB), np.nan)), tmp_path / "m.glb")
    for wrong in ({"size": 0.0}, {"relief": -1.0}, {"base": float("nan")}):
        with pytest.raises(InputError, match="should be more than 0"):
            MeshBox(**wrong)
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(InputError, match="pip install trimesh"):
        write_mesh(landscape(), tmp_path / "m.glb")
    assert list(tmp_path.iterdir()) == []

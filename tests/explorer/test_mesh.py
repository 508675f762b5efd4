"""Meshes by the command and by the page: the picture's heights and colours."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pytest
import xarray as xr
from lossnav.core import InputError, Settings
from lossnav.explorer.commands.options import read_landscape_file
from lossnav.explorer.export import MESH_FORMATS, Export, exported
from lossnav.explorer.figures.paper import save_mesh
from lossnav.explorer.figures.shared.picture import color_limits
from lossnav.explorer.figures.shared.style import colormap_for
from lossnav.explorer.state import Drawing, View
from typed_command import lossnav as typed
from typed_command import sentence

trimesh = pytest.importorskip("trimesh")


def test_the_command_s_mesh_has_the_landscape_s_heights_and_colours(tmp_path: Path) -> None:
    done = typed(
        "export", "gaussians-mlp.trajectory", str(tmp_path / "m.obj"), "--color", "viscosity", "--scale", "log"
    )
    assert done.returncode == 0, done.stderr
    assert "y up" in done.stderr
    assert "a factor of 10 in Loss (nats)" in done.stderr
    land = read_landscape_file(Path("gaussians-mlp.trajectory"), ["viscosity"])
    mesh = trimesh.load(tmp_path / "m.obj", process=False)
    said = dict(
        line[2:].split(": ", 1)
        for line in (tmp_path / "m.obj").read_text().splitlines()
        if line.startswith("# ") and ": " in line
    )
    logs = float(said["lowest_height"]) + mesh.vertices[:, 1] / float(said["length_of_one_height"])
    np.testing.assert_allclose(10**logs, land["loss"].values.ravel(), rtol=1e-5)
    layer = Drawing("viscosity").layer(land)
    low, high = color_limits(land, layer)
    shares = (layer.scale.apply(land["viscosity"].values) - low) / (high - low)
    expected = matplotlib.colormaps[colormap_for("viscosity", diverging=False)](shares)[..., :3].reshape(-1, 3)
    assert np.abs(mesh.visual.vertex_colors[:, :3] / 255 - expected).max() < 0.01


def test_a_point_without_a_colour_is_grey(land: xr.Dataset, tmp_path: Path) -> None:
    there = land["viscosity"].copy()
    there[4, 4] = np.nan
    picture = View(Drawing("loss"), {"viscosity": Drawing("viscosity")}, "viscosity").picture(land)
    save_mesh(land.assign(viscosity=there), picture, tmp_path / "m.obj")
    mesh = trimesh.load(tmp_path / "m.obj", process=False)
    assert len(mesh.vertices) == land["loss"].size
    red, green, blue = mesh.visual.vertex_colors[4 * land.sizes["beta"] + 4, :3].astype(int)
    assert max(red, green, blue) - min(red, green, blue) < 20


def test_the_page_offers_them(land: xr.Dataset) -> None:
    picture = View(Drawing("loss")).picture(land)
    starts = {"glb": b"glTF", "obj": b"# lossnav", "stl": b"lossnav, mm", "vtp": b"<?xml"}
    assert set(MESH_FORMATS) < set(starts)
    for ending, start in starts.items():
        assert exported(land, picture, Export("surface", ending, "single")).startswith(start)


def test_what_is_no_mesh_is_said_at_once(tmp_path: Path) -> None:
    assert "lossnav convert" in sentence("export", "gaussians-mlp", str(tmp_path / "m.nc"))
    assert "A mesh's relief" in sentence("export", "gaussians-mlp", str(tmp_path / "m.stl"), "--relief", "0")
    assert "did you mean" in sentence("export", "gaussians-mlp", str(tmp_path / "m.stl"), "--color", "viscocity")


def test_a_landscape_of_paraview_opens(land: xr.Dataset, tmp_path: Path) -> None:
    (tmp_path / "a.vtp").write_bytes(
        exported(land, View(Drawing("loss")).picture(land), Export("map", "vtp", "single"))
    )
    found = read_landscape_file(tmp_path / "a.vtp")
    np.testing.assert_array_equal(found["loss"].values, land["loss"].values)
    with pytest.raises(InputError, match="which no setting changes"):
        read_landscape_file(tmp_path / "a.vtp", (), Settings(temperature=2.0))

"""All that belongs beside a figure: it is complete, says what was measured, and makes the figure again."""

from __future__ import annotations

import io
import json
import shlex
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from lossnav.core import PROPERTIES, InputError, read_landscape
from lossnav.core.plane.kinds import KINDS
from lossnav.core.properties import OWNERS
from lossnav.explorer.bundle import FILES, bundle
from lossnav.explorer.cli import app
from lossnav.explorer.figures.paper import PaperSpec
from lossnav.explorer.figures.shared.picture import Layer, Picture
from lossnav.explorer.figures.shared.scales import Scale
from lossnav.explorer.summaries.caption import caption
from lossnav.explorer.summaries.references import bibtex, cited, entries
from typer.testing import CliRunner

SHIPPED = Path(__file__).parents[2] / "sample_models" / "landscapes" / "gaussians-mlp.random.zarr.zip"


@pytest.fixture(scope="module")
def land() -> xr.Dataset:
    return read_landscape(SHIPPED)


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_holds_all_and_is_the_same_twice(land: xr.Dataset) -> None:
    spec = PaperSpec(color="viscosity", contours=("loss", "coupling"))
    content = bundle(land, spec, "map")
    assert bundle(land, spec, "map") == content
    files = unpacked(content)
    assert tuple(files) == FILES
    assert files["figure.pdf"].startswith(b"%PDF")
    rows = files["data.csv"].decode().splitlines()
    assert len(rows) == 1 + land["loss"].size
    assert "viscosity" in rows[0].split(",")
    assert json.loads(files["made.json"])["problem"] == land.lossnav.problem


def test_the_caption_states_what_was_measured(land: xr.Dataset) -> None:
    text = unpacked(bundle(land, PaperSpec(color="viscosity"), "map"))["caption.txt"].decode()
    about, points = land.lossnav, int(land["measured_curvature"].sum())
    assert f"{about.problem['parameters']:,} parameters" in text
    assert f"seed {about.plane['seed']}" in text
    assert "each filter scaled" in text
    assert f"{about.estimation['probes']} probes × {about.estimation['steps']} Lanczos steps" in text
    assert f"easured at {points:,} of {land['loss'].size:,} points" in text
    assert "Lanczos" not in unpacked(bundle(land, PaperSpec(), "map"))["caption.txt"].decode()  # the loss needs none


def test_its_command_draws_the_same_figure(land: xr.Dataset, tmp_path: Path) -> None:
    first = tmp_path / "first.zip"
    asked = ["figure", str(SHIPPED), "-o", str(first), "--color", "viscosity", "--contours", "coupling", "--no-path"]
    assert CliRunner().invoke(app, asked).exit_code == 0
    files = unpacked(first.read_bytes())
    words = shlex.split(json.loads(files["made.json"])["figure"])[1:]
    again = tmp_path / "figure.pdf"
    words = [{"LANDSCAPE": str(SHIPPED), "figure.pdf": str(again)}.get(word, word) for word in words]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert again.read_bytes() == files["figure.pdf"]


def test_every_paper_that_is_cited_is_in_the_references() -> None:
    texts = [readout.explain for owner in OWNERS for readout in owner.readouts]
    texts += [source for owner in PROPERTIES for source in owner.entry.sources] + [kind.source for kind in KINDS]
    wanted = set().union(*map(cited, texts))
    assert wanted
    assert wanted - set(entries()) == set()
    for text in entries().values():
        assert text.startswith("@")
        assert text.count("{") == text.count("}")
        assert "title" in text
        assert "year" in text


def test_only_papers_that_the_picture_rests_on_are_cited(land: xr.Dataset) -> None:
    assert "ubaru2017" in bibtex(land, ["viscosity"])
    assert "ubaru2017" not in bibtex(land, ["loss"])
    assert "li2018" in bibtex(land, ["loss"])
    assert "li2018" not in bibtex(xr.Dataset(), ["loss"])


def said(land: xr.Dataset, kind: str = "map", **asked: object) -> str:
    return caption(land, PaperSpec(**asked).picture, kind)  # type: ignore[arg-type]


def test_the_caption_names_what_the_figure_shows_and_no_more(land: xr.Dataset) -> None:
    on_map = said(land, color="viscosity", contours=("coupling",))
    assert "Height" not in on_map
    assert "Loss in nats" not in on_map  # neither colour nor lines
    assert "Contour lines: " + land["coupling"].attrs["long_name"] in on_map
    on_surface = said(land, "surface", color="viscosity", arrows=("elasticity",))
    assert "Height and contour lines: Loss" in on_surface
    assert "Arrows" not in on_surface
    assert "Arrows: elastic force" in said(land, arrows=("elasticity",))
    along = said(land.isel(beta=[25]), color="viscosity", contours=("coupling",), arrows=("elasticity",))
    assert "Curve: Loss" in along
    assert "Dashed curve: " in along
    assert not any(word in along for word in ("contour", "Height", "Arrows", "β from"))


def test_the_caption_of_an_unfinished_landscape_is_of_what_is_drawn(land: xr.Dataset) -> None:
    half = land.copy()
    there = np.zeros(land["loss"].shape, bool)
    there[::2, ::2] = True
    half["measured"] = (("alpha", "beta"), there)
    half["loss"] = land["loss"].where(half["measured"])
    assert f"{there[::2].shape[0]} × {there[:, ::2].shape[1]} points" in said(half)
    assert f"{land['alpha'].size} × " not in said(half)


def test_the_caption_claims_nothing_of_a_file_that_does_not_say(land: xr.Dataset) -> None:
    bare = xr.Dataset({"loss": land["loss"].reset_coords(drop=True)}).assign_coords(alpha=land.alpha, beta=land.beta)
    bare.attrs = {"name": '<b>net</b>\n"a"\x00'}
    text = said(bare)
    assert "measured" not in text
    assert text.startswith('Loss landscape of <b>net</b> "a"?.')
    assert "\n" not in text


def test_an_older_definition_is_not_explained_by_the_present_one(land: xr.Dataset) -> None:
    old = land.copy()
    old["density_coverage"] = land["loss"].copy()
    old["density_coverage"].attrs = {"long_name": "Coverage, measured by an older definition", "units": "directions"}
    text = said(old, color="density_coverage")
    assert "Coverage, measured by an older definition in directions. Contour lines" in text


def test_what_waits_for_its_measurement_is_not_called_interpolated(land: xr.Dataset) -> None:
    sparse, waiting = land.copy(), land.copy()
    there = np.zeros(land["loss"].shape, bool)
    there[::2, ::2] = True
    for each in (sparse, waiting):
        each["measured_curvature"] = (("alpha", "beta"), there)
    waiting["viscosity"] = land["viscosity"].where(waiting["measured_curvature"])
    assert "interpolated" in said(sparse, color="viscosity")
    assert "interpolated" not in said(waiting, color="viscosity")


def test_no_lines_at_all_are_drawn_again_without_lines(tmp_path: Path, land: xr.Dataset) -> None:
    layer = Layer("loss", Scale("log"))
    files = unpacked(bundle(land, PaperSpec(Picture(layer, layer, contours=False)), "map"))
    words = shlex.split(json.loads(files["made.json"])["figure"])[1:]
    again = tmp_path / "figure.pdf"
    words = [{"LANDSCAPE": str(SHIPPED), "figure.pdf": str(again)}.get(word, word) for word in words]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert again.read_bytes() == files["figure.pdf"]


def test_the_explanation_is_of_the_matrix_that_was_measured(land: xr.Dataset) -> None:
    other = land.copy()
    other.attrs["estimation"] = json.dumps({**land.lossnav.estimation, "of": "ggn"})
    assert "largest eigenvalue of the Gauss-Newton matrix" in said(other, color="viscosity")
    assert "largest eigenvalue of the Hessian" in said(land, color="viscosity")


def test_a_surface_of_li_et_al_has_its_caption(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "li.h5", "w") as file:
        file["xcoordinates"], file["ycoordinates"] = np.linspace(-1, 1, 5), np.linspace(-1, 1, 4)
        file["train_loss"] = np.random.default_rng(0).random((5, 4))
    done = CliRunner().invoke(app, ["figure", str(tmp_path / "li.h5"), "-o", str(tmp_path / "figure.zip")])
    assert done.exit_code == 0, done.output
    text = unpacked((tmp_path / "figure.zip").read_bytes())["caption.txt"].decode()
    assert text.rstrip().endswith("Imported from a surface file of Li et al. 2018.")
    assert "torch" not in text


@pytest.mark.parametrize(
    ("key", "said_there"),
    [
        ("problem", {"parameters": "many"}),
        ("centre", {"loss": [1]}),
        ("provenance", [1]),
        ("plane", {"kind": "random", "cosine": "a"}),
        ("estimation", {"of": 3}),
        ("adaptive", {"forward": 3}),
        ("fidelity", {"gradient_share": "a"}),
    ],
)
def test_what_makes_no_sense_in_a_file_is_refused_in_words(land: xr.Dataset, key: str, said_there: object) -> None:
    odd = land.copy()
    odd.attrs[key] = json.dumps(said_there)
    with pytest.raises(InputError, match="has no caption"):
        said(odd, color="viscosity")


def test_arithmetic_without_a_seed_is_said_without_one(land: xr.Dataset) -> None:
    odd = land.copy()
    odd.attrs["spec"] = json.dumps({"dtype": "float64"})
    assert said(odd).endswith("(float64).")

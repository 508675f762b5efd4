"""All that belongs beside a figure: it is complete, says what was measured, and makes the figure again."""

from __future__ import annotations

import io
import json
import shlex
import zipfile
from pathlib import Path

import pytest
import xarray as xr
from lossnav.core import PROPERTIES, read_landscape
from lossnav.core.plane.kinds import KINDS
from lossnav.core.properties import OWNERS
from lossnav.explorer.bundle import FILES, bundle
from lossnav.explorer.cli import app
from lossnav.explorer.figures.paper import PaperSpec
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

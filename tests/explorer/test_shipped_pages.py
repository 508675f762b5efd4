"""What pages open on for the samples: it is there, it is of the samples as they are, and it shows without anything being computed."""

from __future__ import annotations

import shutil
from pathlib import Path

import lossnav.explorer
import numpy as np
import pytest
from lossnav.core import coupling_matrix, density_map, load_problem, spectrum
from lossnav.core.formats import read_density_map
from lossnav.core.parameters.hashing import digest
from lossnav.core.problem.identity import problem_identity
from lossnav.core.spectrum import coupling_sweep, read_along, read_coupling, read_spectrum
from lossnav.explorer.commands.ship import wanted, write_small
from lossnav.explorer.controls.spectrum import ALONG, LAYERS, SWEEP
from lossnav.explorer.jobs import Jobs
from lossnav.explorer.request import shipped as shelf
from lossnav.explorer.request.density import DensityRequest
from lossnav.explorer.request.shipped import FOLDER, index, result_of, shipped
from lossnav.explorer.request.spectrum import CouplingRequest, SpectrumRequest
from lossnav.sample_models import NAMES, card
from streamlit.testing.v1 import AppTest

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")
SMALL = "gaussians-mlp"
# pages that still open with an offer to compute: (sample, what `wanted` calls it)
OFFERED: set[tuple[str, str]] = {
    (name, "along.json") for name in ("digits-plain", "digits-resnet")
}  # minutes of computing each


@pytest.mark.parametrize("name", NAMES)
def test_every_page_has_its_picture_of_the_sample_as_it_is(name: str) -> None:
    identity = digest(problem_identity(load_problem(name)))
    for kind, request in wanted(name).items():
        if (name, kind) in OFFERED:
            continue
        found = shipped(request)
        assert found is not None, f"{name}.{kind}: `python -m lossnav.explorer.commands.ship {name}`"
        assert found.problem == identity, kind
        assert result_of(request) == found.path
        if kind == "spectrum.json":
            assert read_spectrum(found.path)[0].parameter_count == card(name)["parameters"]
        if kind == "along.json":
            assert read_along(found.path).complete
            assert read_along(found.path).spectra[-1].parameter_count == card(name)["parameters"]
        if kind == "density.nc":
            assert read_density_map(found.path).sizes["example"] == card(name)["examples"]


def test_they_are_small_and_nothing_lies_there_that_no_page_asks_for() -> None:
    listed = {found.file for found in index().values()}
    assert {path.name for path in FOLDER.iterdir()} == listed | {"index.json"}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 3_000_000


def test_the_numbers_are_those_that_a_computation_gives() -> None:
    problem = load_problem(SMALL)
    kept, _ = read_spectrum(FOLDER / f"{SMALL}.spectrum.json")
    again = spectrum(problem, top=15)
    largest = float(again.top[0])
    np.testing.assert_allclose(kept.eigenvalues, again.eigenvalues, atol=1e-5 * largest)
    assert kept.trace == pytest.approx(again.trace, rel=1e-5)
    sweep, matrix = (read_coupling(FOLDER / f"{SMALL}.{part}.json") for part in ("sweep", "matrix"))
    assert sweep.sweep is not None
    assert matrix.matrix is not None
    np.testing.assert_allclose(sweep.sweep.values, coupling_sweep(problem).values, atol=1e-5 * largest)
    np.testing.assert_allclose(matrix.matrix.values, coupling_matrix(problem).values, atol=1e-4)


def test_a_density_map_loses_nothing_that_its_page_shows(tmp_path: Path) -> None:
    from lossnav.core.formats import write_density_map

    again = density_map(load_problem(SMALL))
    write_density_map(again, tmp_path / "whole.nc")
    write_small(tmp_path / "whole.nc", tmp_path / "small.nc")
    small, kept = read_density_map(tmp_path / "small.nc"), read_density_map(FOLDER / f"{SMALL}.density.nc")
    assert set(small) == set(kept)
    for name in kept:
        reach = float(np.abs(again[name].values).max())
        np.testing.assert_allclose(kept[name].values, again[name].values, rtol=1e-4, atol=1e-5 * reach)
    assert kept.attrs["bandwidth"] == pytest.approx(again.attrs["bandwidth"], rel=1e-6)
    assert [c["verdict"] for c in claims_of(kept)] == [c["verdict"] for c in claims_of(again)]
    assert (tmp_path / "small.nc").stat().st_size < (tmp_path / "whole.nc").stat().st_size


def claims_of(found):
    from lossnav.core.density import DensityInfo

    return DensityInfo.of(found).claims


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    found: list[object] = []
    monkeypatch.setattr(Jobs, "start", lambda self, request, overwrite=False: found.append(request))
    return found


@pytest.mark.parametrize("name", [SMALL, "markov-gpt"])
@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("spectrum", {}),
        ("spectrum", {"place": ALONG}),
        ("spectrum", {"section": SWEEP}),
        ("spectrum", {"section": LAYERS}),
        ("density", {}),
    ],
)
def test_the_page_opens_finished(name: str, page: str, query: dict[str, str], started: list[object]) -> None:
    app = AppTest.from_file(APP, default_timeout=120)
    for key, value in {"model": name, **query}.items():
        app.query_params[key] = value
    app.switch_page(f"views/{page}.py").run()
    assert not app.exception
    assert app.get("plotly_chart")
    assert [b.key for b in app.button if str(b.key).startswith("resume")] == []
    assert any(c.value.startswith("Came with the sample") for c in app.caption)
    assert started == []


def test_another_question_is_offered_as_before() -> None:
    for request in (
        SpectrumRequest(SMALL, "ggn"),
        SpectrumRequest(SMALL, checkpoint=3),
        CouplingRequest(SMALL, checkpoint=3),
        DensityRequest(SMALL, checkpoint=3),
        DensityRequest(SMALL, layer="0"),
        SpectrumRequest("mine.py"),
    ):
        assert result_of(request) is None


def test_what_is_computed_here_goes_first() -> None:
    request = SpectrumRequest(SMALL)
    request.path.parent.mkdir(parents=True)
    shutil.copy(FOLDER / f"{SMALL}.spectrum.json", request.path)
    assert result_of(request) == request.path


def test_a_sample_that_was_trained_anew_and_a_damaged_file_have_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = SpectrumRequest(SMALL)
    with monkeypatch.context() as patch:
        patch.setattr(shelf, "modified", lambda name: "another card")
        assert shipped(request) is None
    copy = Path(shutil.copytree(FOLDER, tmp_path / "pages"))
    monkeypatch.setattr(shelf, "FOLDER", copy)
    assert result_of(request) == copy / f"{SMALL}.spectrum.json"
    text = (copy / f"{SMALL}.spectrum.json").read_text()
    (copy / f"{SMALL}.spectrum.json").write_text(text.replace("1", "2", 1))
    assert shipped(request) is None

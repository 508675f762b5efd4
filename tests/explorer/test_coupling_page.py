"""What coupling does: the sentences, the figures, the file, the command, the page."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import lossnav.explorer
import numpy as np
import pytest
import typed_command as typed
import xarray as xr
from lossnav.core import InputError, coupling_matrix, load_problem
from lossnav.core.spectrum.coupling_sweep import coupling_sweep
from lossnav.core.spectrum.estimate import student
from lossnav.core.spectrum.io import StoredCoupling, read_coupling, write_coupling
from lossnav.explorer.controls.spectrum import LAYERS, SWEEP
from lossnav.explorer.figures.web.coupling import MOST_LABELS, matrix_figure, shortened, sweep_figure
from lossnav.explorer.request.spectrum import CouplingRequest, SpectrumRequest
from lossnav.explorer.summaries.coupling import coupling_sentence, how_sentence, matrix_sentence, strongest_pairs
from streamlit.testing.v1 import AppTest

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")


def sweep_of(alone: list[float], whole: list[float], exact: bool = True, probes: int = 0) -> xr.DataArray:
    rows = np.array([alone, (np.array(alone) + np.array(whole)) / 2, whole])
    coordinates = {"gamma": [0.0, 0.5, 1.0], "rank": np.arange(1, len(alone) + 1)}
    attrs = {"exact": int(exact), "probes": probes, "of": "hessian", "seed": 0}
    return xr.DataArray(rows, dims=("gamma", "rank"), coords=coordinates, attrs=attrs)


def matrix_of(values: np.ndarray, names: list[str], exact: bool = True) -> xr.DataArray:
    coordinates = {"layer": names, "other": names, "standard_error": (("layer", "other"), 0.01 * np.ones_like(values))}
    attrs = {"exact": int(exact), "probes": 0 if exact else 8, "of": "hessian", "seed": 0}
    return xr.DataArray(values, dims=("layer", "other"), coords=coordinates, attrs=attrs)


@pytest.fixture(scope="module")
def found() -> StoredCoupling:
    problem = load_problem("gaussians-mlp")
    return StoredCoupling(
        coupling_sweep(problem, gammas=(0.0, 0.5, 1.0)), coupling_matrix(problem), {"name": problem.name}
    )


@pytest.mark.parametrize(
    ("alone", "whole", "said"),
    [
        (0.31, 0.84, "gives λₘₐₓ 0.31 of 0.84: coupling makes 63.1 % of it"),
        (2.0, 2.0, "gives λₘₐₓ 2 of 2: coupling makes 0 % of it"),
        (-0.1, 0.5, "no positive eigenvalue, its largest is −0.1: all of λₘₐₓ 0.5 is coupling's"),
        (0.0, 0.5, "no positive eigenvalue, its largest is 0: all of λₘₐₓ 0.5"),
        (-0.2, -0.1, "No eigenvalue is positive: λₘₐₓ is −0.2 on the diagonal alone and −0.1 with coupling"),
        (0.0, 0.0, "No eigenvalue is positive: λₘₐₓ is 0 on the diagonal alone and 0 with coupling"),
    ],
)
def test_the_sentence_says_what_coupling_makes_of_the_largest_eigenvalue(alone: float, whole: float, said: str) -> None:
    assert said in coupling_sentence(sweep_of([alone, -1.0], [whole, -3.0]))
    assert "from −1 to −3." in coupling_sentence(sweep_of([alone, -1.0], [whole, -3.0]))


def test_an_estimate_is_called_one() -> None:
    sweep = sweep_of([0.31, -0.1], [0.84, -0.2], exact=False, probes=64)
    assert "about 0.31 of 0.84: coupling makes about 63.1 %" in coupling_sentence(sweep)
    assert "from about −0.1 to −0.2" in coupling_sentence(sweep)
    assert "64 probes" in how_sentence(sweep)
    noisy = sweep_of([0.9, -0.1], [0.84, -0.2], exact=False, probes=4)
    assert "which it cannot be: ask for more probes" in coupling_sentence(noisy)


def test_the_lines_are_the_ends_of_the_spectrum(found: StoredCoupling) -> None:
    assert found.sweep is not None
    figure = sweep_figure(found.sweep, dark=False)
    assert len(figure.data) == 10
    np.testing.assert_allclose(figure.data[0].customdata, found.sweep.values[:, 0])
    np.testing.assert_allclose(figure.data[5].customdata, found.sweep.values[:, -1])
    assert [t.showlegend for t in figure.data].count(True) == 2
    assert len(sweep_figure(sweep_of([1.0], [2.0]), dark=True).data) == 2


def test_the_map_has_every_layer_and_no_more_names_than_can_be_read() -> None:
    names = [f"encoder.blocks.{i // 4}.attention.output{i}" for i in range(63)]
    values = np.ones((63, 63))
    values[3, 7] = values[7, 3] = np.nan
    figure = matrix_figure(matrix_of(values, names, exact=False), dark=True)
    (heat,) = figure.data
    assert np.shape(heat.z) == (63, 63)
    assert len(figure.layout.yaxis.tickvals) <= MOST_LABELS
    assert max(map(len, figure.layout.yaxis.ticktext)) <= 24
    assert tuple(heat.customdata[3][7]) == (names[3], names[7], 0.01 * student(8 - 1))  # of 8 probes
    assert "±" in heat.hovertemplate
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # the first layer on top
    assert shortened("0") == "0"


def test_the_most_strongly_tied_pair_is_named(found: StoredCoupling) -> None:
    assert found.matrix is not None
    said = matrix_sentence(found.matrix)
    assert said.startswith("3 layers; the most strongly tied are `0` and `2`")
    assert said.endswith("Exact: the whole matrix.")
    alone = matrix_of(np.array([[1.0, np.nan], [np.nan, np.nan]]), ["a", "b"], exact=False)
    assert strongest_pairs(alone, 3) == []
    assert "there is no pair to compare. Estimated from 8 probes" in matrix_sentence(alone)


def test_a_coupling_reads_back_as_it_was_written(found: StoredCoupling, tmp_path: Path) -> None:
    gap = matrix_of(np.array([[1.0, np.nan], [np.nan, np.nan]]), ["a", "b"])
    for each in (found, StoredCoupling(None, gap, {}), StoredCoupling(found.sweep, None, {})):
        write_coupling(each, tmp_path / "c.json")
        json.loads((tmp_path / "c.json").read_text(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
        again = read_coupling(tmp_path / "c.json")
        for name in ("sweep", "matrix"):
            was, now = getattr(each, name), getattr(again, name)
            assert (was is None) == (now is None)
            if was is not None:
                xr.testing.assert_identical(was.astype(float), now.astype(float))
    (tmp_path / "bad.json").write_text('{"sweep": 3}')
    with pytest.raises(InputError, match="is no lossnav coupling"):
        read_coupling(tmp_path / "bad.json")


def test_the_request_is_a_command_that_a_person_can_type(tmp_path: Path) -> None:
    requests = [
        CouplingRequest.beside(place, part)
        for place in (SpectrumRequest("gaussians-mlp", "ggn"), SpectrumRequest("gaussians-mlp", "ggn", checkpoint=3))
        for part in ("sweep", "matrix")
    ]
    assert len({r.path for r in requests} | {SpectrumRequest("gaussians-mlp", "ggn").path}) == 5
    out = tmp_path / "c.json"
    result = typed.lossnav(*shlex.split(requests[3].command)[1:], "--out", str(out))
    assert result.returncode == 0, result.stderr
    assert read_coupling(out).sweep is None
    assert read_coupling(out).matrix is not None


def test_the_command_does_both_and_says_what_is_wrong(tmp_path: Path) -> None:
    out = tmp_path / "c.json"
    result = typed.lossnav("coupling", "gaussians-mlp", "--out", str(out))
    assert result.returncode == 0, result.stderr
    assert "The diagonal alone gives λₘₐₓ 0.137 of 1.59: coupling makes 91.4 % of it." in result.stdout
    found = read_coupling(out)
    assert found.sweep is not None
    assert found.matrix is not None
    for words, said in {("--part", "sweeep"): "did you mean 'sweep'", ("--probes", "1"): "--probes should be"}.items():
        result = typed.lossnav("coupling", "gaussians-mlp", *words)
        assert result.returncode == 2
        assert said in result.stderr


def test_the_page_shows_only_what_its_section_needs(found: StoredCoupling) -> None:
    place = SpectrumRequest("gaussians-mlp")
    sweep, matrix = (CouplingRequest.beside(place, part) for part in ("sweep", "matrix"))
    write_coupling(StoredCoupling(found.sweep, None), sweep.path)
    write_coupling(StoredCoupling(None, found.matrix), matrix.path)
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["section"] = SWEEP
    app.switch_page("views/spectrum.py").run()
    assert not app.exception
    assert any("coupling makes 91.4 % of it" in text.value for text in app.markdown)
    assert app.code[0].value == sweep.command
    app.segmented_control(key="section").set_value(LAYERS).run()
    assert not app.exception
    assert json.loads(app.get("plotly_chart")[0].proto.spec)["data"][0]["type"] == "heatmap"
    assert not place.path.exists()
    assert not place.path.with_suffix(".log").exists()  # the section that is not open started nothing

"""The spectrum's figure, its file, its command, its page."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import lossnav.explorer
import numpy as np
import pytest
from lossnav.core import InputError, load_problem, spectrum
from lossnav.core.spectrum.files import read_spectrum, write_spectrum
from lossnav.explorer.figures.spectrum import marchenko_pastur, spectrum_figure, spectrum_scale
from lossnav.explorer.spectrum_request import SpectrumRequest
from lossnav.explorer.survey_request import SurveyRequest
from streamlit.testing.v1 import AppTest


@pytest.fixture(scope="module")
def found():
    return spectrum(load_problem("linear-regression"), top=12)


def test_every_eigenvalue_is_in_a_bar(found) -> None:
    figure = spectrum_figure(found, dark=False, law=(0.25, 1.0))
    bars = [t for t in figure.data if t.type == "bar"]
    assert sum(float(np.sum(t.y)) for t in bars) == pytest.approx(1.0)
    (outer,) = [t for t in bars if t.name == "outliers"]
    assert float(np.sum(outer.y)) * found.parameter_count == pytest.approx(found.outliers)


def test_the_law_drawn_over_it_is_the_spectrum_of_gaussian_data(found) -> None:
    figure = spectrum_figure(found, dark=False, law=(0.25, 1.0))
    (law,) = [t for t in figure.data if t.name == "Marchenko–Pastur law"]
    values = spectrum_scale(found).invert(np.array(law.x))
    for share in (0.25, 0.5, 0.75):
        below = values[np.searchsorted(np.cumsum(law.y) / np.sum(law.y), share)]
        assert below == pytest.approx(np.quantile(found.eigenvalues, share), rel=0.06)
    assert np.sum(law.y) == pytest.approx(1.0, abs=1e-3)
    assert marchenko_pastur(np.array([0.24, 2.26]), 0.25, 1.0).tolist() == [0.0, 0.0]


def test_a_spectrum_reads_back_as_it_was_written(found, tmp_path: Path) -> None:
    write_spectrum(found, tmp_path / "s.json", {"name": "x"})
    again, about = read_spectrum(tmp_path / "s.json")
    assert about == {"name": "x"}
    np.testing.assert_array_equal(again.eigenvalues, found.eigenvalues)
    np.testing.assert_array_equal(again.residuals, found.residuals)
    assert (again.trace, again.method, again.outliers) == (found.trace, found.method, found.outliers)
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(InputError, match="is no lossnav spectrum"):
        read_spectrum(tmp_path / "bad.json")
    with pytest.raises(InputError, match="No spectrum"):
        read_spectrum(tmp_path / "none.json")


def test_every_choice_is_another_spectrum() -> None:
    plane = SurveyRequest("gaussians-mlp")
    requests = [
        SpectrumRequest("gaussians-mlp"),
        SpectrumRequest("gaussians-mlp", "ggn"),
        SpectrumRequest("gaussians-mlp", checkpoint=3),
        SpectrumRequest("gaussians-mlp", plane=plane, point=(0.5, -0.1)),
        SpectrumRequest("gaussians-mlp", plane=plane, point=(0.5, 0.1)),
    ]
    assert len({r.path for r in requests}) == len(requests)
    assert "--at=0.5,-0.1" in requests[3].command


def test_the_command_prints_and_keeps_it(tmp_path: Path) -> None:
    for words in ([], ["--checkpoint", "0"], ["--at=0.5,-0.25"]):
        out = tmp_path / f"{len(words)}{words[:1]}.json"
        command = [sys.executable, "-m", "lossnav.explorer.cli", "spectrum", "gaussians-mlp", *words, "--out", str(out)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert result.returncode == 0, result.stderr
        assert "trace" in result.stdout
        assert read_spectrum(out)[0].parameter_count == 371
    command = [sys.executable, "-m", "lossnav.explorer.cli", "spectrum", "gaussians-mlp", "--checkpoint", "99"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 2
    assert "--checkpoint should be from 0 to 39" in result.stderr


def test_the_page_shows_what_was_computed(found) -> None:
    write_spectrum(found, SpectrumRequest("linear-regression").path, {"name": "linear-regression", "examples": 1000})
    app = AppTest.from_file(str(Path(lossnav.explorer.__path__[0]) / "app.py"), default_timeout=120).run()
    app.switch_page("views/spectrum.py").run()
    app.selectbox(key="model").set_value("linear-regression").run()
    assert not app.exception
    drawn = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
    assert "Marchenko–Pastur law" in [trace["name"] for trace in drawn]
    assert len(app.dataframe) == 1

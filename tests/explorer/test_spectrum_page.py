"""The spectrum's figures, its file, its command, its page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import lossnav.explorer
import numpy as np
import pytest
import typed_command as typed
from lossnav.core import InputError, load_problem, spectrum
from lossnav.core.spectrum.io import read_spectrum, write_spectrum
from lossnav.explorer.controls.spectrum import ALONG, CHECKPOINT, LAYERS, PICKED, SWEEP, TRAINED
from lossnav.explorer.figures.shared.marchenko_pastur import marchenko_pastur
from lossnav.explorer.figures.web.spectral_density import density_figure, density_grid
from lossnav.explorer.figures.web.spectrum import spectrum_figure, spectrum_scale, summary_text
from lossnav.explorer.jobs.record import Record
from lossnav.explorer.panels.first_look import uncounted
from lossnav.explorer.request.spectrum import DENSITY, FirstLookRequest, SpectrumRequest
from lossnav.explorer.request.survey import SurveyRequest
from streamlit.testing.v1 import AppTest

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")


@pytest.fixture(scope="module")
def found():
    return spectrum(load_problem("linear-regression"), top=12)


def test_every_eigenvalue_is_in_a_bar(found) -> None:
    figure = spectrum_figure(found, dark=False, law=(0.25, 1.0))
    bars = [t for t in figure.data if t.type == "bar"]
    assert sum(float(np.nansum(t.y)) for t in bars) == pytest.approx(1.0)
    (outer,) = [t for t in bars if t.name == "outliers"]
    assert float(np.nansum(outer.y)) * found.parameter_count == pytest.approx(found.outliers)


def test_the_law_drawn_over_it_is_the_spectrum_of_gaussian_data(found) -> None:
    figure = spectrum_figure(found, dark=False, law=(0.25, 1.0))
    (law,) = [t for t in figure.data if t.name == "Marchenko–Pastur law"]
    values = spectrum_scale(found).invert(np.array(law.x))
    for share in (0.25, 0.5, 0.75):
        below = values[np.searchsorted(np.cumsum(law.y) / np.sum(law.y), share)]
        assert below == pytest.approx(np.quantile(found.eigenvalues, share), rel=0.06)
    assert np.sum(law.y) == pytest.approx(1.0, abs=1e-3)
    assert marchenko_pastur(np.array([0.24, 2.26]), 0.25, 1.0).tolist() == [0.0, 0.0]


def test_the_density_that_is_drawn_has_mass_one(found) -> None:
    figure = density_figure(found, dark=True, law=(0.25, 1.0))
    (curve,) = [t for t in figure.data if t.name == "broadened density"]
    assert np.trapezoid(curve.y, curve.x) == pytest.approx(1.0, abs=1e-3)
    assert "Marchenko–Pastur law" in [t.name for t in figure.data]


def test_no_peak_of_the_density_falls_between_two_points(found) -> None:
    far = replace(found, eigenvalues=np.append(found.eigenvalues, 5000.0), weights=np.full(251, 1 / 251))
    far = replace(far, top=np.append(5000.0, far.top), residuals=np.append(0.0, far.residuals))
    peak = 1 / (251 * far.default_width * np.sqrt(2 * np.pi))
    assert far.density(density_grid(far))[-60:].max() == pytest.approx(peak, rel=1e-6)


def test_the_line_over_the_histogram_says_what_stands_out(found) -> None:
    said = summary_text(replace(found, residuals=np.full(12, 2e-5), bottom_residuals=np.array([0.0])))
    assert "2.22</b> (residual 2×10⁻⁵)" in said
    assert "0.258</b> (residual 0)" in said
    assert said.endswith("<b>1 outlier</b>")


def test_a_spectrum_reads_back_as_it_was_written(found, tmp_path: Path) -> None:
    write_spectrum(found, tmp_path / "s.json", {"name": "x"})
    again, about = read_spectrum(tmp_path / "s.json")
    assert about == {"name": "x"}
    np.testing.assert_array_equal(again.eigenvalues, found.eigenvalues)
    np.testing.assert_array_equal(again.residuals, found.residuals)
    assert (again.trace, again.method, again.outliers) == (found.trace, found.method, found.outliers)
    for content in ("{}", "[]", '{"spectrum": 3, "about": {}}'):
        (tmp_path / "bad.json").write_text(content)
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
        result = typed.lossnav("spectrum", "gaussians-mlp", *words, "--out", str(out))
        assert result.returncode == 0, result.stderr
        assert "trace" in result.stdout
        assert read_spectrum(out)[0].parameter_count == 371
    wrong = {
        ("--checkpoint", "99"): "checkpoint should be from 0 to 39",
        ("--checkpoint", "1", "--at=0,0"): "two places",
        ("7",): "goes with --along",
    }
    for words, said in wrong.items():
        result = typed.lossnav("spectrum", "gaussians-mlp", *words)
        assert result.returncode == 2
        assert said in result.stderr


@pytest.fixture
def page(found) -> AppTest:
    write_spectrum(found, SpectrumRequest("linear-regression").path, {"name": "linear-regression", "examples": 1000})
    app = AppTest.from_file(APP, default_timeout=120).run()
    app.session_state["picked"] = (0.5, -0.25)
    app.switch_page("views/spectrum.py").run()
    app.selectbox(key="model").set_value("linear-regression").run()
    return app


def names(app: AppTest) -> list[str]:
    return [trace["name"] for trace in json.loads(app.get("plotly_chart")[0].proto.spec)["data"]]


def test_the_page_shows_what_was_computed(page: AppTest) -> None:
    assert not page.exception
    assert "Marchenko–Pastur law" in names(page)
    assert len(page.dataframe) == 1
    page.radio(key="shape").set_value(DENSITY).run()
    assert not page.exception
    assert "broadened density" in names(page)


def test_the_places_are_those_that_there_are(page: AppTest) -> None:
    assert list(page.radio(key="place").options) == [TRAINED, CHECKPOINT, ALONG]
    write_spectrum(spectrum(load_problem("gaussians-mlp")), SpectrumRequest("gaussians-mlp").path, {"examples": 1})
    page.selectbox(key="model").set_value("gaussians-mlp").run()
    assert list(page.radio(key="place").options) == [TRAINED, CHECKPOINT, ALONG, PICKED]
    assert not page.exception


def test_a_first_look_counts_no_outliers(found) -> None:
    """Of three of the largest a number of outliers would be one of those three's gaps."""
    figure = uncounted(spectrum_figure(found, dark=False))
    assert "outlier" not in figure.layout.annotations[0].text
    assert "λ<sub>min</sub>" in figure.layout.annotations[0].text
    assert "outliers" not in [trace.name for trace in figure.data]


def test_where_nothing_is_computed_a_press_gives_a_first_look_and_its_pace_a_forecast(found) -> None:
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["model"], app.query_params["matrix"] = "linear-regression", "ggn"
    app.switch_page("views/spectrum.py").run()
    assert not app.exception
    assert {b.key for b in app.button} == {"resume", "resume_look"}
    assert not app.get("plotly_chart")
    look = FirstLookRequest("linear-regression", "ggn")
    large = replace(found, method="slq", steps=24, probes=2, parameter_count=70_000)
    write_spectrum(large, look.path, {"examples": 1000})
    end = look.path.stat().st_mtime
    Record(look.path, tuple(look.arguments), end - 20, Path("none"), started=end - 17, code=0).write()
    app.run()
    assert not app.exception
    assert any("in 17 s. At that pace the whole takes 205 s at most" in c.value for c in app.caption)
    assert len(app.get("plotly_chart")) == 1
    assert [b.key for b in app.button] == ["resume"]  # the whole is still offered


@pytest.mark.parametrize(
    ("section", "said"), [(SWEEP, "what coupling does takes 7 min"), (LAYERS, "the layers takes 141 s")]
)
def test_the_coupling_s_forecast_comes_from_the_same_look(found, section: str, said: str) -> None:
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["model"], app.query_params["matrix"] = "linear-regression", "ggn"
    app.query_params["section"] = section
    app.switch_page("views/spectrum.py").run()
    assert not app.exception
    assert {b.key for b in app.button} == {"resume", "resume_look"}
    look = FirstLookRequest("linear-regression", "ggn")
    large = replace(found, method="slq", steps=24, probes=2, parameter_count=70_000)
    write_spectrum(large, look.path, {"examples": 1000, "layers": 68})
    end = look.path.stat().st_mtime
    Record(look.path, tuple(look.arguments), end - 30, Path("none"), started=end - 29, code=0).write()
    app.run()
    assert not app.exception
    assert any(f"{said} at most." in c.value for c in app.caption)
    assert len(app.get("plotly_chart")) == 1

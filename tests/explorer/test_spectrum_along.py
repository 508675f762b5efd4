"""Spectra along the training: the file that grows, its command, the film, the page."""

from __future__ import annotations

import json
import shlex
import time
from dataclasses import replace
from pathlib import Path

import lossnav.explorer
import numpy as np
import pytest
import typed_command as typed
from lossnav.core import InputError, load_problem
from lossnav.core.spectrum.along import spectra_along, spread
from lossnav.core.spectrum.io import SpectraAlong, read_along, write_along
from lossnav.explorer.controls.spectrum import ALONG, LAYERS
from lossnav.explorer.figures.web.spectrum import Axes
from lossnav.explorer.figures.web.spectrum_along import along_figure
from lossnav.explorer.figures.web.spectrum_ends import spaced, step_scale
from lossnav.explorer.jobs import Jobs
from lossnav.explorer.panels.spectrum_along import caption, progress_text
from lossnav.explorer.request.spectrum import AlongRequest, SpectrumRequest
from streamlit.testing.v1 import AppTest

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")


@pytest.fixture(scope="module")
def found() -> SpectraAlong:
    *_, last = spectra_along(load_problem("gaussians-mlp"), count=4, top=6)
    return last


def test_first_and_last_checkpoint_are_always_there() -> None:
    for length in (2, 3, 12, 31, 40):
        for count in (2, 5, 11, 50):
            chosen = spread(length, count)
            assert (chosen[0], chosen[-1]) == (0, length - 1)
            assert len(chosen) == min(count, length)
    with pytest.raises(InputError, match="2 or more"):
        spread(31, 1)


def test_there_is_a_frame_for_each_checkpoint_on_the_same_axes(found: SpectraAlong) -> None:
    figure = along_figure(found, dark=False)
    assert [frame.name for frame in figure.frames] == [str(step) for step in found.steps]
    assert [step.label for step in figure.layout.sliders[0].steps] == [str(step) for step in found.steps]
    edges = [np.asarray(frame.data[0].x) for frame in figure.frames]
    for each in edges:
        np.testing.assert_array_equal(each, edges[0])
    for frame in figure.frames:
        assert not {"xaxis", "yaxis"} & set(frame.layout.to_plotly_json())  # nothing moves the axes
        assert list(frame.traces) == list(range(len(frame.data)))
        for drawn, still in zip(frame.data, figure.data, strict=False):
            assert (drawn.name, drawn.xaxis) == (still.name, still.xaxis)


def test_every_frame_holds_every_eigenvalue_inside_the_axes(found: SpectraAlong) -> None:
    figure = along_figure(found, dark=True)
    low, high = figure.layout.xaxis.range
    axes = Axes.of(found.spectra)
    for frame, spectrum in zip(figure.frames, found.spectra, strict=True):
        assert sum(float(np.nansum(t.y)) for t in frame.data if t.type == "bar") == pytest.approx(1.0)
        positions = axes.scale.apply(spectrum.eigenvalues)
        assert low < positions.min()
        assert positions.max() < high


def test_the_figure_opens_on_the_last_checkpoint(found: SpectraAlong) -> None:
    figure = along_figure(found, dark=False)
    last = figure.frames[-1]
    for drawn, frame in zip(figure.data, last.data, strict=False):
        np.testing.assert_array_equal(drawn.y, frame.y)
    assert figure.layout.sliders[0].active == 3
    assert figure.layout.annotations[0].text == last.layout.annotations[0].text


def test_the_ends_are_drawn_against_the_training_step(found: SpectraAlong) -> None:
    figure = along_figure(found, dark=False)
    (largest,) = [t for t in figure.data if t.name == "λₘₐₓ"]
    np.testing.assert_array_equal(largest.customdata[:, 0], found.steps)
    np.testing.assert_allclose(largest.customdata[:, 1], [s.top[0] for s in found.spectra])
    assert step_scale((0, 11, 22, 33)).kind == "linear"
    assert step_scale((0, 1, 10, 1200)).kind == "symlog"
    kept = spaced(np.array([-3.0, -2.9, -0.1, 0.0, 0.1, 2.0]), 0.5)
    assert kept == [0, 3, 5]


def test_one_checkpoint_can_be_drawn_already(found: SpectraAlong) -> None:
    figure = along_figure(replace(found, spectra=found.spectra[:1]), dark=False)
    assert len(figure.frames) == 1


def test_the_file_grows_with_each_checkpoint_and_a_stopped_one_goes_on(found: SpectraAlong, tmp_path: Path) -> None:
    problem, out = load_problem("gaussians-mlp"), tmp_path / "along.json"
    for done in spectra_along(problem, count=4, top=6, out=out):
        assert len(read_along(out).spectra) == len(done.spectra)
        if len(done.spectra) == 2:
            break
    marked = read_along(out)
    write_along(replace(marked, spectra=(replace(marked.spectra[0], seed=77), marked.spectra[1])), out)
    whole = list(spectra_along(problem, count=4, top=6, out=out))
    assert [len(each.spectra) for each in whole] == [2, 3, 4]
    assert whole[-1].complete
    assert read_along(out).spectra[0].seed == 77  # what was there was not computed again
    np.testing.assert_array_equal(read_along(out).spectra[3].eigenvalues, found.spectra[3].eigenvalues)
    *_, other = spectra_along(problem, "ggn", count=2, top=6, out=out)
    assert read_along(out).spectra[0].of == "ggn"
    assert other.checkpoints == (0, 39)


def test_a_file_of_another_kind_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.json").write_text('{"years": 4}')
    with pytest.raises(InputError, match="is no lossnav spectra along"):
        next(spectra_along(load_problem("gaussians-mlp"), out=tmp_path / "thesis.json"))
    assert (tmp_path / "thesis.json").read_text() == '{"years": 4}'


def test_the_request_is_a_command_that_a_person_can_type(tmp_path: Path) -> None:
    request = AlongRequest("gaussians-mlp", "ggn", 3)
    assert request.command == "lossnav spectrum gaussians-mlp --of ggn --along 3"
    assert len({request.path, AlongRequest("gaussians-mlp", "ggn").path, SpectrumRequest("gaussians-mlp").path}) == 3
    result = typed.lossnav(*shlex.split(request.command)[1:], "--out", str(tmp_path / "a.json"))
    assert result.returncode == 0, result.stderr
    assert "1200" in result.stdout
    assert read_along(tmp_path / "a.json").complete


def test_what_cannot_be_done_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import torch\nfrom torch import nn\nfrom lossnav.core import Problem\n"
        "problem = Problem(nn.Linear(2, 3), torch.zeros(4, 2), torch.tensor([0, 1, 2, 0]), name='mine')\n"
    )
    wrong = {
        (str(tmp_path / "mine.py"), "--along"): "'mine' has no training trajectory",
        ("gaussians-mlp", "--along", "1"): "2 or more checkpoints",
        ("gaussians-mlp", "--along", "--checkpoint", "3"): "leave out --checkpoint",
    }
    for words, said in wrong.items():
        result = typed.lossnav("spectrum", *words)
        assert result.returncode == 2, result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
        assert said in result.stderr


def test_the_page_draws_what_is_done_and_computes_the_rest(
    found: SpectraAlong, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = AlongRequest("gaussians-mlp")
    half = replace(found, spectra=found.spectra[:2])
    write_along(half, whole.path)
    app = AppTest.from_file(APP, default_timeout=120).run()
    app.switch_page("views/spectrum.py").run()
    app.radio(key="place").set_value(ALONG).run()
    assert not app.exception
    spec = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert len(spec["frames"]) >= 2
    app.button(key="resume").click().run()
    deadline = time.monotonic() + 200
    while not read_along(whole.path).complete or len(read_along(whole.path).checkpoints) != 11:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    app.run()
    assert not app.exception
    assert len(json.loads(app.get("plotly_chart")[0].proto.spec)["frames"]) == 11
    assert app.button == [] or all(button.key != "cancel" for button in app.button)
    app.segmented_control(key="section").set_value(LAYERS).run()
    assert not app.exception
    assert any("is for one place" in box.value for box in app.info)


def test_how_far_it_is_and_how_it_was_found(found: SpectraAlong) -> None:
    assert progress_text(0, 11, None) == "Computing the first of 11 checkpoints …"
    assert progress_text(7, 11, None) == "7 of 11 checkpoints"
    assert caption(found).startswith("4 checkpoints on the same axes")
    assert "exact" in caption(found)
    assert "BatchNorm" in caption(replace(found, about={**found.about, "buffers": True}))


def test_a_job_that_was_stopped_keeps_its_checkpoints() -> None:
    request = AlongRequest("digits-small-batch", count=36)
    job = Jobs().start(request)
    deadline = time.monotonic() + 200
    while not request.path.exists() and job.running and time.monotonic() < deadline:
        time.sleep(0.05)
    job.cancel()
    found = read_along(request.path)
    assert 0 < len(found.spectra) < 36
    assert found.spectra[0].method == "slq"
    assert job.failure is None

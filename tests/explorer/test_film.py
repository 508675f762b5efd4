"""The film of the training: what is said at each checkpoint, the traces that grow, and the step in the address."""

from __future__ import annotations

import json
from pathlib import Path

import lossnav.explorer
import numpy as np
import pytest
import torch
import xarray as xr
from lossnav.core import InputError, Plane, Problem, Spectrum, load_problem, survey
from lossnav.core.spectrum import SpectraAlong, read_along
from lossnav.explorer.export import Export, exported
from lossnav.explorer.figures.shared.scales import format_value
from lossnav.explorer.figures.web.map2d import map_figure
from lossnav.explorer.figures.web.spectrum_small import small_spectra
from lossnav.explorer.figures.web.surface3d import surface_figure
from lossnav.explorer.panels.film import beside, losses
from lossnav.explorer.request.shipped import FOLDER
from lossnav.explorer.state import Drawing, View
from lossnav.explorer.summaries.film import frames
from PIL import Image
from reference import loss as loss_at
from streamlit.testing.v1 import AppTest
from typed_command import lossnav as typed
from typed_command import sentence

APP = str(Path(lossnav.explorer.__path__[0]) / "app.py")


def without_stored(land: xr.Dataset) -> xr.Dataset:
    bare = land.copy()
    bare.attrs = {name: value for name, value in land.attrs.items() if name != "fidelity"}
    return bare


def test_a_frame_has_the_losses_of_its_checkpoint_and_of_its_place(land: xr.Dataset) -> None:
    problem = load_problem("gaussians-mlp")
    path, plane = problem.trajectory, Plane.trajectory(problem)
    assert path is not None
    found = frames(land)
    assert [frame.step for frame in found] == list(path.steps)
    for k in (0, 7, len(path) - 1):
        alpha, beta, off = plane.project(path.at(k))
        assert found[k].true == pytest.approx(float(loss_at(problem, path.at(k))), rel=1e-5)
        assert found[k].plane == pytest.approx(float(loss_at(problem, plane.at(alpha, beta))), rel=1e-5)
        assert found[k].off == pytest.approx(off, abs=1e-6)
        assert not found[k].between
    assert dict(found[7].says)["of the checkpoint itself"] == format_value(found[7].true)
    assert losses(found) == [frame.true for frame in found]


def test_without_stored_losses_the_plane_s_is_interpolated_and_says_so(land: xr.Dataset) -> None:
    stored, found = frames(land), frames(without_stored(land))
    assert all(frame.true is None and frame.between for frame in found)
    assert found[9].says[0] == ("loss on the plane", f"≈ {format_value(found[9].plane)}")
    assert losses(found) == [frame.plane for frame in found]
    spread = max(frame.plane for frame in stored) - min(frame.plane for frame in stored)
    assert all(abs(a.plane - b.plane) < 0.2 * spread for a, b in zip(stored, found, strict=True))


def tilted(land: xr.Dataset) -> xr.Dataset:
    """A plane 1 + 2α − β as a readout, which linear interpolation has exactly, and a class by the sign of α."""
    alpha, beta = np.meshgrid(land["alpha"], land["beta"], indexing="ij")
    names = json.dumps(["left", "right"])
    return land.assign(
        tilt=(("alpha", "beta"), 1 + 2 * alpha - beta, {"long_name": "Tilt", "units": "nats"}),
        side=(("alpha", "beta"), (alpha > 0).astype(float), {"long_name": "Side", "units": "", "labels": names}),
    )


def test_readouts_are_those_at_the_place_of_the_checkpoint(land: xr.Dataset) -> None:
    found = frames(tilted(land), ("tilt", "side", "none such"))
    a, b = land["path_alpha"].values, land["path_beta"].values
    for k in (0, 11, 20):
        expected = format_value(1 + 2 * a[k] - b[k])
        assert found[k].readouts == (("Tilt", f"≈ {expected} nats"), ("Side", "right" if a[k] > 0 else "left"))


def test_what_lies_outside_the_picture_says_so(land: xr.Dataset) -> None:
    near = without_stored(land.sel(alpha=slice(-1e9, float(land["path_alpha"][10]) + 1e-9)))
    found = frames(near)
    assert not found[0].inside
    assert found[0].says[0] == ("place", "outside this picture")
    assert found[0].readouts == ()
    assert found[-1].inside
    assert found[-1].says[0][0] == "loss on the plane"
    known = frames(land.sel(alpha=slice(-1e9, float(land["path_alpha"][10]) + 1e-9)))[0]
    assert known.says[:2] == [("place", "outside this picture"), ("loss on the plane", format_value(known.plane))]
    assert losses(found)[0] is None


def test_there_is_no_film_without_a_path_nor_of_a_slice(land: xr.Dataset) -> None:
    assert frames(land.drop_vars(["path_alpha", "path_beta", "path_off_plane", "path_step"])) == ()
    assert frames(land.isel(beta=[6])) == ()


def test_the_page_and_the_command_make_a_film(land: xr.Dataset, tmp_path: Path) -> None:
    picture = View(Drawing("loss"), {"viscosity": Drawing("viscosity")}, "viscosity").picture(land)
    assert exported(land, picture, Export("surface", "gif", "single")).startswith(b"GIF89a")
    with pytest.raises(InputError, match="--plane trajectory"):
        exported(land.drop_vars(["path_alpha"]), picture, Export("surface", "gif", "single"))
    out = tmp_path / "film.gif"
    done = typed("film", "gaussians-mlp.trajectory", "-o", str(out), "--seconds", "0.3", "--size", "300")
    assert done.returncode == 0, done.stderr
    with Image.open(out) as film:
        assert (film.n_frames, film.size[0]) == (3, 300)
    assert ".gif, .mp4 or .webm" in sentence("film", "gaussians-mlp", "-o", "film.png")
    out.unlink()
    done = typed("film", "gaussians-mlp", "-o", str(out), "--seconds", "0.3", "--size", "300")  # its training's plane
    assert done.returncode == 0, done.stderr


def test_what_has_no_path_is_refused_before_it_is_drawn_and_says_which_plane_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("it was read whole")

    monkeypatch.setattr("lossnav.explorer.commands.film.read_landscape_file", never)
    out = str(tmp_path / "none.gif")
    said = sentence("film", "gaussians-mlp.random", "-o", out)
    assert "none in this picture" in said
    assert "`lossnav film gaussians-mlp.trajectory -o none.gif`" in said
    problem = load_problem("gaussians-mlp")
    own = tmp_path / "mine.zarr"
    survey(problem, Plane.random(problem), (3, 3), store=own)
    assert "--plane trajectory --out" in sentence("film", str(own), "-o", out)
    bare = tmp_path / "bare.zarr"
    pathless = Problem(torch.nn.Linear(2, 3), torch.randn(9, 2), torch.arange(9) % 3)
    survey(pathless, Plane.random(pathless), (3, 3), store=bare)
    assert "trajectory=Trajectory.from_folder" in sentence("film", str(bare), "-o", out)
    wanted = "`lossnav survey mine.py --plane trajectory --out mine.trajectory.zarr`"
    assert wanted in sentence("film", "mine.py", "-o", out)


def test_both_figures_mark_the_traces_that_the_film_cuts(land: xr.Dataset) -> None:
    picture, count = View(Drawing("loss")).picture(land), land.sizes["checkpoint"]
    for figure, lines in ((surface_figure(land, picture), 1), (map_figure(land, picture), 2)):
        traces = [t for t in json.loads(figure.to_json())["data"] if "meta" in t]
        assert [t["meta"] for t in traces] == ["path"] * lines + ["path's end"]
        for trace in traces[:lines]:  # lists, which a browser cuts; a typed array it would have to unpack
            np.testing.assert_allclose(trace["x"], land["path_alpha"].values)
        assert len(traces[0]["y"]) == count
        assert [t.x[0] for t in figure.data if t.meta == "path's end"] == [land["path_alpha"].values[-1]]


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=120)
    for name, value in {"model": "gaussians-mlp", "plane": "trajectory", **query}.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def given(app: AppTest) -> dict:
    """What the slider is given; nothing where there is none."""
    found = [json.loads(each.proto.json) for each in app.get("bidi_component") if '"says"' in each.proto.json]
    return found[0] if found else {}


def test_the_page_opens_at_the_end_and_a_link_brings_a_step_back() -> None:
    data = given(opened())
    assert data["at"] == len(data["steps"]) - 1
    step = data["steps"][5]
    app = opened(step=str(step))
    assert given(app)["at"] == 5
    assert not app.warning
    app.switch_page("views/vocabulary.py").run()
    app.switch_page("views/terrain.py").run()
    assert given(app)["at"] == 5


def test_beside_the_slider_stands_the_spectrum_of_the_checkpoint() -> None:
    data, along = given(opened()), read_along(FOLDER / "gaussians-mlp.along.json")
    spectra = data["spectra"]
    assert tuple(spectra["steps"]) == along.steps
    for at, step in zip(spectra["at"], data["steps"], strict=True):  # the last one at or before the step
        assert along.steps[at] == max(each for each in along.steps if each <= step)
    for spectrum, said, bars, outer in zip(
        along.spectra, spectra["says"], spectra["bars"], spectra["outer"], strict=True
    ):
        named = dict(said)
        assert named["λₘₐₓ"] == format_value(max(spectrum.eigenvalues))
        assert named["trace"] == format_value(spectrum.eigenvalues @ (spectrum.weights * spectrum.parameter_count))
        assert int(named["outliers"]) == spectrum.outliers
        assert any(bars[outer:]) == (spectrum.outliers > 0)
        assert max(bars) <= 100
    assert max(max(bars) for bars in spectra["bars"]) == 100
    assert all(0 <= place <= 1 for place, _ in spectra["ticks"])


def test_a_histogram_counts_eigenvalues_in_bins_between_its_ends() -> None:
    """Three quarters at 1, a quarter at 1,000, so far apart that one is an outlier: two bars, their heights as their logarithms."""
    ends, weights = np.array([1.0, 1000.0]), np.array([0.75, 0.25])
    one = Spectrum(
        ends, weights, ends[::-1], np.zeros(2), ends, np.zeros(2), 1003.0, 0.0, "exact", "hessian", 0, 0, 0, 4
    )
    found = small_spectra(SpectraAlong((0,), (5,), (one,)), [0, 5, 9])
    assert found["at"] == [None, 0, 0]
    (bars,) = found["bars"]
    high = [k for k, bar in enumerate(bars) if bar]
    assert len(high) == 2
    tall, short = (bars[k] for k in high)
    assert tall == 100
    assert 0 < short < tall
    assert found["outer"][0] in range(high[0] + 1, high[1] + 1)


def test_a_network_without_spectra_says_where_they_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lossnav.explorer.panels.film.result_of", lambda request: None)
    assert beside("mine & yours.py", [0, 1]) == {"missing": "spectrum?model=mine+%26+yours.py&place=Along+the+training"}


def test_a_step_that_there_is_not_is_one_sentence_and_another_model_is_none() -> None:
    app = opened(step="-3")
    (sentence,) = app.warning
    assert "“-3”" in sentence.value
    assert "there is no checkpoint" in sentence.value
    assert given(app)["at"] == len(given(app)["steps"]) - 1
    assert "step" not in app.query_params


def test_a_step_that_another_model_does_not_have_goes_without_a_word() -> None:
    app = opened(step="35")
    app.selectbox(key="model").set_value("digits-plain").run()
    assert not app.exception
    assert not app.warning
    assert given(app)["at"] == len(given(app)["steps"]) - 1
    assert "step" not in app.query_params


def test_a_plane_that_sees_no_path_has_no_slider() -> None:
    assert given(opened(plane="random")) == {}

"""`lossnav publish`, without a browser: what is in the file, its size, its names, its refusals."""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import re
import zlib
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from lossnav.core import InputError
from lossnav.core.formats.convert import write_netcdf
from lossnav.explorer.cli import app
from lossnav.explorer.figures.shared.picture import color_limits, fitting_scale
from lossnav.explorer.published import Start, published_page
from lossnav.explorer.published.readouts import common
from lossnav.explorer.state import Drawing, View
from typer.testing import CliRunner


def content_of(page: str) -> dict[str, Any]:
    found = re.search(r"<script type='application/json' id='content'>(.*?)</script>", page, re.DOTALL)
    assert found
    return json.loads(found[1])


def unpacked(land: dict[str, Any], entry: dict[str, Any]) -> np.ndarray:
    """The same as the page's own script does it."""
    content = zlib.decompress(base64.b64decode(land["data"]))
    kind = np.dtype(f"<{entry['type']}")
    part = content[entry["at"] : entry["at"] + entry["count"] * kind.itemsize]
    rows = np.frombuffer(part, np.uint8).reshape(kind.itemsize, -1)
    return np.ascontiguousarray(rows.T).view(kind).ravel()


def test_it_holds_every_number_of_the_landscape(land: xr.Dataset) -> None:
    found = content_of(published_page([land]))["landscapes"][0]
    assert len(found["readouts"]) > 30
    for name, readout in found["readouts"].items():
        values = land[name].values.ravel()
        np.testing.assert_allclose(unpacked(found, readout["values"]), values, rtol=6e-8, err_msg=name)
        assert ("se" in readout) == (f"{name}_se" in land)
        if "se" in readout:
            np.testing.assert_allclose(unpacked(found, readout["se"]), land[f"{name}_se"].values.ravel(), rtol=6e-8)


def test_what_two_have_in_other_units_is_not_drawn_on_one_scale(land: xr.Dataset) -> None:
    other = land.assign(viscosity=land["viscosity"].assign_attrs(units="nats per squared parameter unit"))
    page = content_of(published_page([land, other]))
    assert "viscosity" not in page["readouts"]
    assert all("viscosity" not in each["readouts"] for each in page["landscapes"])
    assert "viscosity_trace" in page["readouts"]
    with pytest.raises(InputError, match="does not compare: it is in nats per squared filter length here and in nats"):
        published_page([land, other], Start(on={"viscosity": "viscosity"}))


def test_numbers_that_float32_does_not_hold_stay(land: xr.Dataset) -> None:
    huge = land.assign(loss=land["loss"].copy(data=land["loss"].values * 1e200))
    found = content_of(published_page([huge]))["landscapes"][0]
    np.testing.assert_array_equal(unpacked(found, found["readouts"]["loss"]["values"]), huge["loss"].values.ravel())


def test_colours_and_scales_are_the_page_s(land: xr.Dataset) -> None:
    found = content_of(published_page([land]))["readouts"]
    for name, layer in common([land], {}).items():
        scale = fitting_scale(land, name)
        assert layer.scale == scale
        assert found[name]["scale"]["kind"] == scale.kind
        np.testing.assert_allclose(found[name]["limits"], color_limits(land, layer))


def test_several_landscapes_have_one_scale(land: xr.Dataset) -> None:
    higher = land.assign(loss=land["loss"].copy(data=land["loss"].values * 10))
    found = content_of(published_page([land, higher]))
    limits = found["readouts"]["loss"]["limits"]
    np.testing.assert_allclose(10 ** np.array(limits), [land["loss"].min(), higher["loss"].max()])
    assert len(found["landscapes"]) == 2


def test_a_page_of_101_by_101_points_is_under_5_mb(land: xr.Dataset) -> None:
    """Interpolated values compress as measured ones do not, so all readouts have noise in every digit."""
    axes = {d: np.linspace(float(land[d][0]), float(land[d][-1]), 101) for d in ("alpha", "beta")}
    large = land.interp(axes, method="linear", kwargs={"fill_value": "extrapolate"})
    rng = np.random.default_rng(0)
    for name in large.data_vars:
        if large[name].dims == ("alpha", "beta") and large[name].dtype == float:
            large[name] = large[name] * (1 + 1e-3 * rng.standard_normal(large[name].shape))
            large[name].attrs = land[name].attrs
    for name in (n for n in land.data_vars if land[n].dtype == bool):
        large[name] = (("alpha", "beta"), np.ones((101, 101), bool))
    assert len(published_page([large]).encode()) < 5e6


def test_names_are_text(land: xr.Dataset) -> None:
    wild = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    page = published_page([land.assign_attrs(name=wild)], title=f"{wild}&")
    assert page.count("</script>") == 3  # the content's, plotly's and the page's own
    assert "<img" not in page
    assert content_of(page)["landscapes"][0]["name"] == wild


def test_what_is_not_there_has_its_reason(land: xr.Dataset) -> None:
    less = land.drop_vars(["viscosity", "viscosity_se"]).assign_attrs(unavailable='{"viscosity": "No curvature here."}')
    found = content_of(published_page([less]))["landscapes"][0]["unavailable"]
    assert found["viscosity"] == "No curvature here."


def test_it_begins_with_the_page_s_picture(land: xr.Dataset) -> None:
    view = View(Drawing("loss"), {n: Drawing(n) for n in ("viscosity", "memory")}, "viscosity", (0.1, 0.2))
    start = Start.of(view.picture(land), {"eye": {"x": 1.0, "y": 2.0, "z": 3.0}})
    found = content_of(published_page([land], start))["start"]
    assert found["on"] == {"viscosity": "viscosity", "memory": "memory"}
    assert (found["color"], found["point"], found["camera"]["eye"]["y"]) == ("viscosity", [0.1, 0.2], 2.0)


def test_the_command_writes_one_file(land: xr.Dataset, tmp_path: Path) -> None:
    write_netcdf(land, tmp_path / "land.nc")
    words = ["publish", str(tmp_path / "land.nc"), "-o", str(tmp_path / "page.html"), "--show", "viscosity"]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0, said.exception
    assert "MB" in said.output
    assert content_of((tmp_path / "page.html").read_text())["start"]["on"] == {"viscosity": "viscosity"}


def test_a_page_that_cannot_be_written_leaves_the_one_before(
    land: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_netcdf(land, tmp_path / "land.nc")
    page, write = tmp_path / "page.html", Path.write_text
    page.write_text("before")

    def full(self: Path, text: str, *args: object, **kwargs: object) -> int:
        write(self, text[:100], *args, **kwargs)  # type: ignore[arg-type]
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    found = CliRunner().invoke(app, ["publish", str(tmp_path / "land.nc"), "-o", str(page)])
    assert isinstance(found.exception, OSError)
    assert page.read_text() == "before"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["land.nc", "page.html"]


def test_refusals_are_one_sentence(land: xr.Dataset, tmp_path: Path) -> None:
    write_netcdf(land, tmp_path / "land.nc")
    for words, told in (
        (["-o", str(tmp_path / "page.pdf")], "ends in .html"),
        (["-o", str(tmp_path / "p.html"), "--show", "viscosityy"], "viscosity"),
        (["-o", str(tmp_path / "p.html"), "--height", "nothing"], "choose another height"),
    ):
        found = CliRunner().invoke(app, ["publish", str(tmp_path / "land.nc"), *words])
        assert isinstance(found.exception, InputError), words
        assert told in str(found.exception)
    with pytest.raises(InputError, match="runs along a line"):
        published_page([land.isel(beta=[0])])
    with pytest.raises(InputError, match="1 to 8 landscapes"):
        published_page([land] * 9)


def test_plotly_s_bundle_is_the_one_that_the_notice_names() -> None:
    folder = files("lossnav.explorer.published")
    content = folder.joinpath("plotly-gl3d.min.js").read_bytes()
    notice = folder.joinpath("NOTICE").read_text()
    assert hashlib.sha256(content).hexdigest() in notice
    assert "MIT License" in notice

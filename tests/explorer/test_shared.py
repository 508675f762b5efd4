"""What sessions share: made once, kept within a bound, gone with its source."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path

import lossnav.explorer
import pytest
import xarray as xr
from lossnav.core import Settings
from lossnav.explorer.landscape_file import landscape_path
from lossnav.explorer.panels import charts
from lossnav.explorer.shared import MOST, Recent
from lossnav.explorer.state import Drawing, View
from lossnav.explorer.workspace import FOLDER_VARIABLE
from streamlit.testing.v1 import AppTest


class Source:
    """Something that results follow from."""


def test_many_who_ask_at_once_have_it_made_once() -> None:
    made: list[int] = []
    recent, source, found = Recent[list[int]](100, len), Source(), []

    def slow() -> list[int]:
        made.append(1)
        time.sleep(0.05)
        return [7]

    threads = [threading.Thread(target=lambda: found.append(recent.get(source, "a", slow))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]
    assert all(each is found[0] for each in found)


def test_the_bound_holds_and_the_newest_stays() -> None:
    recent, source = Recent[str](10, len), Source()
    for k in range(5):
        recent.get(source, k, lambda: "four")
    assert [entry.options for entry in recent.entries] == [3, 4]
    recent.get(source, "large", lambda: "x" * 50)
    assert [entry.options for entry in recent.entries] == ["large"]


def test_so_many_results_and_no_more() -> None:
    recent, source = Recent[str](1e9, len), Source()
    for k in range(2 * MOST):
        recent.get(source, k, lambda: "")
    assert len(recent.entries) == MOST


def test_results_go_with_their_source() -> None:
    recent, source, other = Recent[str](10, len), Source(), Source()
    recent.get(source, "a", lambda: "x")
    del source
    gc.collect()
    assert recent.get(other, "a", lambda: "y") == "y"
    assert len(recent.entries) == 1


def test_what_failed_is_tried_again() -> None:
    recent, source = Recent[str](10, len), Source()
    with pytest.raises(ZeroDivisionError):
        recent.get(source, "a", lambda: str(1 / 0))
    assert recent.get(source, "a", lambda: "there") == "there"


def test_a_landscape_and_its_figures_are_made_once_for_all_sessions(land: xr.Dataset) -> None:
    class Counted:
        made = 0

        def measured(self, settings: Settings) -> xr.Dataset:
            return land

        def landscape(self, settings: Settings) -> xr.Dataset:
            self.made += 1
            return land.copy()

    source = Counted()
    one, other = (charts.landscape(source, Settings()) for _ in range(2))
    assert one is other
    assert source.made == 1
    assert charts.landscape(source, Settings(temperature=0.5)) is not one
    views = [View(Drawing("loss"), {"viscosity": Drawing("viscosity")}, "viscosity") for _ in range(2)]
    first, second = (charts.drawn(one, view) for view in views)
    assert first is second
    assert charts.drawn(one, View(Drawing("loss"))) is not first


def test_a_landscape_of_the_folder_is_drawn_on_the_terrain_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "mine.zarr.zip"
    place.write_bytes(landscape_path("gaussians-mlp").read_bytes())
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    app = AppTest.from_file(str(Path(lossnav.explorer.__path__[0]) / "app.py"), default_timeout=120)
    app.query_params["model"] = str(place)
    app.run()
    assert not app.exception
    assert sum("figure" in chart.proto.json for chart in app.get("bidi_component")) == 2

"""A landscape in a notebook: the published page in a frame, and a sentence where it cannot be shown."""

from __future__ import annotations

import html
import importlib.metadata
import re
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest
import xarray as xr
from lossnav.core import InputError
from lossnav.core.survey import view
from lossnav.core.survey.coarse_fill import filled
from lossnav.explorer.published import published_page


def test_the_frame_holds_the_published_page(land: xr.Dataset, tmp_path: Path) -> None:
    shown = land.lossnav.view()
    text = shown._repr_html_()
    (inside,) = re.findall(r'srcdoc="([^"]*)"', text)
    assert html.unescape(inside) == published_page([filled(land)])
    assert "sandbox='allow-scripts'" in text
    assert land.lossnav._repr_html_() == text
    shown.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == published_page([filled(land)])


def test_several_are_shown_side_by_side(land: xr.Dataset) -> None:
    assert land.lossnav.view(land).page == published_page([filled(land)] * 2)


@pytest.mark.parametrize(
    ("points", "told"),
    [
        ([], "explorer"),
        ([EntryPoint("landscape", "no_such_package_here:View", view.GROUP)], "pip install no_such_package"),
    ],
)
def test_without_what_draws_it_is_a_sentence(
    land: xr.Dataset, monkeypatch: pytest.MonkeyPatch, points: list[EntryPoint], told: str
) -> None:
    monkeypatch.setattr(view, "entry_points", lambda **how: EntryPoints(points))
    with pytest.raises(InputError, match=told):
        land.lossnav.view()
    assert told in land.lossnav._repr_html_()


def test_the_entry_point_is_installed() -> None:
    names = [point.value for point in importlib.metadata.entry_points(group=view.GROUP)]
    assert names[:1] == ["lossnav.explorer.notebook:LandscapeView"]

"""Losses below zero: drawn, on the page and in print, and a log axis only where it can be one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from lossnav.core import Gaussian, InputError, Plane, Problem, survey
from lossnav.explorer.cli import app
from lossnav.explorer.figures.paper import draw_map
from lossnav.explorer.figures.shared.picture import fitting_scale
from lossnav.explorer.figures.shared.scales import Scale
from matplotlib.figure import Figure
from printed import paper
from torch import nn
from typer.testing import CliRunner


@pytest.fixture(scope="module")
def land(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    """A density above 1 everywhere: every −ln p is below 0."""
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    with torch.no_grad():
        model.weight.mul_(0.01)
        model.bias.zero_()
    problem = Problem(model, torch.randn(30, 4), 0.01 * torch.randn(30, 2), loss=Gaussian(0.05))
    folder = tmp_path_factory.mktemp("land") / "land.zarr"
    found = survey(problem, Plane.random(problem), (5, 5), store=folder)
    assert float(found["loss"].max()) < 0
    return found.assign_attrs(folder=str(folder))


def words(figure: Figure) -> list[str]:
    legends = [*figure.legends, *(a.get_legend() for a in figure.axes if a.get_legend())]
    return [text.get_text().replace("\n", " ") for legend in legends for text in legend.get_texts()]


def test_the_scale_that_fits_is_linear(land: xr.Dataset) -> None:
    assert fitting_scale(land, "loss") == Scale("linear")
    assert fitting_scale(land, "loss", "log") == Scale("linear")
    mixed = land.assign(loss=land["loss"] - land["loss"].min() - 1e-3)  # one corner alone is below 0
    assert fitting_scale(mixed.assign(loss=mixed["loss"].assign_attrs(land["loss"].attrs)), "loss") == Scale("linear")


def test_the_figure_command_draws_it(land: xr.Dataset, tmp_path: Path) -> None:
    for kind in ("map", "surface"):
        out = str(tmp_path / f"{kind}.png")
        result = CliRunner().invoke(app, ["figure", land.attrs["folder"], "-o", out, "--kind", kind])
        assert result.exit_code == 0, result.output
    result = CliRunner().invoke(app, ["figure", land.attrs["folder"], "-o", out, "--scale", "log"])
    assert isinstance(result.exception, InputError)
    assert "choose linear or symlog" in str(result.exception)
    result = CliRunner().invoke(app, ["figure", land.attrs["folder"], "-o", out, "--scale", "symlog"])
    assert result.exit_code == 0, result.output


def test_what_a_log_scale_leaves_out_is_named(land: xr.Dataset) -> None:
    spec = paper(color_scale=Scale("log"), elevation_scale=Scale("log"), path=False)
    assert "0 or below" in words(draw_map(land, spec))
    holed = land.assign(loss=land["loss"].where(land["alpha"] > -1, np.inf))
    assert "not finite, or 0 or below" in words(draw_map(holed, spec))
    linear = paper(color_scale=Scale(), elevation_scale=Scale(), path=False)
    assert "not finite" in words(draw_map(holed, linear))
    assert not {"not finite", "0 or below"} & set(words(draw_map(land, linear)))

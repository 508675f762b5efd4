"""Fixtures of the explorer's tests: a cache of their own, and a landscape with everything that can be drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
import xarray as xr
from lossnav.core import Plane, load_problem, survey
from lossnav.core.survey.coarse_fill import filled
from lossnav.explorer import workspace


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Landscapes computed by a test stay in its folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another test's folder held is not known: a server has one folder, but several tests call theirs "."."""
    monkeypatch.setattr(workspace, "_latest", {})


@pytest.fixture(scope="session")
def land() -> xr.Dataset:
    """The small mixture network on its trajectory plane, not square, with every overlay."""
    problem = load_problem("gaussians-mlp")
    return filled(survey(problem, Plane.trajectory(problem), (17, 13), overlays=("all",), fidelity=True, every=4))

"""A landscape such as a survey gives: a creased bowl over five decades, off-square, with gaps, a path and arrows."""

import json
from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr


def landscape_of(na: int = 23, nb: int = 17, gaps: bool = True, kind: str = "trajectory") -> xr.Dataset:
    alpha, beta = np.linspace(-1, 1, na), np.linspace(-0.8, 0.9, nb) if nb > 1 else np.zeros(1)
    a, b = np.meshgrid(alpha, beta, indexing="ij")
    r = 6 * (a - 0.1) ** 2 + 9 * (b + 0.05) ** 2
    loss = (0.004 + r * (1 + 0.5 * np.sin(5 * a + 2) * np.cos(6 * b))) * np.exp(r / 5)
    if gaps:
        loss[-3:, -4:], loss[0, 0] = np.nan, np.inf
    t = np.linspace(0, 1, 12)
    plane = {"kind": kind, "cosine": 0.01, "explained": [0.61, 0.15], "normalize": "none"}
    return xr.Dataset(
        {
            "loss": over_plane(loss, "loss", "nats", "terrain"),
            "accuracy": over_plane(1 / (1 + loss), "accuracy", "", "terrain"),
            "density": over_plane(loss, "divergence from the data", "nats", "density", "fine", "coarse"),
            "elasticity": over_plane(
                4 * (a + 0.4) ** 2 + 2 * b**2, "EWC penalty", "nats", "elasticity", "not-stretchy", "stretchy"
            ),
            "elasticity_force_alpha": over_plane(-8 * (a + 0.4), "force along α", "nats", "elasticity"),
            "elasticity_force_beta": over_plane(-4 * b, "force along β", "nats", "elasticity"),
            "memory": over_plane(np.exp(-r / 3), "occupation", "", "memory", "shallow", "deep"),
            "measured": (("alpha", "beta"), np.ones_like(a, dtype=bool)),
            "path_alpha": ("checkpoint", 0.1 - 0.9 * (1 - t)),
            "path_beta": ("checkpoint", 0.6 * (1 - t) ** 2 - 0.05),
            "path_off_plane": ("checkpoint", 1 - t),
            "path_step": ("checkpoint", np.arange(12)),
        },
        coords={"alpha": alpha, "beta": beta},
        attrs={
            "name": "bowl",
            "plane": json.dumps(plane),
            "unavailable": json.dumps({"viscosity": "It is measured later."}),
            "provenance": "{}",
        },
    )


def over_plane(
    values: np.ndarray, long_name: str, units: str, owner: str, low: str = "", high: str = ""
) -> tuple[tuple[str, str], np.ndarray, dict[str, str]]:
    words = {"long_name": long_name, "units": units, "property": owner, "low_pole": low, "high_pole": high}
    return ("alpha", "beta"), values, words


@pytest.fixture
def make_landscape() -> Callable[..., xr.Dataset]:
    return landscape_of


@pytest.fixture
def landscape() -> xr.Dataset:
    return landscape_of()

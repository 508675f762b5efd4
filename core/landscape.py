"""Measured points, and the landscape that is made of them: an xarray Dataset over (alpha, beta)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from .plan import Plan
from .properties import PROPERTIES
from .properties.probability import interpolation_error
from .properties.protocol import NavigatorProperty, Points, Readout, Settings
from .terrain import TERRAIN


@dataclass
class MeasuredPoints:
    """What a survey measures and keeps: points, not images.

    plan       the points and their order
    columns    names of the measured means
    values     (points, columns), NaN where not measured yet; NaN and infinities that were measured are kept
    done       (points,) bool: which points are measured, said explicitly and never read off the values
    overlays   the variables that were asked for
    about      what the landscape is of, ready for JSON: name, problem, plane, facts, unavailable, centre, provenance, fidelity
    """

    plan: Plan
    columns: tuple[str, ...]
    values: np.ndarray
    done: np.ndarray
    overlays: tuple[str, ...]
    about: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def empty(
        cls, plan: Plan, columns: tuple[str, ...], dtype: str, overlays: tuple[str, ...], about: dict[str, Any]
    ) -> MeasuredPoints:
        """Nothing measured yet."""
        count = len(plan.cells)
        return cls(plan, columns, np.full((count, len(columns)), np.nan, dtype), np.zeros(count, bool), overlays, about)

    @property
    def points(self) -> Points:
        """What readouts are derived from."""
        alpha, beta = self.plan.points.T
        # a point killed between its value and its mark is measured again, so it is not shown yet
        values = np.where(self.done[:, None], self.values.astype(float), np.nan)
        named = {c: values[:, i] for i, c in enumerate(self.columns)}
        return Points(alpha, beta, named, self.about["facts"], np.array(self.about["plane"]["gram"]))

    def landscape(self, settings: Settings | None = None) -> xr.Dataset:
        """Every readout on the grid, at the given temperature, strength and kernel width.

        Returns
        -------
        Dataset over ("alpha", "beta"): `loss`, accuracy and error where there are labels, each overlay's readouts,
        `measured` (bool); the path over "checkpoint" where there is one. What is
        measured is NaN where it is not measured yet; closed-form readouts (elasticity, memory) are known everywhere.
        """
        settings = settings or Settings()
        points = self.points
        land = xr.Dataset(coords={"alpha": ("alpha", self.plan.alpha), "beta": ("beta", self.plan.beta)})
        land["measured"] = (("alpha", "beta"), self.plan.grid(self.done, fill=False))
        for owner in (TERRAIN, *PROPERTIES):
            self._add(land, owner, points, settings)
        self._add_path(land)
        land.attrs = {
            "name": self.about["name"],
            "settings": json.dumps(settings.__dict__),
            **{key: json.dumps(self.about[key]) for key in _JSON_KEYS if key in self.about},
        }
        return land

    def _add(self, land: xr.Dataset, owner: NavigatorProperty, points: Points, settings: Settings) -> None:
        wanted = [r for r in owner.readouts if owner is TERRAIN or r.variable in self.overlays]
        if not wanted:
            return
        values = owner.values(points, settings)
        for readout in wanted:
            if readout.variable in values:
                land[readout.variable] = (
                    ("alpha", "beta"),
                    self.plan.grid(values[readout.variable]),
                    _attributes(owner, readout),
                )
        self._add_floor(land)
        if owner.name == "probability" and settings.temperature != 1.0:
            for variable, what in (("probability", "confidence"), ("probability_entropy", "entropy")):
                if variable in land:
                    land[variable].attrs["interpolation_error"] = interpolation_error(points.columns, what)

    def _add_floor(self, land: xr.Dataset) -> None:
        """What no model can be better than on average, where the data's own entropy is known and not zero."""
        entropy = self.about["facts"].get("density", {}).get("entropy", 0.0)
        if entropy:
            for variable, floor in (("loss", entropy), ("perplexity", float(np.exp(entropy)))):
                if variable in land:
                    land[variable].attrs["floor"] = floor

    def _add_path(self, land: xr.Dataset) -> None:
        path = self.about["facts"].get("memory")
        if path:
            for key in ("alpha", "beta", "off_plane", "step"):
                land[f"path_{key}"] = ("checkpoint", np.array(path[key]))


_JSON_KEYS = ("unavailable", "centre", "problem", "plane", "facts", "provenance", "fidelity")


def _attributes(owner: NavigatorProperty, readout: Readout) -> dict[str, Any]:
    return {
        "long_name": readout.label,
        "units": readout.unit,
        "property": owner.name,
        "readout": readout.name,
        "low_pole": readout.poles[0],
        "high_pole": readout.poles[1],
        "scale": readout.scale,
        "zero": int(readout.zero),
    }

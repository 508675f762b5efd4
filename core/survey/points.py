"""Measured points, and the landscape that is made of them: an xarray Dataset over (alpha, beta)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from ..adaptive.interpolated import interpolated
from ..adaptive.tolerance import Tolerance
from ..properties import PROPERTIES
from ..properties.probability import interpolation_error
from ..properties.protocol import STAGES, NavigatorProperty, Points, Settings
from ..properties.terrain import TERRAIN
from .grid import Plan
from .landscape import _JSON_KEYS, _attributes
from .preview import glanced

FIRST_GUESS = 105  # points of an adaptive stage before anything is known


@dataclass
class MeasuredPoints:
    """What a survey measures and keeps: points, not images.

    plan       the points and their order
    columns    names of the measured numbers
    stages     for each column, which of STAGES measures it
    values     (points, columns), NaN where not measured yet; NaN and infinities that were measured are kept
    done       (points, STAGES) bool: what is measured where, said explicitly and never read off the values
    overlays   the variables that were asked for
    about      what the landscape is of, ready for JSON: name, problem, plane, facts, unavailable, centre, estimation,
               every (the stride of the grid on which the stages after the first are measured), tolerance and refined (of
               an adaptive survey: how close, and what was learned at each stage), glance (rough values of stages that have
               none of their own yet), descents (their step sizes), provenance, fidelity
    """

    plan: Plan
    columns: tuple[str, ...]
    stages: tuple[str, ...]
    values: np.ndarray
    done: np.ndarray
    overlays: tuple[str, ...]
    about: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def empty(
        cls,
        plan: Plan,
        columns: Mapping[str, Sequence[str]],
        dtype: str,
        overlays: tuple[str, ...],
        about: dict[str, Any],
    ) -> MeasuredPoints:
        """Nothing measured yet; `columns` by stage."""
        names = tuple(name for group in columns.values() for name in group)
        stages = tuple(stage for stage, group in columns.items() for _ in group)
        values, done = np.full((len(plan.cells), len(names)), np.nan, dtype), np.zeros((len(plan.cells), len(STAGES)))
        return cls(plan, names, stages, values, done.astype(bool), overlays, about)

    def columns_of(self, stage: str) -> list[int]:
        """Places of the columns that a stage measures."""
        return [i for i, of in enumerate(self.stages) if of == stage]

    @property
    def used(self) -> tuple[str, ...]:
        """The stages that measure something here; not those that this network cannot take."""
        failed = self.about.get("failed", ())
        return tuple(s for s in STAGES if s == STAGES[0] or (s in self.stages and s not in failed))

    def wanted_at(self, stage: str) -> np.ndarray:
        """(points,) bool: where a stage is to be measured; the costly ones on every so many rows and columns only."""
        return self.plan.every(1 if stage == STAGES[0] else self.about.get("every", 1))

    def done_at(self, stage: str) -> np.ndarray:
        """(points,) bool: where a stage is measured."""
        mask: np.ndarray = self.done[:, STAGES.index(stage)]
        return mask

    @property
    def made(self) -> int:
        """Measurements made, of `planned` in all; a point counts once for each stage."""
        return sum(int((self.done_at(stage) & self.wanted_at(stage)).sum()) for stage in self.used)

    @property
    def planned(self) -> int:
        return sum(self.planned_at(stage) for stage in self.used)

    def planned_at(self, stage: str) -> int:
        """Points of a stage that are to be measured in all; of an adaptive survey what is asked for by now and a guess of what is still to come."""
        done, wanted = int((self.done_at(stage) & self.wanted_at(stage)).sum()), int(self.wanted_at(stage).sum())
        if not self.about.get("tolerance"):
            return wanted
        lesson = self.about.get("refined", {}).get(stage)
        return min(wanted, max(done, lesson["asked"] if lesson else FIRST_GUESS))

    @property
    def tolerance(self) -> Tolerance | None:
        """How close an adaptive survey is to come; None: every point is measured."""
        return Tolerance(**self.about["tolerance"]) if self.about.get("tolerance") else None

    def course(self) -> Iterator[tuple[str, np.ndarray]]:
        """(stage, rows of points) still to be measured on a full grid, in the order that shows most soonest.

        The terrain to half its fineness; a coarse picture of the curvature; the rest of the terrain; then what is costly,
        level by level.
        """
        levels = self.plan.levels
        fine, coarse = levels == levels.min(), levels == levels.max()
        costly = [stage for stage in ("curvature", "gradient", "descent") if stage in self.used]
        steps = [(STAGES[0], ~fine | coarse)]
        steps += [(stage, coarse) for stage in costly if stage == "curvature"]
        steps += [(STAGES[0], fine)]
        steps += [(stage, levels == level) for level in np.unique(levels)[::-1] for stage in costly]
        for stage, rows in steps:
            left = np.flatnonzero(rows & self.wanted_at(stage) & ~self.done_at(stage))
            if len(left):
                yield stage, left

    @property
    def points(self) -> Points:
        """What readouts are derived from."""
        alpha, beta = self.plan.points.T
        # a point killed between its value and its mark is measured again, so it is not shown yet
        named = {
            c: np.where(self.done_at(stage), self.values[:, i].astype(float), np.nan)
            for i, (c, stage) in enumerate(zip(self.columns, self.stages, strict=True))
        }
        return Points(alpha, beta, named, self.about["facts"], np.array(self.about["plane"]["gram"]))

    def landscape(self, settings: Settings | None = None) -> xr.Dataset:
        """Every readout on the grid, at the given temperature, strength and kernel width.

        Returns
        -------
        Dataset over ("alpha", "beta"): `loss`, accuracy and error where there are labels, each overlay's readouts,
        `measured` (bool), and `measured_curvature` and so on where a stage is in use; the path over "checkpoint" where
        there is one. What is measured is NaN where it is not measured yet; closed-form readouts (elasticity, memory) are
        known everywhere. An adaptive survey has values everywhere, and `<name>_error` beside what is interpolated; under way,
        those of a costly stage may be a first look's, whose error is infinite.
        """
        if self.tolerance is None or not self.about.get("refined"):
            return self.landscape_as_measured(settings)
        seen, rough = glanced(self)
        return interpolated(seen.landscape_as_measured(settings), self.about["refined"], self.tolerance, rough)

    def landscape_as_measured(self, settings: Settings | None = None) -> xr.Dataset:
        """`landscape` without what an adaptive survey interpolates: NaN wherever nothing was measured."""
        settings = settings or Settings()
        points = self.points
        land = xr.Dataset(coords={"alpha": ("alpha", self.plan.alpha), "beta": ("beta", self.plan.beta)})
        for stage in self.used:
            name = "measured" if stage == STAGES[0] else f"measured_{stage}"
            land[name] = (("alpha", "beta"), self.plan.grid(self.done_at(stage), fill=False))
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
        wanted = [r for r in owner.readouts if (owner is TERRAIN and not r.local) or r.variable in self.overlays]
        if not wanted:
            return
        values = owner.values(points, settings)
        for readout in wanted:
            if readout.variable not in values or readout.variable in self.about["unavailable"]:
                continue
            about = _attributes(owner, readout, self._loss_unit, self.about.get("estimation", {}).get("of", "hessian"))
            land[readout.variable] = (("alpha", "beta"), self.plan.grid(values[readout.variable]), about)
            if f"{readout.variable}_se" in values:
                error = {**about, "long_name": f"{readout.label}: {readout.error}", "error_of": readout.variable}
                errors = self.plan.grid(values[f"{readout.variable}_se"])
                land[f"{readout.variable}_se"] = (("alpha", "beta"), errors, error)
        self._add_floor(land)
        if owner.name == "probability" and settings.temperature != 1.0:
            for variable, what in (("probability", "confidence"), ("probability_entropy", "entropy")):
                if variable in land:
                    land[variable].attrs["interpolation_error"] = interpolation_error(points.columns, what)

    @property
    def _loss_unit(self) -> str:
        """A loss that is no likelihood is not in nats."""
        return "nats" if self.about["facts"]["terrain"]["is_likelihood"] else "loss units"

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

"""A landscape's metadata: the only place that writes its JSON and reads it.

A store on disk keeps it whole, under "about"; a Dataset keeps a part of it as JSON text in `attrs`, one entry a field, for
files and for people without this library. With it, a Dataset's part is read as values, `land.lossnav.plane["kind"]`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from html import escape
from typing import Any

import xarray as xr

from ..adaptive.tolerance import Tolerance
from ..checks import InputError
from ..properties import Settings
from .view import view_of

Json = Mapping[str, Any]  # as JSON holds it


@dataclass(frozen=True)
class LandscapeInfo:
    """The subject of a landscape, and how it was measured.

    name         the problem's
    problem      what identifies the problem (see `problem_identity`)
    plane        how the plane was made and what identifies it (see `plane_identity`)
    facts        property → its closed-form facts
    unavailable  variable → why it is not here
    spec         the arithmetic: "dtype", "seed", "precision" and, once chosen, "way", "precision_choice" and "precision_error",
                 and what became of them, "fallbacks", and "failures", readout → why it has no number at some points; None before
                 that
    estimation   with which probes and examples costly stages are measured; None: there are none
    every        the stride of the grid on which they are measured; None: there are none
    tolerance    how close an adaptive survey is to come; None: every point is measured
    centre       column → its number at θ₀, None where not finite; None before it is measured
    refined      stage → what an adaptive survey asks of it: "share", "asked", "readouts", "deciding" (those that decide where to measure),
                 "whole" where choosing would have taken too long, so that all is measured, and "most" where it ended at so many
                 points though some are off by more than is allowed
    glance       rough values of stages that have none of their own yet: "rows", "stages", "examples"
    failed       stages that this network cannot take
    descents     column → the step size of its descents
    fidelity     how far to trust the plane (see `fidelity`); None before it is known
    provenance   of each run that measured something: versions, machine, time
    later        stage → "columns" that came later than its others, "filled" in at so many "of" the points that have those

    >>> info = LandscapeInfo("net", plane={"kind": "random"}, every=2, tolerance=Tolerance(0.02))
    >>> LandscapeInfo.from_json(json.loads(json.dumps(info.as_json()))) == info
    True
    """

    name: str = ""
    problem: Json = field(default_factory=dict)
    plane: Json = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    spec: Json | None = None
    estimation: Json | None = None
    every: int | None = None
    tolerance: Tolerance | None = None
    centre: Mapping[str, float | None] | None = None
    refined: Mapping[str, Json] | None = None
    glance: Json | None = None
    failed: tuple[str, ...] | None = None
    descents: Mapping[str, float | None] | None = None
    fidelity: Json | None = None
    provenance: tuple[Json, ...] | None = None
    later: Mapping[str, Json] | None = None

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON; what is None is left out."""
        return {f.name: _plain(value) for f in fields(self) if (value := getattr(self, f.name)) is not None}

    @classmethod
    def from_json(cls, content: Json) -> LandscapeInfo:
        """From `as_json`, as JSON gave it back; what another version noted beside that is left out."""
        return cls(**{f.name: _typed(f.name, content[f.name]) for f in fields(cls) if f.name in content})

    def as_attrs(self, settings: Settings) -> dict[str, str]:
        """The `attrs` of a Dataset whose readouts are at `settings`: JSON text, but for the name."""
        content = self.as_json()
        texts = {key: json.dumps(content[key]) for key in IN_ATTRS if key in content}
        return {"name": self.name, "settings": json.dumps(vars(settings)), **texts}


# the fields that a Dataset carries, in their order there
IN_ATTRS = (
    "unavailable",
    "centre",
    "problem",
    "plane",
    "facts",
    "estimation",
    "every",
    "descents",
    "provenance",
    "fidelity",
    "spec",
)


def _plain(value: Any) -> Any:
    return value.as_json() if isinstance(value, Tolerance) else list(value) if isinstance(value, tuple) else value


def _typed(name: str, value: Any) -> Any:
    if name == "tolerance":
        return Tolerance(**value) if value else None
    if name == "provenance" and isinstance(value, dict):  # of imports, once
        return (value,)
    return tuple(value) if name in ("failed", "provenance") and value is not None else value


@xr.register_dataset_accessor("lossnav")
class LandscapeAccessor:
    """A Dataset's metadata from `attrs`, as values: `land.lossnav.problem["parameters"]`.

    A field that it does not carry, as when it comes from elsewhere, is what LandscapeInfo has where nothing is known.

    >>> land = xr.Dataset(attrs={"plane": '{"kind": "random"}'})
    >>> land.lossnav.plane["kind"], land.lossnav.problem, land.lossnav.fidelity
    ('random', {}, None)
    """

    def __init__(self, land: xr.Dataset) -> None:
        self._land = land

    @property
    def name(self) -> str:
        """The problem's name."""
        return str(self._land.attrs.get("name", ""))

    @property
    def adaptive(self) -> Json:
        """An adaptive survey's facts of each stage and of its tolerance, see `interpolated`; empty for other surveys."""
        return self._read("adaptive", {})

    @adaptive.setter
    def adaptive(self, said: Json) -> None:
        self._land.attrs["adaptive"] = json.dumps(said)

    @property
    def settings(self) -> Settings:
        """The values of the readouts' knobs."""
        return Settings(**self._read("settings", {}))

    def view(self, *others: xr.Dataset) -> Any:
        """The landscape, and others beside it, as a picture that turns: the last line of a notebook's cell shows it.

        Raises
        ------
        InputError  nothing is installed that draws, or nothing here can be drawn
        """
        return view_of(self._land, *others)

    def _repr_html_(self) -> str:
        """The same for `land.lossnav` alone; a sentence where it cannot be shown."""
        try:
            return str(self.view()._repr_html_())
        except InputError as error:
            return f"<p>{escape(str(error))}</p>"

    def __getattr__(self, name: str) -> Any:
        if name not in IN_ATTRS:
            raise AttributeError(f"A landscape says nothing of '{name}': it knows {', '.join(IN_ATTRS)}.")
        return _typed(name, self._read(name, getattr(NOTHING, name)))

    def _read(self, name: str, absent: Any) -> Any:
        text = self._land.attrs.get(name)
        said = json.loads(text) if text else None
        return absent if said is None else said  # "null" says nothing either


NOTHING = LandscapeInfo()

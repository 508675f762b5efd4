"""A density map's metadata: the only place that writes the JSON of its `attrs` and reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import xarray as xr

JSON = ("axes", "explained", "layers", "unavailable", "notes", "claims")


@dataclass(frozen=True)
class DensityInfo:
    """A density map's subject, and how it was made.

    name         the problem's
    placed       how examples are placed: by which projection, or as given
    axes         the titles of the two axes
    explained    their shares of the variance; None where they have none
    layer        whose outputs are placed; empty: the inputs
    layers       those that could be
    neighbours   with how many the density at an example is taken
    unavailable  variable → why it is not here
    notes        what a reader must know, in sentences
    claims       what is stated of the map, each with its verdict

    >>> info = DensityInfo("net", axes=("PC 1", "PC 2"))
    >>> DensityInfo.of(xr.Dataset(attrs=info.as_attrs())).axes
    ['PC 1', 'PC 2']
    """

    name: str = ""
    placed: str = ""
    axes: Sequence[str] = ()
    explained: Sequence[float] | None = None
    layer: str = ""
    layers: Sequence[str] = ()
    neighbours: int = 0
    unavailable: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    claims: Sequence[Mapping[str, Any]] = ()

    def as_attrs(self) -> dict[str, Any]:
        """The `attrs` of a map."""
        return {
            "lossnav_density": 1,
            **{f.name: json.dumps(v) if f.name in JSON else v for f in fields(self) for v in [getattr(self, f.name)]},
        }

    @classmethod
    def of(cls, density_map: xr.Dataset) -> DensityInfo:
        """The metadata of a map; defaults where it states none."""
        said = {f.name: density_map.attrs[f.name] for f in fields(cls) if f.name in density_map.attrs}
        return cls(**{name: json.loads(value) if name in JSON else value for name, value in said.items()})

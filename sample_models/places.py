"""Which readouts tell places apart: `python -m lossnav.sample_models.places [FOLDER]` writes that part of docs/readouts.md.

Of every sample and property the readout that is drawn first and differs between the places of a random plane by more than its
error, with its range and words. FOLDER holds landscapes called NAME.random.zarr; without it, those that come with the samples.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr
from lossnav.core import PROPERTIES, InputError, read_landscape
from lossnav.core.properties import NavigatorProperty, Readout

from .catalogue import NAMES
from .readouts import TARGET, digits, table

BEGIN = "<!-- places: made by `python -m lossnav.sample_models.places` -->\n"
END = "<!-- /places -->\n"
SHIPPED = Path(__file__).parent / "landscapes"
ERRORS = 2.0  # of the two places that lie farthest apart
HEAD = f"""
## Which readouts tell places apart

Of every sample and property the first readout, in the order in which the page offers them and the one that it draws first before
all, that differs between two places of the random plane by more than {ERRORS:g} of their errors; † where that is not the one drawn
first. In brackets the points: 9 or 25 are of small surveys made for this table (3 probes × 4 steps), more are of the landscape
that comes with the sample.

"""


def landscape_of(name: str, folder: Path | None) -> xr.Dataset:
    """The landscape of a sample: the folder's, else the one that comes with it."""
    if folder is not None:
        try:
            return read_landscape(folder / f"{name}.random.zarr", overlays=("all",))
        except InputError as error:
            print(f"{name}: {error} The shipped one is read.", file=sys.stderr)
    return read_landscape(SHIPPED / f"{name}.random.zarr.zip", overlays=("all",))


def ordered(owner: NavigatorProperty, land: xr.Dataset) -> list[Readout]:
    """The readouts that a landscape has, the one that is drawn first before the others."""
    first = owner.first_drawn(land.lossnav.facts.get(owner.name, {}))
    here = [r for r in owner.readouts if r.variable in land and np.isfinite(land[r.variable].values).any()]
    return sorted(here, key=lambda readout: readout.variable != first)


def differs(land: xr.Dataset, variable: str) -> bool:
    """Whether two places differ by more than their errors.

    >>> land = xr.Dataset({"a": ("x", [1.0, 2.0]), "a_se": ("x", [0.1, 0.1]), "b": ("x", [1.0, 1.0])})
    >>> differs(land, "a"), differs(land, "b")
    (True, False)
    """
    values = land[variable].values.ravel()
    places = np.flatnonzero(np.isfinite(values))
    low, high = (places[pick(values[places])] for pick in (np.argmin, np.argmax))
    spread = float(values[high] - values[low])
    if f"{variable}_se" in land:
        errors = land[f"{variable}_se"].values.ravel()
        return spread > ERRORS * float(np.hypot(errors[low], errors[high]))
    return spread > 1e-6 * float(np.abs(values[places]).max())  # measured in single precision


def row(name: str, owner: NavigatorProperty, land: xr.Dataset) -> list[str]:
    """A row of the table."""
    here = ordered(owner, land)
    if not here:
        reason = land.lossnav.unavailable.get(owner.readouts[0].variable, "not there")
        return [name, owner.name, "—", "", "", reason]
    telling = next((r for r in here if differs(land, r.variable)), None)
    readout = telling or here[0]
    variable, values = land[readout.variable], land[readout.variable].values
    finite = values[np.isfinite(values)]
    error = land[f"{readout.variable}_se"].values if f"{readout.variable}_se" in land else None
    told = "" if error is None else digits(float(np.nanmedian(error)))
    words = " … ".join(readout.poles) if any(readout.poles) else ", ".join(readout.labels[:3])
    label = f"{variable.attrs['long_name']}{'' if readout is here[0] else ' †'} ({finite.size})"
    spread = f"{digits(float(finite.min()))} … {digits(float(finite.max()))} {variable.attrs['units']}".strip()
    return [name, owner.name, label, spread, told, words if telling else "the same everywhere"]


def rows(folder: Path | None) -> Iterator[list[str]]:
    """Every sample and property."""
    for name in NAMES:
        land = landscape_of(name, folder)
        yield from (row(name, owner, land) for owner in PROPERTIES)


def with_places(text: str, folder: Path | None) -> str:
    """docs/readouts.md with this part anew, at its end where it has none."""
    made = HEAD + table(["Sample", "Property", "Readout", "Range", "Median error", "Words"], list(rows(folder)))
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}{made}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m lossnav.sample_models.places",
        description="Write that part of docs/readouts.md which says which readouts tell places apart.",
    )
    parser.add_argument(
        "folder", nargs="?", type=Path, help="landscapes NAME.random.zarr; without it, those that come with the samples"
    )
    place = parser.parse_args().folder
    if place is not None and not place.is_dir():
        parser.error(f"there is no folder '{place}'")
    TARGET.write_text(with_places(TARGET.read_text("utf-8"), place), "utf-8")

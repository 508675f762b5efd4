"""Showing a landscape in a notebook: by whatever is installed to draw, which core does not know."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

import xarray as xr

from ..checks import InputError

GROUP = "lossnav.views"


def view_of(*lands: xr.Dataset) -> Any:
    """A notebook's view of landscapes, made by the entry point "landscape" of the group "lossnav.views".

    Raises
    ------
    InputError  nothing is installed that draws, or a package that it needs is missing
    """
    points = list(entry_points(group=GROUP, name="landscape"))
    if not points:
        raise InputError("Showing a landscape needs lossnav's explorer, which is not installed: pip install lossnav.")
    try:
        make = points[0].load()
    except ModuleNotFoundError as error:
        raise InputError(
            f"Showing a landscape needs {error.name}, which is not installed: pip install {error.name}."
        ) from error
    return make(*lands)

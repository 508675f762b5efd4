"""Where a surface is seen from: degrees, or the eye that plotly reports."""

from collections.abc import Mapping

import numpy as np
from lossnav.core import InputError

from .presets import Camera


def angles(camera: Camera) -> tuple[float, float]:
    """(azimuth, elevation) in degrees of a camera given as these or as a plotly eye {"x", "y", "z"}.

    InputError: an eye without one of its three coordinates, or at the origin.

    >>> angles({"x": 0.0, "y": -2.0, "z": 2.0})
    (-90.0, 45.0)
    """
    if not isinstance(camera, Mapping):
        return float(camera[0]), float(camera[1])
    if not {"x", "y", "z"} <= set(camera):
        raise InputError(f"A camera's eye has x, y and z, but {dict(camera)} came; give all three.")
    x, y, z = (float(camera[key]) for key in "xyz")
    if x == y == z == 0:
        raise InputError("A camera's eye is away from the centre, but (0, 0, 0) came; move it out.")
    return float(np.degrees(np.arctan2(y, x))), float(np.degrees(np.arctan2(z, np.hypot(x, y))))


def direction(camera: Camera) -> np.ndarray:
    """The unit vector (3,) from the scene's centre towards the camera."""
    azimuth, elevation = np.radians(angles(camera))
    flat = np.cos(elevation)
    return np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)])

"""A request for a profile, within a plane or between two networks, and the `lossnav profile` command that it means."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

from lossnav.core import InputError
from lossnav.core.properties import FORWARD
from platformdirs import user_cache_path

from .base import modified, stem
from .survey import SurveyRequest
from .walk import replace_measuring

POINTS = 33
Place = tuple[float, float]


@dataclass(frozen=True)
class ProfileRequest:
    """A profile along a line.

    plane  on which `ends` lie; a line between two networks where there are none
    ends   two places (alpha, beta)
    align  the second network's hidden units in the first's order
    whole  with what needs curvature and descents
    curve  a curved path of low loss between two networks too
    """

    plane: SurveyRequest
    ends: tuple[Place, Place] | None = None
    align: bool = False
    whole: bool = False
    curve: bool = False

    @classmethod
    def across(cls, plane: SurveyRequest, ends: tuple[Place, Place], whole: bool = False) -> ProfileRequest:
        """Between two places of a plane."""
        return cls(replace_measuring(plane), ends, whole=whole)

    @classmethod
    def between(
        cls, target: str, first: str, second: str, align: bool, whole: bool = False, curve: bool = False
    ) -> ProfileRequest:
        """Between two networks, by their names as `--between` takes them.

        >>> ProfileRequest.between("gaussians-mlp", "initial", "trained", True).arguments[:6]
        ['profile', 'gaussians-mlp', '--plane', 'line', '--between', 'initial,trained']

        Raises
        ------
        InputError  a name with a comma
        """
        if "," in first + second:
            raise InputError("The name of a place should hold no comma.")
        line = SurveyRequest(target, "line").with_values({"between": f"{first},{second}"})
        return cls(replace_measuring(line), align=align, whole=whole, curve=curve)

    @property
    def path(self) -> Path:
        """Where the profile is kept on this machine."""
        content = [self.arguments, modified(self.plane.target)]
        key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]
        return user_cache_path("lossnav") / "profiles" / f"{stem(self.plane.target)}-{key}.zarr"

    @property
    def sidecar(self) -> Path:
        """File beside the landscape that says how the ends were aligned."""
        return self.path.with_suffix(".alignment.json")

    @property
    def curve_file(self) -> Path:
        """The curve's losses, beside it."""
        return self.path.with_suffix(".curve.json")

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that compute it, without --out."""
        words = ["profile", self.plane.target, *self.plane.plane_arguments, "--points", str(POINTS)]
        if self.ends is not None:
            (a, b), (c, d) = self.ends
            words += [f"--from={a!r},{b!r}", f"--to={c!r},{d!r}"]
        words += ["--align"] if self.align else []
        words += ["--curve"] if self.curve else []
        return words + ([] if self.whole else ["--overlay", FORWARD])

    @property
    def unaligned(self) -> ProfileRequest:
        """The same line without alignment."""
        return replace(self, align=False, curve=False)


def ends_text(ends: tuple[Place, Place]) -> str:
    """Two places as the address has them.

    >>> ends_text(((0.0, 0.5), (1.0, -1.0)))
    '0.0,0.5,1.0,-1.0'
    """
    return ",".join(repr(float(number)) for place in ends for number in place)


def ends_of_text(text: str) -> tuple[Place, Place]:
    """The inverse.

    >>> ends_of_text("0.0,0.5,1.0,-1.0")
    ((0.0, 0.5), (1.0, -1.0))

    Raises
    ------
    InputError  anything else
    """
    try:
        a, b, c, d = map(float, text.split(","))
    except ValueError:
        a = b = c = d = math.nan
    if not all(map(math.isfinite, (a, b, c, d))):
        raise InputError(f"The address names a line '{text[:60]}' that is none: it is left out.")
    return (a, b), (c, d)

"""How close an adaptive survey is to come to the full grid."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any

from ..checks import InputError, known

SCALES = ("linear", "log")


@dataclass(frozen=True)
class Tolerance:
    """The largest error that a picture may have, as a share of what is drawn.

    share   of the drawn range, between 0 and 1; 0.01 is 1 %
    scale   how the loss is drawn, and what is a loss too (the divergence, the loss with its penalty): "linear", or "log",
            where its error counts as a share of the range of ln L as well as of L's own; every other readout counts on the scale that it is drawn on
    clip    the loss at which the drawing is cut off, so that errors above it do not count and the range ends there
    costly  the share for what is measured around points (gradients, curvature, descents); None: five times `share`
    deciding  the part of the time saved that choosing where to measure may take: where it would take more, as on networks whose
            points take microseconds, the whole grid is measured; None: however long it takes

    Raises
    ------
    InputError  shares that are not between 0 and 1, an unknown scale, a clip that cannot be drawn

    >>> Tolerance(0.01).share_of("curvature")
    0.05
    """

    share: float = 0.01
    scale: str = "linear"
    clip: float | None = None
    costly: float | None = None
    deciding: float | None = 0.1

    def __post_init__(self) -> None:
        known(self.scale, SCALES, "scale")
        for name, value in (("tolerance", self.share), ("costly", self.costly), ("deciding", self.deciding)):
            if value is not None and not (isinstance(value, Real) and 0 < value < 1):
                raise InputError(f"{name} should be a share between 0 and 1, such as 0.01, but is {value!r}.")
        if self.clip is not None and not (isinstance(self.clip, Real) and self._can_be_drawn(float(self.clip))):
            least = "a positive number" if self.scale == "log" else "a finite number"
            raise InputError(f"clip should be {least}, the loss at which the drawing ends, but is {self.clip!r}.")

    def _can_be_drawn(self, loss: float) -> bool:
        return math.isfinite(loss) and (self.scale != "log" or loss > 0)

    def share_of(self, stage: str) -> float:
        """The tolerance of a stage."""
        if stage == "forward":
            return self.share
        return min(5 * self.share, 0.5) if self.costly is None else self.costly

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def tolerance_of(given: float | Tolerance | None) -> Tolerance | None:
    """A number is a share of the range on the linear scale.

    Raises
    ------
    InputError  no number, or one outside (0, 1)
    """
    if given is None or isinstance(given, Tolerance):
        return given
    try:
        share = float(given)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"tolerance should be a share such as 0.01, or None for every point, but is {given!r}."
        ) from error
    return Tolerance(share)

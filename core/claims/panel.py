"""A claim's figure as data: panels of series, which paper and page draw alike and know nothing else of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

POINTS, LINE, BARS = "points", "line", "bars"
Numbers = Sequence[float | None]


@dataclass(frozen=True)
class Series:
    """Data that are drawn in one colour.

    x, y       of the same length; None: a gap
    low, high  ends of an interval along x, or along y where the panel's rows are not named; empty: none
    kind       "points" | "line" | "bars"
    faint      one of many that stand behind
    """

    name: str
    x: Numbers
    y: Numbers
    low: Numbers = ()
    high: Numbers = ()
    kind: str = POINTS
    faint: bool = False


@dataclass(frozen=True)
class Panel:
    """One system of axes.

    rows      names at y = 0, 1, 2 … from the top; empty: y is a number
    words     said at the right end of each row
    upright   x of vertical lines: chance, a threshold
    logarithmic  which axes are: "", "x", "y" or "xy"
    """

    title: str
    x: str
    y: str
    series: tuple[Series, ...]
    rows: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    upright: tuple[float, ...] = ()
    logarithmic: str = ""

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Panel:
        """A panel from the JSON of `as_json`.

        >>> panel = Panel("a", "x", "y", (Series("s", (1.0,), (2.0,)),))
        >>> Panel.of(panel.as_json()) == panel
        True
        """
        series = tuple(Series(**_fixed(each)) for each in content["series"])
        return cls(**{**_fixed(content), "series": series})


def _fixed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Lists as tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in content.items()}

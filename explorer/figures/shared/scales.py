"""How numbers become colour and height: linear, logarithmic or symmetric-logarithmic, clipped, with readable ticks.

Both drawing halves (the browser's and the papers') read their numbers through `Scale`, so that a tick at 0.1 is at the
same place in both. Pure NumPy; nothing here draws.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from math import ceil, floor, isfinite, isnan, log10
from typing import Any, Literal, get_args

import numpy as np
from lossnav.core.checks import InputError
from numpy.typing import ArrayLike, NDArray

Kind = Literal["linear", "log", "symlog", "class"]
KINDS = ("linear", "log", "symlog")  # those that a person chooses from
Floats = NDArray[np.float64]
# Any: landscapes hand over xarray variables, which convert themselves to arrays.
Values = ArrayLike | Any

SIGNIFICANT_DIGITS = 3
PLAIN_RANGE = (1e-3, 1e5)
LN10 = float(np.log(10.0))
NOTHING = 1e-200  # a range that rounds to one position
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
ONE_TWO_FIVE = (1.0, 2.0, 5.0)
LEVEL_MULTIPLES = ((1.0,), (1.0, 3.0), ONE_TWO_FIVE)


@dataclass(frozen=True)
class Scale:
    """A map from values in their own unit to positions on a colour bar or a height axis.

    kind          "linear"; "log" (log10, values ≤ 0 are gaps); "symlog", sign(v)·log10(1 + |v|/linear_width); "class",
                  whole numbers that stand for classes
    low, high     values are clipped to this range, in the values' own unit; None: the data's own
    linear_width  where symlog turns from linear to logarithmic, in the values' own unit; None: 1
    labels        names of the classes 0, 1, 2 …; the last one stands for all that follow

    >>> Scale("log").apply([0.1, 1.0, 1000.0]).tolist()
    [-1.0, 0.0, 3.0]
    """

    kind: Kind = "linear"
    low: float | None = None
    high: float | None = None
    linear_width: float | None = None
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        kinds = KINDS if self.kind != "class" else get_args(Kind)
        if self.kind not in kinds:
            raise InputError(
                f"A scale's kind is one of {', '.join(kinds)}, but {self.kind!r} came; choose one of them."
            )
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise InputError(f"A scale's low must be below its high, but {self.low} and {self.high} came; swap them.")
        if self.kind == "log" and self.high is not None and self.high <= 0:
            raise InputError(f"A log scale's high must be above 0, but {self.high} came; raise it or use symlog.")
        if self.linear_width is not None and not self.linear_width > 0:
            raise InputError(
                f"A scale's linear_width must be above 0, but {self.linear_width} came; give a positive one."
            )

    @property
    def width(self) -> float:
        """linear_width, with its default."""
        return 1.0 if self.linear_width is None else self.linear_width

    def apply(self, values: Values) -> Floats:
        """Positions of `values`, same shape: clipped and transformed; not finite, and ≤ 0 under log, becomes NaN."""
        if self.kind == "class":
            return np.minimum(self._drawable(values), len(self.labels) - 1)
        return self._transform(np.clip(self._drawable(values), self._clip_low, self.high))

    def invert(self, positions: Values) -> Floats:
        """The values at `positions`, same shape: undoes `apply` for values inside [low, high]."""
        positions = np.asarray(positions, dtype=np.float64)
        if self.kind == "log":
            return np.asarray(10.0**positions)
        if self.kind == "symlog":
            return np.asarray(np.sign(positions) * self.width * np.expm1(np.abs(positions) * LN10))
        return positions

    def limits(self, values: Values) -> tuple[float, float]:
        """Lowest and highest position for `values`: `low` and `high` where given, else the data's; never equal.

        Constant data gets half a unit on either side, and data with nothing to draw gets (0, 1).
        """
        if self.kind == "class":
            return -0.5, len(self.labels) - 0.5
        low, high = (float(position) for position in self._transform(np.asarray(self._range(values))))
        if not isfinite(low) or not isfinite(high):
            return 0.0, 1.0
        return (low, high) if low < high else (low - 0.5, high + 0.5)

    def ticks(self, values: Values, count: int = 6) -> tuple[Floats, list[str]]:
        """About `count` ticks over `limits(values)`: positions (n,), and labels in the values' own unit.

        Labels are decades (1, 10, 10²) where a logarithmic scale spans enough of them, else 1-2-5 values; they have at
        most three significant digits unless neighbours would read alike. Constant data has one tick.
        """
        if self.kind == "class":
            found = self.classes(values)
            return found.astype(float), [self.labels[k] for k in found]
        low, high = self._range(values)
        if not isfinite(low) or not isfinite(high):
            return np.empty(0), []
        if low == high:
            return self._transform(np.asarray([low])), [format_value(low)]
        chosen, label = self._choose(low, high, max(count, 2))
        return self._transform(chosen), label(chosen)

    def levels(self, values: Values, count: int = 10) -> tuple[Floats, list[str]]:
        """About `count` contour levels strictly inside the range: positions (n,), and labels in the values' own unit.

        Denser than ticks: under log and symlog decades give way to 1-2-5 values as soon as those are not too many.
        """
        low, high = self._range(values)
        if not low < high or self.kind == "class":
            return np.empty(0), []  # classes have borders, not levels
        options = [] if self.kind == "linear" else [self._decades(low, high, steps) for steps in LEVEL_MULTIPLES]
        inside = [option[(option > low) & (option < high)] for option in options]
        chosen = min(inside, key=lambda option: abs(len(option) - count), default=np.empty(0))
        if len(chosen) < min(3, count):
            even = _nice(low, high, count)
            chosen = even[(even > low) & (even < high)]
        chosen = _thin(chosen, 2 * count)
        return self._transform(chosen), _plain_labels(chosen)

    def classes(self, values: Values) -> NDArray[np.intp]:
        """The classes that occur among `values`, ascending."""
        drawn = self.apply(values)
        return np.unique(drawn[np.isfinite(drawn)]).astype(np.intp)

    def text(self, value: float) -> str:
        """One value in words: its class, or the number with at most three significant digits."""
        if self.kind == "class" and isfinite(value):
            return self.labels[min(int(value), len(self.labels) - 1)]
        return format_value(value)

    def _choose(self, low: float, high: float, count: int) -> tuple[Floats, Callable[[Floats], list[str]]]:
        if self.kind != "linear":
            for multiples, label in ((ONE_TWO_FIVE[:1], _decade_labels), (ONE_TWO_FIVE, _plain_labels)):
                chosen = _thin(self._decades(low, high, multiples), count)
                if len(chosen) >= min(3, count):
                    return chosen, label
        return _nice(low, high, count), _plain_labels

    def _decades(self, low: float, high: float, multiples: tuple[float, ...]) -> Floats:
        if self.kind == "log":
            return _decades_between(low, high, multiples)
        # Below the linear width decades crowd together around zero, so the first is the width itself.
        upper = _decades_between(self.width, high, multiples)
        lower = -_decades_between(self.width, -low, multiples)[::-1]
        inside = np.concatenate([lower, [0.0], upper])
        return inside[(inside >= low) & (inside <= high)]

    def _range(self, values: Values) -> tuple[float, float]:
        drawable = self._drawable(values)
        drawable = drawable[~np.isnan(drawable)]
        low = self._clip_low if self._clip_low is not None else (float(drawable.min()) if drawable.size else np.nan)
        high = self.high if self.high is not None else (float(drawable.max()) if drawable.size else np.nan)
        if low > high:  # all the data lie beyond the one limit that was given
            return (high, high) if self.low is None else (low, low)
        return (low, low) if 0 < high - low < NOTHING * (self.width if self.kind == "symlog" else 1) else (low, high)

    @property
    def _clip_low(self) -> float | None:
        return None if self.kind == "log" and self.low is not None and self.low <= 0 else self.low

    def _drawable(self, values: Values) -> Floats:
        values = np.array(values, dtype=np.float64)
        values[~np.isfinite(values)] = np.nan
        if self.kind == "log":
            values[~(values > 0)] = np.nan
        return values

    def _transform(self, values: Floats) -> Floats:
        if self.kind == "log":
            return np.log10(values)
        if self.kind == "symlog":
            return np.asarray(np.sign(values) * np.log1p(np.abs(values) / self.width) / LN10)
        return values


def check_log(scale: Scale, values: Values, name: str) -> None:
    """Raise InputError where a log scale would show nothing: no finite value is above 0.

    >>> check_log(Scale("log"), [-1.0, -2.0], "loss")
    Traceback (most recent call last):
    ...
    lossnav.core.checks.InputError: A log scale shows values above 0, and 'loss' has none: choose linear or symlog.
    """
    values = np.asarray(values, dtype=np.float64)
    finite = values[np.isfinite(values)]
    if scale.kind == "log" and finite.size and not (finite > 0).any():
        raise InputError(f"A log scale shows values above 0, and '{name}' has none: choose linear or symlog.")


def format_value(x: float, digits: int = SIGNIFICANT_DIGITS) -> str:
    """`x` as short text, at most `digits` significant digits: "0.123", "−2.5", "1.23×10⁵", "∞"; NaN is "not finite".

    >>> format_value(0.000123456)
    '1.23×10⁻⁴'
    """
    x = float(x)
    if isnan(x):
        return "not finite"
    if not isfinite(x):
        return "∞" if x > 0 else "−∞"
    mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
    power = int(exponent)
    if x == 0 or PLAIN_RANGE[0] <= float(f"{abs(float(mantissa))}e{power}") < PLAIN_RANGE[1]:
        text = _strip_zeros(f"{float(f'{mantissa}e{power}'):.{max(digits - 1 - power, 0)}f}")
    else:
        text = f"{_strip_zeros(mantissa)}×{_power_of_ten(power)}"
    return "0" if text in ("-0", "0") else text.replace("-", "−")


def _strip_zeros(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


def _power_of_ten(exponent: int) -> str:
    return f"10{str(exponent).translate(SUPERSCRIPTS)}"


def _decade_labels(values: Iterable[float]) -> list[str]:
    return [_decade_label(value) for value in values]


def _decade_label(value: float) -> str:
    if value == 0:
        return "0"
    exponent = round(log10(abs(value)))
    text = f"{10.0**exponent:g}" if -2 <= exponent <= 1 else _power_of_ten(exponent)
    return text if value > 0 else f"−{text}"


def _plain_labels(values: Iterable[float]) -> list[str]:
    values = list(values)
    for digits in range(SIGNIFICANT_DIGITS, 16):
        labels = [format_value(value, digits) for value in values]
        if len(set(labels)) == len(labels):
            return labels
    return labels


def _nice(low: float, high: float, count: int) -> Floats:
    """1-2-5 values inside [low, high]: the finest step that gives about `count`, and at least two."""
    steps = _steps_up_from((high - low) / (4 * count))
    inside = [low, high]
    for ticks in map(partial(_multiples_between, low, high), steps):
        if len(ticks) < 2:
            break
        inside = ticks
        if len(inside) <= count + 1:
            break
    return np.asarray(inside, dtype=np.float64)


def _steps_up_from(smallest: float) -> Iterator[float]:
    exponent = floor(log10(smallest))
    while True:
        yield from (float(f"{multiple:g}e{exponent}") for multiple in ONE_TWO_FIVE)
        exponent += 1


def _multiples_between(low: float, high: float, step: float) -> list[float]:
    slack = 1e-9 * (high - low) / step
    # Read back from twelve digits, so that 3 × 0.1 is 0.3.
    return [float(f"{k * step:.12g}") for k in range(ceil(low / step - slack), floor(high / step + slack) + 1)]


def _decades_between(low: float, high: float, multiples: tuple[float, ...]) -> Floats:
    if not 0 < low <= high:
        return np.empty(0)
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    values = np.asarray([float(f"{multiple:g}e{power}") for power in powers for multiple in multiples])
    return values[(values >= low * (1 - 1e-9)) & (values <= high * (1 + 1e-9))]


def _thin(values: Floats, count: int) -> Floats:
    """Every k-th value, k as small as leaves at most `count`; 0 and 1 stay where they are among the values."""
    stride = ceil(len(values) / count)
    if stride <= 1:
        return values
    anchor = int(np.argmin(np.abs(values))) if (values <= 0).any() else int(np.argmin(np.abs(np.log10(values))))
    return values[anchor % stride :: stride]

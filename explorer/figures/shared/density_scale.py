"""How a number of the examples is scaled, titled and told: shared by the map, its hover and the claim's plot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from .scales import Scale, format_value

# Values over more decades are drawn on a logarithm: nine tenths of them, or all.
DECADES, DECADES_OF_ALL = 1.0, 1.5
DIGITS = {"perplexity": 5, "confidence": 5}  # three would make 1 of most
HOVERED = ("perplexity", "confidence", "gradient_norm", "loss", "density")
# Numbers that crowd at a bound of theirs are drawn by their distance from it: name → (title, distance).
AT_BOUND = {
    "perplexity": ("Perplexity − 1", lambda values: values - 1),
    "confidence": ("1 − confidence", lambda values: 1 - values),
}


@dataclass(frozen=True)
class ScaledValues:
    """One number of every example, with the scale that it is drawn on.

    values  (n,), in the unit of the title; NaN where there is nothing to draw
    scale   linear, or a logarithm
    title   the number's name, its unit, and that its scale is a logarithm
    """

    values: np.ndarray
    scale: Scale
    title: str


def fitting(dataset: xr.Dataset, variable: str) -> ScaledValues:
    """A logarithm where positive values span decades, of the distance from a bound where they crowd there.

    A perplexity that overflowed although the loss is finite is drawn as the largest that did not.
    """
    values = dataset[variable].values.astype(float)
    finite = values[np.isfinite(values)]
    values = np.where(np.isposinf(values), finite.max() if finite.size else np.nan, values)
    name, unit = dataset[variable].attrs["long_name"], dataset[variable].attrs["units"]
    if variable in AT_BOUND:
        title, distance = AT_BOUND[variable]
        away = distance(values)
        positive = away[away > 0]
        if positive.size and np.nanmin(away) >= 0 and _decades(positive) > 2 * DECADES:
            return ScaledValues(np.maximum(away, positive.min()), Scale("log"), f"{title} (log scale)")
    if not finite.size or finite.min() <= 0 or not _spans_decades(finite):
        return ScaledValues(values, Scale("linear"), f"{name} ({unit})" if unit else name)
    return ScaledValues(values, Scale("log"), f"{name} ({unit}, log scale)" if unit else f"{name} (log scale)")


def value_texts(dataset: xr.Dataset, example: int) -> str:
    """Class and numbers of one example, as lines."""
    lines = [f"<b>example {example}</b>" + (f", class {int(dataset['label'][example])}" if "label" in dataset else "")]
    return "<br>".join([*lines, *(f"{name}: {value}" for name, value in numbers_of(dataset, example))])


def numbers_of(dataset: xr.Dataset, example: int) -> list[tuple[str, str]]:
    """(name, value) of every number of one example."""
    return [
        (
            dataset[name].attrs["long_name"].lower(),
            format_value(float(dataset[name].values[example]), DIGITS.get(name, 3)),
        )
        for name in HOVERED
        if name in dataset
    ]


def _spans_decades(positive: np.ndarray) -> bool:
    return _decades(positive) > DECADES or float(np.log10(positive.max() / positive.min())) > DECADES_OF_ALL


def _decades(positive: np.ndarray) -> float:
    """Decades between the 5th and the 95th percentile."""
    low, high = np.quantile(positive, (0.05, 0.95))
    return float(np.log10(high / low))

"""Errors as shares of the drawn range, on a linear, logarithmic or symmetric-log scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_LOWEST = 1e-3  # of the least measured value: what an interpolated value that should be positive is raised to


@dataclass(frozen=True)
class DisplayScale:
    """One scale: where values are put on the paper, and how long the paper is."""

    place: Callable[[np.ndarray], np.ndarray]
    length: float

    def share(self, estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """|place(estimate) − place(truth)| over the paper's length; 0 where nothing is drawn but one value."""
        with np.errstate(over="ignore", invalid="ignore"):
            apart = np.abs(self.place(estimate) - self.place(truth))
        return np.zeros(apart.shape) if self.length == 0 else apart / self.length


@dataclass(frozen=True)
class DisplayScales:
    """The scales that a readout counts on, over the values measured so far.

    views   at least one; an error's share is the largest among them
    floor   what every interpolated value is raised to: positive readouts stay positive
    unit    the value at which a symmetric-log scale turns from linear to logarithmic

    >>> drawing = DisplayScales.of(np.array([1.0, 10.0, 100.0]), ("log",))
    >>> float(drawing.share(np.array(10.0), np.array(1.0)))
    0.5
    """

    views: tuple[DisplayScale, ...]
    floor: float
    unit: float

    @classmethod
    def of(cls, values: np.ndarray, scales: tuple[str, ...], clip: float | None = None) -> DisplayScales:
        """From finite `values` (m,); "log" falls back to "linear" where some are not positive."""
        positive = bool((values > 0).all())
        unit = float(np.median(np.abs(values))) or 1.0
        low, high = float(values.min()), float(values.max())
        wanted = dict.fromkeys("linear" if scale == "log" and not positive else scale for scale in scales)
        top = np.inf if clip is None else clip
        places: dict[str, Callable[[np.ndarray], np.ndarray]] = {
            "linear": lambda v: np.minimum(v, top),
            "log": lambda v: np.log(np.minimum(v, top)),
            "symlog": lambda v: np.arcsinh(np.minimum(v, top) / unit),
        }
        views = [DisplayScale(places[scale], _between(places[scale], low, high)) for scale in wanted]
        return cls(tuple(views), _LOWEST * low if positive else -np.inf, unit)

    def share(self, estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """The error of `estimate` as a share of the drawn range."""
        estimate = np.maximum(estimate, self.floor)
        result: np.ndarray = np.max([view.share(estimate, truth) for view in self.views], axis=0)
        return result

    def error(self, value: np.ndarray, share: np.ndarray) -> np.ndarray:
        """The error in the readout's own unit that has this share at a value: the smallest among the views."""
        sizes = []
        for view in self.views:
            step = np.maximum(np.abs(value), np.finfo(float).tiny) * 1e-6 + 1e-12
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                slope = np.abs(view.place(value + step) - view.place(value)) / step
                sizes.append(np.where(slope > 0, share * view.length / slope, np.inf))
        result: np.ndarray = np.min(sizes, axis=0)
        return result


def _between(place: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> float:
    return float(place(np.array(high)) - place(np.array(low)))

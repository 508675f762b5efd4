"""The extreme eigenvalues and the trace against the training step, beside the film of histograms."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from lossnav.core.spectrum import SpectraAlong

from ..shared.scales import Scale
from .spectrum import LOWEST_COLOR, OUTLIER_COLOR, spectrum_scale
from .theme import axis, ink

BESIDE = [0.7, 1.0]  # share of the figure's width
UPPER, LOWER = [0.56, 1.0], [0.0, 0.38]  # shares of its height: λₘₐₓ and λₘᵢₙ, the trace
APART = 0.13  # share of a plot's height between two tick labels


class Ends:
    """λₘₐₓ and λₘᵢₙ on axes 2, the trace on axes 3, against the training step."""

    def __init__(self, along: SpectraAlong, dark: bool) -> None:
        self.along, self.dark = along, dark
        self.clock = step_scale(along.done_steps)
        self.steps = self.clock.apply(np.array(along.done_steps, float))
        self.largest = np.array([s.top[0] for s in along.spectra])
        self.smallest = np.array([s.bottom[0] for s in along.spectra])
        self.trace = np.array([s.trace for s in along.spectra])
        self.errors = np.nan_to_num([s.trace_reach for s in along.spectra])
        self.height = spectrum_scale(*along.spectra)
        # linear as far as the errors reach, or their bars across zero would fill the plot
        self.traces = _symlog(self.trace, float(self.errors.max()))

    def curves(self) -> list[go.Scatter]:
        ends = (("λₘₐₓ", self.largest, OUTLIER_COLOR), ("λₘᵢₙ", self.smallest, LOWEST_COLOR))
        drawn = [self._curve(name, values, self.height.apply(values), color, "2") for name, values, color in ends]
        trace = self._curve("trace", self.trace, self.traces.apply(self.trace), ink(self.dark).accent, "3")
        low, high = (self.traces.apply(self.trace + sign * self.errors) for sign in (-1, 1))
        middle = np.asarray(trace.y, float)
        trace.error_y = {
            "array": high - middle, "arrayminus": middle - low, "symmetric": False, "thickness": 1, "width": 2
        }  # fmt: skip
        return [*drawn, trace]

    def _curve(self, name: str, values: np.ndarray, y: np.ndarray, color: str, place: str) -> go.Scatter:
        return go.Scatter(
            x=self.steps,
            y=y,
            mode="lines+markers",
            line={"color": color, "width": 1.5},
            marker={"size": 4, "color": color},
            customdata=np.column_stack([self.along.done_steps, values]),
            hovertemplate="step %{customdata[0]:d}<br>" + name + " %{customdata[1]:.4~g}<extra></extra>",
            name=name,
            showlegend=False,
            xaxis=f"x{place}",
            yaxis=f"y{place}",
        )

    def cursor(self, index: int) -> list[go.Scatter]:
        """Where the frame `index` is, in both plots."""
        return [
            go.Scatter(
                x=[self.steps[index]] * 2,
                y=list(self._range(place)),
                mode="lines",
                line={"color": ink(self.dark).line, "width": 1, "dash": "dot"},
                hoverinfo="skip",
                showlegend=False,
                xaxis=f"x{place}",
                yaxis=f"y{place}",
            )
            for place in ("2", "3")
        ]

    def _range(self, place: str) -> tuple[float, float]:
        if place == "2":
            drawn = self.height.apply(np.concatenate([self.largest, self.smallest]))
        else:
            drawn = self.traces.apply(np.concatenate([self.trace - self.errors, self.trace + self.errors]))
        room = 0.08 * max(float(np.ptp(drawn)), 1e-3)
        return float(drawn.min()) - room, float(drawn.max()) + room

    def axes(self) -> dict[str, Any]:
        """Axes 2 and 3 for the layout."""
        ends = np.concatenate([self.largest, self.smallest])
        ticks, names = self.clock.ticks(np.array(self.along.done_steps, float), 5)
        room = 0.04 * max(float(np.ptp(self.steps)), 1e-3)
        steps = {
            "domain": BESIDE,
            "tickvals": ticks.tolist(),
            "ticktext": names,
            "range": [float(self.steps.min()) - room, float(self.steps.max()) + room],
        }
        return {
            "xaxis2": {**axis(self.dark, ""), **steps, "anchor": "y2", "showticklabels": False},
            "xaxis3": {**axis(self.dark, "training step"), **steps, "anchor": "y3"},
            "yaxis2": self._y("2", UPPER, *self.height.ticks(ends, 9)),
            "yaxis3": self._y("3", LOWER, *self.traces.ticks(self.trace, 5)),
        }

    def _y(self, place: str, domain: list[float], ticks: np.ndarray, names: list[str]) -> dict[str, Any]:
        low, high = self._range(place)
        shown = spaced(ticks, APART * (high - low))
        return {
            **axis(self.dark, ""),
            "domain": domain,
            "anchor": f"x{place}",
            "tickvals": ticks[shown].tolist(),
            "ticktext": [names[i] for i in shown],
            "range": [low, high],
        }

    def titles(self) -> list[dict[str, Any]]:
        """Titles of the two plots, as annotations."""
        ends = f"{_colored('λ<sub>max</sub>', OUTLIER_COLOR)} and {_colored('λ<sub>min</sub>', LOWEST_COLOR)}"
        quiet = {
            "xref": "paper",
            "yref": "paper",
            "x": BESIDE[0],
            "xanchor": "left",
            "yanchor": "bottom",
            "yshift": 3,
            "showarrow": False,
            "font": {"size": 12, "color": ink(self.dark).text},
        }
        titles = ((ends, UPPER[1]), (_colored("trace", ink(self.dark).accent), LOWER[1]))
        return [{**quiet, "text": text, "y": y} for text, y in titles]


def step_scale(steps: tuple[int, ...]) -> Scale:
    """Linear where checkpoints lie evenly, logarithmic where they crowd at the beginning."""
    gaps = np.diff(steps)
    return Scale("symlog", linear_width=1.0) if len(gaps) and gaps.max() > 8 * gaps.min() else Scale("linear")


def _symlog(values: np.ndarray, least_width: float = 0.0) -> Scale:
    return Scale("symlog", linear_width=max(float(np.abs(values).max()) * 1e-3, least_width, 1e-300))


def spaced(ticks: np.ndarray, apart: float) -> list[int]:
    """Which ticks to keep so that any two are `apart`: zero first, then from the outermost inward.

    >>> spaced(np.array([-1.0, -0.1, 0.0, 0.1, 1.0]), 0.3)
    [0, 2, 4]
    """
    chosen: list[int] = []
    for i in sorted(range(len(ticks)), key=lambda i: -abs(ticks[i]) if ticks[i] else -np.inf):
        if all(abs(ticks[i] - ticks[j]) >= apart for j in chosen):
            chosen.append(i)
    return sorted(chosen)


def _colored(text: str, color: str) -> str:
    return f"<span style='color:{color}'>{text}</span>"

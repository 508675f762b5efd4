"""The eigenvalue histogram: (spectrum, look) → plotly figure, on a symmetric-logarithmic axis."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from lossnav.core import Spectrum

from .scales import Scale
from .style import contour_color
from .theme import axis, base_layout, ink

BINS = 90
OUTLIER_COLOR = contour_color("perplexity")
LAW_COLOR = contour_color("density")


def spectrum_scale(spectrum: Spectrum) -> Scale:
    """Symmetric-logarithmic, linear below a thousandth of the largest |λ|."""
    largest = max(abs(spectrum.top[0]), abs(spectrum.bottom[0]), 1e-300)
    return Scale("symlog", linear_width=float(largest) * 1e-3)


def spectrum_figure(
    spectrum: Spectrum, dark: bool, law: tuple[float, float] | None = None, height: int | None = None
) -> go.Figure:
    """Share of the eigenvalues in each bin, bulk and outliers told apart; the largest eigenvalues marked below.

    law  (p/n, σ²) of the Marchenko–Pastur law to draw over it, where it applies
    """
    colors, scale = ink(dark), spectrum_scale(spectrum)
    edges = _edges(spectrum, scale)
    middles, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    shares, _ = np.histogram(scale.apply(spectrum.eigenvalues), bins=edges, weights=spectrum.weights)
    outer = scale.invert(middles) > _gap(spectrum)
    figure = go.Figure(layout=base_layout(dark, {"l": 64, "r": 12, "t": 12, "b": 48}))
    for name, chosen, color in (("bulk", ~outer, colors.accent), ("outliers", outer, OUTLIER_COLOR)):
        drawn = chosen & (shares > 0)
        figure.add_trace(
            go.Bar(
                x=middles[drawn],
                y=shares[drawn],
                width=widths[drawn],
                marker_color=color,
                name=name,
                hovertemplate="share %{y:.3~g}<extra></extra>",
            )
        )
    if law is not None:
        figure.add_trace(_law(law, scale, edges))
    lowest = float(shares[shares > 0].min())
    figure.add_trace(_marks(spectrum, scale, dark, 10 ** (np.log10(lowest) - 0.5)))
    positions, labels = scale.ticks(scale.invert(edges), 9)
    ends = [float(edges[0]), float(edges[-1])]
    figure.update_xaxes(**axis(dark, "eigenvalue"), tickvals=positions.tolist(), ticktext=labels, range=ends)
    figure.update_yaxes(
        **axis(dark, "share of eigenvalues"),
        type="log",
        range=[np.log10(lowest) - 0.8, np.log10(min(1.0, 3 * shares.max()))],
        exponentformat="power",
        dtick=1,
    )
    figure.update_layout(
        height=height,
        bargap=0,
        barmode="overlay",
        showlegend=True,
        legend={"orientation": "h", "y": 1.08, "x": 0},
        uirevision="spectrum",
    )
    return figure


def marchenko_pastur(values: np.ndarray, ratio: float, variance: float) -> np.ndarray:
    """Density of the Marchenko–Pastur law at `values`, for p/n = ratio ≤ 1 and noise variance σ².

    >>> grid = np.linspace(0.2, 2.3, 20001)
    >>> round(float(np.sum(marchenko_pastur(grid, 0.25, 1.0)) * (grid[1] - grid[0])), 3)
    1.0
    """
    low, high = (variance * (1 + s * ratio**0.5) ** 2 for s in (-1, 1))
    inside = (values > low) & (values < high)
    density = np.zeros_like(values, dtype=float)
    x = values[inside]
    density[inside] = np.sqrt((high - x) * (x - low)) / (2 * np.pi * variance * ratio * x)
    return density


def _edges(spectrum: Spectrum, scale: Scale) -> np.ndarray:
    ends = scale.apply(
        np.array([min(spectrum.eigenvalues[0], spectrum.bottom[0]), max(spectrum.eigenvalues[-1], spectrum.top[0])])
    )
    room = 0.02 * max(ends[1] - ends[0], 1e-9)
    return np.linspace(ends[0] - room, ends[1] + room, BINS + 1)


def _gap(spectrum: Spectrum) -> float:
    """The eigenvalue above which the outliers lie."""
    count = spectrum.outliers
    if count == 0 or count >= len(spectrum.top):
        return float("inf")
    return float(np.sqrt(spectrum.top[count - 1] * spectrum.top[count]))


def _law(law: tuple[float, float], scale: Scale, edges: np.ndarray) -> go.Scatter:
    """The law's mass in each bin, so that it is compared with the bars as they are."""
    fine = np.linspace(edges[0], edges[-1], 40 * BINS + 1)
    values = scale.invert(fine)
    middles = (values[1:] + values[:-1]) / 2
    mass = (marchenko_pastur(middles, *law) * np.diff(values)).reshape(BINS, 40).sum(1)
    drawn = mass > 1e-6
    line = {"color": LAW_COLOR, "width": 2}
    return go.Scatter(
        x=((edges[1:] + edges[:-1]) / 2)[drawn], y=mass[drawn], line=line, name="Marchenko–Pastur law", hoverinfo="skip"
    )


def _marks(spectrum: Spectrum, scale: Scale, dark: bool, height: float) -> go.Scatter:
    values = np.concatenate([spectrum.top, spectrum.bottom])
    residuals = np.concatenate([spectrum.residuals, spectrum.bottom_residuals])
    return go.Scatter(
        x=scale.apply(values),
        y=np.full(len(values), height),
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 9, "color": ink(dark).text},
        customdata=np.column_stack([values, residuals]),
        hovertemplate="λ %{customdata[0]:.4~g}<br>residual %{customdata[1]:.1~e}<extra></extra>",
        name="outermost eigenvalues",
    )

"""The eigenvalue histogram: (spectrum, look) → plotly figure, on a symmetric-logarithmic axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from lossnav.core import Spectrum

from ..shared.marchenko_pastur import LAW_LINE, marchenko_pastur
from ..shared.scales import Scale, format_value
from ..shared.style import SKY_BLUE, VERMILION
from .theme import axis, base_layout, ink

BINS = 90
OUTLIER_COLOR = VERMILION
LOWEST_COLOR = SKY_BLUE  # of λₘᵢₙ, beside λₘₐₓ in the outliers' colour
LEGEND = {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "font": {"size": 11.5}}
PAGE_MARGINS = {"l": 64, "r": 12, "t": 62, "b": 48}


@dataclass(frozen=True)
class Axes:
    """The axes that one or several spectra are drawn on, so that they compare.

    scale   of the eigenvalues
    edges   (BINS + 1,) of the bins, as positions on the scale
    lowest  the smallest share that is drawn; highest: the largest
    """

    scale: Scale
    edges: np.ndarray
    lowest: float
    highest: float

    @classmethod
    def of(cls, spectra: Sequence[Spectrum]) -> Axes:
        """Wide enough for all of `spectra`; shares far below a single eigenvalue's are the quadrature's noise."""
        scale = spectrum_scale(*spectra)
        low = min(min(s.eigenvalues[0], s.bottom[0]) for s in spectra)
        high = max(max(s.eigenvalues[-1], s.top[0]) for s in spectra)
        first, last = scale.apply(np.array([low, high]))
        room = 0.02 * max(last - first, 1e-9)
        edges = np.linspace(first - room, last + room, BINS + 1)
        drawn = np.concatenate([shares_in_bins(s, scale, edges) for s in spectra])
        single = min(1 / s.parameter_count for s in spectra)
        return cls(scale, edges, max(float(drawn[drawn > 0].min()), 0.1 * single), float(drawn.max()))

    @property
    def middles(self) -> np.ndarray:
        """Positions of the bins' middles."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    @property
    def mark_height(self) -> float:
        """The share at whose height the outermost eigenvalues are marked, below every bar."""
        return float(10 ** (np.log10(self.lowest) - 0.5))


def spectrum_scale(*spectra: Spectrum) -> Scale:
    """Symmetric-logarithmic, linear below a thousandth of the largest |λ|; of the flattest spectrum's, where there are several.

    No more than six decades are opened on either side of zero.
    """
    largest = [float(max(abs(s.top[0]), abs(s.bottom[0]))) for s in spectra]
    return Scale("symlog", linear_width=max(1e-3 * min(largest), 1e-6 * max(largest), 1e-300))


def spectrum_figure(
    spectrum: Spectrum, dark: bool, law: tuple[float, float] | None = None, height: int | None = None
) -> go.Figure:
    """Share of the eigenvalues in each bin, bulk and outliers told apart; the outermost eigenvalues marked below.

    law  (p/n, σ²) of the Marchenko–Pastur law to draw over it, where it applies
    """
    axes = Axes.of([spectrum])
    figure = go.Figure(spectrum_traces(spectrum, axes, dark), base_layout(dark, PAGE_MARGINS))
    if law is not None:
        figure.add_trace(law_trace(law, axes))
    figure.update_layout(height=height, annotations=[summary_note(spectrum, dark)])
    return dressed(figure, axes, dark)


def spectrum_traces(spectrum: Spectrum, axes: Axes, dark: bool) -> list[go.Bar | go.Scatter]:
    """Bulk, outliers and marks: always these three, so that they can be the frames of a film."""
    shares = shares_in_bins(spectrum, axes.scale, axes.edges)
    outer = axes.scale.invert(axes.middles) > outliers_above(spectrum)
    bars = [
        go.Bar(
            x=axes.middles,
            y=np.where(chosen & (shares > 0), shares, np.nan),
            width=np.diff(axes.edges),
            marker={"color": color, "line": {"width": 0}},
            name=name,
            hovertemplate="share %{y:.3~g}<extra></extra>",
        )
        for name, chosen, color in (("bulk", ~outer, ink(dark).accent), ("outliers", outer, OUTLIER_COLOR))
    ]
    return [*bars, _marks(spectrum, axes, dark)]


def law_trace(law: tuple[float, float], axes: Axes) -> go.Scatter:
    """The Marchenko–Pastur law's mass in each bin, so that it is compared with the bars as they are."""
    fine = np.linspace(axes.edges[0], axes.edges[-1], 40 * BINS + 1)
    values = axes.scale.invert(fine)
    middles = (values[1:] + values[:-1]) / 2
    mass = (marchenko_pastur(middles, *law) * np.diff(values)).reshape(BINS, 40).sum(1)
    drawn = mass > 1e-6
    return go.Scatter(
        x=axes.middles[drawn], y=mass[drawn], mode="lines", line=LAW_LINE, name="Marchenko–Pastur law", hoverinfo="skip"
    )


def summary_note(spectrum: Spectrum, dark: bool) -> dict[str, object]:
    """The line of text over the histogram, as an annotation."""
    return {
        "text": summary_text(spectrum),
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": 1,
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 32,
        "showarrow": False,
        "align": "left",
        "font": {"size": 12.5, "color": ink(dark).text},
    }


def summary_text(spectrum: Spectrum) -> str:
    """Outliers, and both ends with how well they are known."""
    ends = (
        ("λ<sub>max</sub>", spectrum.top[0], spectrum.residuals[0]),
        ("λ<sub>min</sub>", spectrum.bottom[0], spectrum.bottom_residuals[0]),
    )
    said = [f"<b>{name} {format_value(value)}</b> (residual {_order(miss)})" for name, value, miss in ends]
    count = spectrum.outliers
    return "   ".join([*said, f"<b>{count} outlier{'' if count == 1 else 's'}</b>"])


def _order(residual: float) -> str:
    return "0" if residual == 0 else format_value(residual, 1)


def dressed(figure: go.Figure, axes: Axes, dark: bool) -> go.Figure:
    """The figure with the histogram's axes and legend."""
    positions, labels = axes.scale.ticks(axes.scale.invert(axes.edges), 9)
    ends = [float(axes.edges[0]), float(axes.edges[-1])]
    figure.update_layout(
        xaxis={**axis(dark, "eigenvalue"), "tickvals": positions.tolist(), "ticktext": labels, "range": ends},
        yaxis={
            **axis(dark, "share of eigenvalues"),
            "type": "log",
            "range": [float(np.log10(axes.lowest)) - 0.8, min(0.1, float(np.log10(axes.highest)) + 0.4)],
            "exponentformat": "power",
            "dtick": 1,
        },
        bargap=0,
        barmode="overlay",
        showlegend=True,
        legend=LEGEND,
        uirevision="spectrum",
    )
    return figure


def shares_in_bins(spectrum: Spectrum, scale: Scale, edges: np.ndarray) -> np.ndarray:
    """(BINS,) the share of all eigenvalues in each bin."""
    return np.histogram(scale.apply(spectrum.eigenvalues), bins=edges, weights=spectrum.weights)[0]


def outliers_above(spectrum: Spectrum) -> float:
    """The eigenvalue above which the outliers lie."""
    count = spectrum.outliers
    if count == 0 or count >= len(spectrum.top):
        return float("inf")
    return float(np.sqrt(spectrum.top[count - 1] * spectrum.top[count]))


def _marks(spectrum: Spectrum, axes: Axes, dark: bool) -> go.Scatter:
    values = np.concatenate([spectrum.top, spectrum.bottom])
    residuals = np.concatenate([spectrum.residuals, spectrum.bottom_residuals])
    return go.Scatter(
        x=axes.scale.apply(values),
        y=np.full(len(values), axes.mark_height),
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 9, "color": ink(dark).text},
        customdata=np.column_stack([values, residuals]),
        hovertemplate="λ %{customdata[0]:.4~g}<br>residual %{customdata[1]:.1~e}<extra></extra>",
        name="outermost",
    )

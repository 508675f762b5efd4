"""The density of eigenvalues as a curve on a linear axis (Ghorbani et al. 2019), and the law of random data beside it.

A broadening of one width for all eigenvalues has no place on the histogram's symmetric-logarithmic axis: its bins near
zero are far narrower than the width, so that the curve would sink where the bulk is tallest.
"""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from lossnav.core import Spectrum

from ..shared.marchenko_pastur import LAW_LINE, marchenko_pastur
from .spectrum import LEGEND, PAGE_MARGINS, summary_note
from .theme import axis, base_layout, ink

POINTS = 2_000
OFFSETS = np.linspace(-4, 4, 17)  # in widths, about each outermost eigenvalue: an even grid may step over its peak


def density_figure(
    spectrum: Spectrum, dark: bool, law: tuple[float, float] | None = None, height: int | None = None
) -> go.Figure:
    """`spectrum.density` at its default width, on a linear axis; the outermost eigenvalues marked below.

    law  (p/n, σ²) of the Marchenko–Pastur law to draw over it, where it applies
    """
    colors, grid = ink(dark), density_grid(spectrum)
    values = spectrum.density(grid)
    # a tenth of the peak that one eigenvalue makes; what is below is the Gaussians' tails
    lowest = 0.1 / (spectrum.parameter_count * spectrum.default_width * np.sqrt(2 * np.pi))
    figure = go.Figure(layout=base_layout(dark, PAGE_MARGINS))
    figure.add_trace(
        go.Scatter(
            x=grid,
            y=np.maximum(values, 0.01 * lowest),
            mode="lines",
            line={"color": colors.accent, "width": 1.5},
            name="broadened density",
            hovertemplate="λ %{x:.3~g}<br>density %{y:.3~g}<extra></extra>",
        )
    )
    if law is not None:
        inside = marchenko_pastur(grid, *law)
        figure.add_trace(
            go.Scatter(
                x=grid[inside > 0],
                y=inside[inside > 0],
                mode="lines",
                line=LAW_LINE,
                name="Marchenko–Pastur law",
                hoverinfo="skip",
            )
        )
    ends = np.concatenate([spectrum.top, spectrum.bottom])
    marks = {"symbol": "line-ns-open", "size": 9, "color": colors.text}
    figure.add_trace(
        go.Scatter(
            x=ends,
            y=np.full(len(ends), 10 ** (np.log10(lowest) - 0.4)),
            mode="markers",
            marker=marks,
            name="outermost",
            hovertemplate="λ %{x:.4~g}<extra></extra>",
        )
    )
    figure.update_xaxes(**axis(dark, "eigenvalue"))
    figure.update_yaxes(
        **axis(dark, "density"),
        type="log",
        range=[float(np.log10(lowest)) - 0.8, float(np.log10(max(values.max(), 10 * lowest))) + 0.2],
        exponentformat="power",
        dtick=1,
    )
    figure.update_layout(
        height=height, showlegend=True, legend=LEGEND, annotations=[summary_note(spectrum, dark)], uirevision="density"
    )
    return figure


def density_grid(spectrum: Spectrum) -> np.ndarray:
    """Where the density is looked at, ascending: evenly, and closely about the outermost eigenvalues."""
    ends, width = np.concatenate([spectrum.top, spectrum.bottom]), spectrum.default_width
    low, high = min(ends.min(), spectrum.eigenvalues[0]), max(ends.max(), spectrum.eigenvalues[-1])
    even = np.linspace(low - 5 * width, high + 5 * width, POINTS)
    return np.unique(np.concatenate([even, (ends[:, None] + width * OFFSETS).ravel()]))

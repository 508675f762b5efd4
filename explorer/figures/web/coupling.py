"""Figures of coupling: λ(γ) as lines, and the layer × layer matrix as a heat map."""

from __future__ import annotations

from math import ceil, floor

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from lossnav.core.spectrum import student

from ..shared.plain_text import for_plotly
from ..shared.scales import Scale
from ..shared.style import COLORMAPS, GAP_COLOR, TERRAIN_NAME
from .spectrum import LOWEST_COLOR, OUTLIER_COLOR
from .theme import axis, base_layout, ink

MOST_LINES = 5  # at each end of the spectrum
MOST_LABELS = 18  # layer names on an axis
MOST_LETTERS = 22
MOST_NUMBERS = 8  # layers up to which every cell has its number in it


def sweep_figure(sweep: xr.DataArray, dark: bool, height: int | None = None) -> go.Figure:
    """The largest and the smallest eigenvalues of diag A + γ (A − diag A) against γ, on a symmetric-logarithmic axis."""
    values, gammas = sweep.values, sweep["gamma"].values
    ends = min(MOST_LINES, values.shape[1] // 2) or 1
    groups = ((range(ends), OUTLIER_COLOR, "largest"), (range(-1, -ends - 1, -1), LOWEST_COLOR, "smallest"))
    drawn = np.concatenate([values[:, list(columns)] for columns, _, _ in groups], 1)
    scale = Scale("symlog", linear_width=max(float(np.abs(drawn).max()), 1e-300) * 1e-3)
    figure = go.Figure(layout=base_layout(dark, {"l": 70, "r": 60, "t": 34, "b": 48}))
    for columns, color, name in groups:
        for order, column in enumerate(columns):
            figure.add_trace(
                go.Scatter(
                    x=gammas,
                    y=scale.apply(values[:, column]),
                    mode="lines+markers",
                    line={"color": color, "width": 2.5 if order == 0 else 1.2},
                    marker={"size": 6 if order == 0 else 4},
                    opacity=1.0 if order == 0 else 0.55,
                    customdata=values[:, column],
                    hovertemplate=f"γ %{{x:.2~g}}<br>{_rank(name, order)} %{{customdata:.4~g}}<extra></extra>",
                    name=f"{name} {ends}" if ends > 1 else name,
                    legendgroup=name,
                    showlegend=order == 0,
                )
            )
    positions, labels = scale.ticks(drawn, 8)
    figure.update_xaxes(**axis(dark, "γ: 0 is the diagonal alone, 1 the matrix itself"), range=[-0.03, 1.03])
    figure.update_yaxes(**axis(dark, "eigenvalue"), tickvals=positions.tolist(), ticktext=labels)
    for column, name in ((0, "λ<sub>max</sub>"), (-1, "λ<sub>min</sub>")):
        y = float(scale.apply(values[-1:, column])[0])
        figure.add_annotation(
            x=1.03, y=y, text=name, showarrow=False, xanchor="left", font={"size": 13, "color": ink(dark).text}
        )
    legend = {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0}
    figure.update_layout(height=height, showlegend=True, legend=legend, uirevision="sweep")
    return figure


def _rank(name: str, order: int) -> str:
    return name if order == 0 else f"{name}, number {order + 1}"


def matrix_figure(matrix: xr.DataArray, dark: bool, height: int | None = None) -> go.Figure:
    """Layer × layer coupling as a heat map; no more names on its axes than can be read, every one on hover."""
    names = [str(name) for name in matrix["layer"].values]
    values, exact = matrix.values, bool(matrix.attrs["exact"])
    errors = (0.0 if exact else student(matrix.attrs["probes"] - 1)) * matrix["standard_error"].values
    finite = np.append(values[np.isfinite(values)], 1.0)
    lowest, highest = min(floor(10 * finite.min()) / 10, 0.9), float(finite.max())
    gap = 1 if len(names) <= MOST_LABELS else 0
    hover = "%{customdata[0]} × %{customdata[1]}<br>coupling %{z:.3~f}"
    layout = base_layout(dark, {"l": 8, "r": 8, "t": 10, "b": 8})
    figure = go.Figure(layout=layout.update(plot_bgcolor=GAP_COLOR))
    figure.add_trace(
        go.Heatmap(
            z=values,
            x=list(range(len(names))),
            y=list(range(len(names))),
            colorscale=COLORMAPS[TERRAIN_NAME],  # the property's own map ends in white, which a page of white cells hides
            zmin=lowest,
            zmax=highest,
            customdata=np.array([[(for_plotly(a), for_plotly(b), e) for b, e in zip(names, row, strict=True)]
                                 for a, row in zip(names, errors, strict=True)], dtype=object),
            hovertemplate=hover + ("" if exact else " ± %{customdata[2]:.1~g} (95 %)") + "<extra></extra>",
            text=_numbers(values),
            texttemplate="%{text}" if len(names) <= MOST_NUMBERS else None,
            textfont={"size": 13},
            xgap=gap,
            ygap=gap,
            colorbar={
                "title": {"text": "coupling", "side": "right", "font": {"size": 12, "color": ink(dark).faint}},
                "thickness": 12,
                "outlinewidth": 0,
                "tickfont": {"size": 11, "color": ink(dark).faint},
            },
        )
    )  # fmt: skip
    shown = list(range(0, len(names), ceil(len(names) / MOST_LABELS)))
    ticks = {"tickvals": shown, "ticktext": [for_plotly(shortened(names[i])) for i in shown], "showgrid": False}
    quiet = {**axis(dark, ""), **ticks, "range": [-0.5, len(names) - 0.5], "automargin": True, "constrain": "domain"}
    figure.update_xaxes(**quiet, tickangle=-40 if max(map(len, names)) > 3 else 0, constraintoward="right")
    reversed_range = [len(names) - 0.5, -0.5]
    figure.update_yaxes(**{**quiet, "range": reversed_range}, scaleanchor="x")
    figure.update_layout(height=height, uirevision="matrix")
    return figure


def _numbers(values: np.ndarray) -> list[list[str]]:
    return [[f"{v:.2f}" if np.isfinite(v) else "none" for v in row] for row in values]


def shortened(name: str) -> str:
    """A layer's name, its end kept, where two layers differ.

    >>> shortened("encoder.blocks.11.attention.output")
    '…cks.11.attention.output'
    """
    return name if len(name) <= MOST_LETTERS + 2 else f"…{name[-MOST_LETTERS - 1 :]}"

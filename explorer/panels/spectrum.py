"""Eigenvalues at one place: the histogram, and the numbers beside it."""

from __future__ import annotations

import html

import plotly.graph_objects as go
import streamlit as st
from lossnav.core import Spectrum
from lossnav.core.spectrum import read_spectrum

from ..figures.shared.scales import format_value
from ..figures.shared.shares import flat_text, index_text
from ..figures.web.spectral_density import density_figure
from ..figures.web.spectrum import spectrum_figure
from ..request.spectrum import HISTOGRAM, SpectrumRequest, spectral_law
from .first_look import first_look
from .progress import origin, read_or_repair, waiting_panel

# Figures are as high as the window leaves room for; the page's toolbar reaches a little below the header.
_CSS = """<style>
  .st-key-spectrum_head { margin-top: 0.5rem; }
  .st-key-spectrum_plot { --tall: max(380px, calc(100vh - 212px)); }
  .st-key-spectrum_plot :is(.stElementContainer:has(.stPlotlyChart), .stFullScreenFrame, .stPlotlyChart) {
    height: var(--tall) !important; min-height: var(--tall) !important; }
</style>"""


def spectrum_style() -> None:
    """This page's own style sheet."""
    st.html(_CSS)


def chart(figure: go.Figure, key: str, alt: str) -> None:
    """A figure of this page, as high as the window allows."""
    config = {"displayModeBar": False}
    st.plotly_chart(figure, theme=None, key=key, height="stretch", config=config, alt=alt)


def spectrum_panel(request: SpectrumRequest, shape: str) -> None:
    """Compute what is missing, then draw it; `shape` is one of SHAPES."""
    if not waiting_panel(request):
        first_look(request)
        return
    read = read_or_repair(request, read_spectrum)
    if read is None:
        return
    spectrum, about = read
    law, dark = spectral_law(request, about), st.context.theme.type == "dark"
    left, right = st.columns([1.9, 1], gap="medium")
    with left.container(key="spectrum_plot"):
        if shape == HISTOGRAM:
            chart(spectrum_figure(spectrum, dark, law), "spectrum", "Eigenvalue histogram")
            st.caption("Eigenvalues in nats per squared parameter unit, on a symmetric-logarithmic axis.")
        else:
            chart(density_figure(spectrum, dark, law), "spectrum", "Density of the eigenvalues")
            st.caption(
                f"Each eigenvalue broadened to a Gaussian of standard deviation {format_value(spectrum.default_width)}."
            )
    with right:
        spectrum_numbers(spectrum)
        origin(request)


def spectrum_numbers(spectrum: Spectrum) -> None:
    """Summary, and the outermost eigenvalues with their residuals."""
    rows = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in summary(spectrum))
    st.html(f"<dl class='card'>{rows}</dl>")
    values = [(v, r) for v, r in zip(spectrum.top, spectrum.residuals, strict=True)]
    values += [(v, r) for v, r in zip(spectrum.bottom, spectrum.bottom_residuals, strict=True)]
    table = {
        "eigenvalue": [format_value(v, 4) for v, _ in values],
        "residual ‖Av − λv‖/|λ|": [format_value(r, 2) for _, r in values],
    }
    st.dataframe(table, hide_index=True, height=min(38 + 35 * len(values), 300))


def summary(spectrum: Spectrum) -> list[tuple[str, str]]:
    """(what, value) of everything that one line can say."""
    how = (
        "exact, every eigenvalue"
        if spectrum.method == "exact"
        else f"stochastic Lanczos quadrature, {spectrum.steps} steps × {spectrum.probes} probes"
    )
    trace = format_value(spectrum.trace) + (
        "" if spectrum.trace_se == 0 else f" ± {format_value(spectrum.trace_reach, 2)} (95 %)"
    )
    return [
        ("Outliers, above the largest gap in ln λ", str(spectrum.outliers)),
        ("Trace", trace),
        ("Convexity |λₘᵢₙ / λₘₐₓ|", format_value(spectrum.convexity)),
        ("Share with |λ| ≤ 0.01 λₘₐₓ", flat_text(spectrum)),
        ("Share of negative eigenvalues", index_text(spectrum)),
        ("Found by", how),
    ]

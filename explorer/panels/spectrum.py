"""The numbers beside an eigenvalue histogram."""

from __future__ import annotations

import html

import streamlit as st
from lossnav.core import Spectrum

from ..figures.scales import format_value


def spectrum_numbers(found: Spectrum) -> None:
    """Summary, and the outermost eigenvalues with their residuals."""
    rows = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in summary(found))
    st.html(f"<dl class='card'>{rows}</dl>")
    values = [(v, r) for v, r in zip(found.top, found.residuals, strict=True)]
    values += [(v, r) for v, r in zip(found.bottom, found.bottom_residuals, strict=True)]
    table = {
        "eigenvalue": [format_value(v, 4) for v, _ in values],
        "residual ‖Av − λv‖/|λ|": [format_value(r, 2) for _, r in values],
    }
    st.dataframe(table, hide_index=True, height=min(38 + 35 * len(values), 300))


def summary(found: Spectrum) -> list[tuple[str, str]]:
    """(what, value) of everything that one line can say."""
    how = (
        "exact, every eigenvalue"
        if found.method == "exact"
        else f"stochastic Lanczos quadrature, {found.steps} steps × {found.probes} probes"
    )
    trace = format_value(found.trace) + ("" if found.trace_se == 0 else f" ± {format_value(found.trace_se, 2)}")
    return [
        ("Outliers, above the largest gap in ln λ", str(found.outliers)),
        ("Trace", trace),
        ("Convexity |λ_min / λ_max|", format_value(found.convexity)),
        ("Share with |λ| ≤ 0.01 λ_max", format_value(found.flat_share())),
        ("Share of negative eigenvalues", format_value(found.index)),
        ("Found by", how),
    ]

"""How far to trust the plane: one line that is always there, and the figures behind it."""

from __future__ import annotations

import html
from typing import Any

import streamlit as st
import xarray as xr
from lossnav.core.spectrum import student

from ..figures.shared.scales import format_value
from ..figures.web.trust import band_figure, path_figure
from ..summaries.constant import constant_sentences
from ..summaries.forward import forward_sentences
from ..summaries.further_samples import samples_table
from ..summaries.trust import sentences


def trust_panel(land: xr.Dataset, dark: bool) -> None:
    """The line, and a panel that opens on the figures."""
    fidelity = land.lossnav.fidelity or {}
    left, right = st.columns([6, 1], vertical_alignment="center", gap="small")
    said = " ".join(
        html.escape(sentence, quote=False)
        for sentence in [*sentences(land, fidelity), *forward_sentences(land), *constant_sentences(land)]
    )
    left.html(f"<p class='trust'><b>How far to trust this plane.</b> {said}</p>")
    if fidelity:
        with right.popover("More", key="trust_more", width="stretch", on_change="rerun") as panel:
            if panel.open:
                _details(land, fidelity, dark)


def _details(land: xr.Dataset, fidelity: dict[str, Any], dark: bool) -> None:
    if "band" in fidelity:
        st.markdown(
            f"**Other draws.** Loss along {fidelity['band']['slices'][0]} single directions of other seeds: the mean and the "
            "band of 80 % of them. A random slice sees the mean curvature only, so a saddle can look like a bowl."
        )
        st.plotly_chart(band_figure(fidelity["band"], dark), theme=None, key="band", config={"displayModeBar": False})
    if "path" in fidelity and "path_step" in land:
        st.markdown(
            "**The path above the plane.** The loss at each checkpoint, and the plane's loss under it, which differ by what lies "
            "off the plane. BatchNorm statistics at a checkpoint are its own where the checkpoints hold them, else as on the "
            "plane: under the trained network's an earlier checkpoint can be far worse than it was in training. "
            '`Problem(…, batchnorm="recalibrate")` recomputes them at every point.'
        )
        steps = land["path_step"].values.tolist()
        st.plotly_chart(
            path_figure(fidelity["path"], steps, dark), theme=None, key="path", config={"displayModeBar": False}
        )
    rows = samples_table(land)
    if rows:
        st.markdown(
            "**Other examples.** What curvature reads at the centre on the examples that it was measured on, on as many others, "
            "and on more. Intervals beside the readouts do not hold this: they are of these examples."
        )
        st.table(rows)
    if fidelity.get("trace") is not None:
        st.caption(
            f"tr H = {format_value(fidelity['trace'])} ± {format_value(student(15) * fidelity['trace_se'], 2)} (95 %, Hutchinson, 16 probes)."
        )

"""Panel beside a density map: the two claims, how the map was made, and the example that was clicked."""

from __future__ import annotations

import base64
import html
import json
from io import BytesIO

import streamlit as st
import xarray as xr
from lossnav.core.density import DensityInfo
from matplotlib.image import imsave

from ..figures.shared.density_scale import numbers_of
from ..figures.shared.example_image import as_image
from ..figures.shared.scales import format_value

MOST_TOKENS = 40
BADGES = {"supported": "#0F766E", "not supported": "#B45309", "undecided": "#6B7280"}
_CSS = """
<style>
  .st-key-density_map { --tall: max(400px, calc(100vh - 152px)); }
  .st-key-claim_plot { --tall: clamp(170px, calc(100vh - 490px), 420px); }
  :is(.st-key-density_map, .st-key-claim_plot) :is(.stElementContainer, .stFullScreenFrame, .stPlotlyChart) {
    height: var(--tall) !important; min-height: var(--tall) !important; }
  .claim { font-size: 0.87rem; line-height: 1.4; margin: 0 0 0.2rem; padding-top: 0.15rem; }
  .claim b { font-weight: 650; }
  .claim .verdict { color: white; border-radius: 0.6rem; padding: 0.05rem 0.5rem; font-size: 0.76rem; white-space: nowrap;
                    margin-left: 0.3rem; }
  .example { display: flex; gap: 0.9rem; align-items: flex-start; font-size: 0.82rem; line-height: 1.5; }
  .example img { width: 96px; height: auto; image-rendering: pixelated; border: 1px solid #8885; border-radius: 3px; }
  .example .tokens { max-width: 11rem; font-variant-numeric: tabular-nums; opacity: 0.85; }
  .example dl { font-size: 0.82rem; line-height: 1.5; display: grid; grid-template-columns: auto auto; gap: 0 0.9rem; margin: 0 !important; padding: 0 !important; }
  .example :is(dt, dd) { margin: 0 !important; padding: 0 !important; }
  .example dt { opacity: 0.75; } .example dd { text-align: right; font-weight: 550; }
</style>
"""


def density_style() -> None:
    """Heights that make the page fit the window."""
    st.html(_CSS)


def available_color(dataset: xr.Dataset, wanted: str) -> str:
    """The variable that was asked for; where it does not exist, the loss, and a sentence that says why."""
    if wanted in dataset:
        return wanted
    reason = DensityInfo.of(dataset).unavailable[wanted]
    st.caption(f":material/info: Coloured by loss, for {reason}.")
    return "loss"


def claim_sentences(density_map: xr.Dataset) -> None:
    """Each claim with its verdict and the sentence that says why."""
    for claim in DensityInfo.of(density_map).claims:
        name = html.escape(claim["name"][0].upper() + claim["name"][1:])
        badge = f"<span class='verdict' style='background:{BADGES[claim['verdict']]}'>{claim['verdict']}</span>"
        sentence = html.escape(claim["sentence"].replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}"))
        rule = html.escape(claim["rule"], quote=True)
        st.html(f"<p class='claim' title='{rule}'><b>{name}</b> {badge}<br>{sentence}</p>")


def map_facts(dataset: xr.Dataset) -> str:
    """How the map was made, in one line under it."""
    info = DensityInfo.of(dataset)
    texts = [
        "Lines hold 10, 30, 50, 70, 90 and 99 % of the estimated density",
        f"bandwidth {format_value(dataset.attrs['bandwidth'])} map units, by {dataset.attrs['bandwidth_rule']}",
    ]
    if info.explained:
        texts.append(f"the map shows {format_value(100 * sum(info.explained))} % of the variance")
    return ". ".join(["; ".join(texts), *(note.rstrip(".") for note in info.notes)]) + "."


def example_panel(dataset: xr.Dataset, example: int | None) -> None:
    """The clicked example: its picture or its tokens, its class and numbers."""
    if example is None:
        st.caption("Click an example to see it.")
        return
    label = [("class", str(int(dataset["label"][example])))] if "label" in dataset else []
    rows = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>"
        for name, value in [("example", str(example)), *label, *numbers_of(dataset, example)]
    )
    st.html(f"<div class='example'>{_shown(dataset, example)}<dl>{rows}</dl></div>")


def _shown(dataset: xr.Dataset, example: int) -> str:
    if "input" not in dataset:
        return ""
    values, shape = dataset["input"].values[example], tuple(json.loads(dataset["input"].attrs["shape"]))
    image = as_image(values, shape, float(dataset["input"].min()), float(dataset["input"].max()))
    if image is not None:
        file = BytesIO()
        imsave(file, image, cmap="gray", vmin=0, vmax=255, format="png")
        return f"<img alt='Input {example}' src='data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}'>"
    if dataset["input"].attrs.get("tokens"):
        more = " …" if len(values) > MOST_TOKENS else ""
        return f"<div class='tokens'>{' '.join(str(int(v)) for v in values[:MOST_TOKENS])}{more}</div>"
    return ""

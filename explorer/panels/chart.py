"""A chart that stays: one Plotly chart is kept over reruns and changed in place, with its camera.

Streamlit's own chart has its content in its identity, so each change builds it anew: a second of blinking for a
surface. The browser fetches figures by their digest (`delivered`): what has not changed is not sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from ..controls.address import CAMERA
from ..delivered import figure_path, library_path

_LOADER, _LINE, _CHART = (
    Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("library.js", "line.js", "chart.js")
)
_HTML = "<div class='lossnav-chart' role='img'></div>"
_CSS = ".lossnav-chart { height: var(--tall, 400px); width: 100%; }"

_mount = st.components.v2.component(
    "lossnav_chart", html=_HTML, css=_CSS, js=_LOADER + _LINE + _CHART, isolate_styles=False
)

_LOAD = "export default ({ data: { library } }) => { window.lossnavPlotly(library).catch(() => {}); };"
_mount_library = st.components.v2.component("lossnav_library", html="<span></span>", js=_LOADER + _LOAD)

_PULSE = """
const timers = new WeakMap();
export default function ({ data, parentElement, setTriggerValue }) {
  clearTimeout(timers.get(parentElement));
  timers.set(parentElement, setTimeout(() => setTriggerValue("again", data.number), data.after));
  return () => clearTimeout(timers.get(parentElement));
}
"""
_mount_pulse = st.components.v2.component("lossnav_pulse", html="<span></span>", js=_PULSE)


def chart(
    place: str,
    figure: str,
    name: str,
    alt: str,
    *,
    config: dict[str, Any] | None = None,
    on_pick: Callable[[], None] | None = None,
    on_turn: Callable[[], None] | None = None,
    on_line: Callable[[], None] | None = None,
    together: str = "",
) -> Any:
    """A figure as high as the style sheet's --tall for the container `place`.

    Parameters
    ----------
    figure   its JSON text
    name     the chart's key
    alt      what it shows, for screen readers
    config   plotly.js's options
    together  surfaces with the same word turn together
    on_pick  called when a point is clicked; the coordinates are then in `.picked` of the result
    on_line  called when a line was dragged over a map; its ends are then in `.dragged` of the result
    on_turn  called when the surface was turned, and has the address hold its camera; the surface starts from the one there

    Returns
    -------
    the component's values: `.camera` (plotly's, once it was turned), `.picked` (x, y) where just clicked,
    `.dragged` (x, y, x, y) where a line was just dragged
    """
    data = {
        "name": name,
        "figure": _base() + figure_path(figure),
        "alt": alt,
        "config": {"displayModeBar": False, **(config or {})},
        "library": _base() + library_path(),
        "picks": on_pick is not None,
        "draws": on_line is not None,
        "together": together,
        "address": "" if on_turn is None else CAMERA,
    }
    with st.container(key=place):
        return _mount(
            key=name,
            data=data,
            on_camera_change=on_turn or _nothing,
            on_picked_change=on_pick or _nothing,
            on_dragged_change=on_line or _nothing,
            on_lost_change=_nothing,
        )


def expect_charts() -> None:
    """Have the browser fetch what draws them, while the server is still at work on what they show."""
    with st.container(key="library"):
        _mount_library(key="drawing_library", data={"library": _base() + library_path()})


def ask_again(milliseconds: int) -> None:
    """Have this part of the page run again after a while, when what was sent is drawn."""
    st.session_state["asked"] = st.session_state.get("asked", 0) + 1
    with st.container(key="pulse"):
        _mount_pulse(
            key="pulse_again",
            data={"after": milliseconds, "number": st.session_state["asked"]},
            on_again_change=_nothing,
        )


def _base() -> str:
    """Prefix of every path of this server."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return f"/{base}" if base else ""


def _nothing() -> None:
    """A value without a callback of ours; Streamlit keeps only values that have one."""

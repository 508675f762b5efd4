"""Keeps the 3-D view's camera: Streamlit draws a changed figure anew and reports no camera of the old one.

An unseen component tells when the surface was turned. It lives in a fragment, so turning redraws nothing; the next
figure, and a figure for print, start from where the view was left.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

Camera = dict[str, dict[str, float]]  # plotly's "eye", "center" and "up", each {"x", "y", "z"}

_SCRIPT = """
export default function (component) {
  const { setStateValue } = component;
  let seen = "", told = "";
  const look = () => {
    const plot = document.querySelector(".st-key-terrain3d .js-plotly-plot");
    const scene = plot && plot._fullLayout && plot._fullLayout.scene && plot._fullLayout.scene._scene;
    if (!scene || !scene.getCamera) return;
    const { eye, center, up } = scene.getCamera();
    const text = JSON.stringify([eye, center, up], (k, v) => typeof v === "number" ? Number(v.toFixed(3)) : v);
    if (told === "") told = text;                       // where it started from is known
    if (text === seen && text !== told) { told = text; setStateValue("camera", { eye, center, up }); }
    seen = text;                                        // told only when it rests
  };
  const timer = setInterval(look, 250);
  return () => clearInterval(timer);
}
"""


@st.cache_resource
def _component() -> Any:
    return st.components.v2.component("lossnav_camera", js=_SCRIPT)


def camera() -> Camera:
    """The page's camera: empty until it was turned; the same object through a session, so that who holds it sees turns."""
    return st.session_state.setdefault("camera", {})


@st.fragment
def watch_camera() -> None:
    """Put the watching component on the page."""
    told = _component()(key="camera_watch", on_camera_change=lambda: None).camera
    if told:
        camera().update({part: dict(told[part]) for part in ("eye", "center", "up")})

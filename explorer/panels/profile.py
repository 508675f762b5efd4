"""A profile: chosen on the map or between two networks, measured on a press, with every readout and the barrier."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st
import xarray as xr
from lossnav.core import InputError, read_landscape
from lossnav.core.checks import first_line
from lossnav.core.properties import PROPERTIES
from lossnav.core.survey import DamagedError

from ..controls.profile import (
    NETWORKS,
    forget_line,
    keep_line,
    map_controls,
    network_controls,
    way_control,
    whole_control,
)
from ..figures.shared.plain_text import for_markdown
from ..figures.web.line import is_slice
from ..figures.web.profile import profile_figure
from ..request.profile import Place, ProfileRequest
from ..request.survey import SurveyRequest
from ..summaries.profile import barrier_of, barrier_sentence, curve_sentence, kept_alignment_text, read_curve
from .progress import jobs, read_or_repair, waiting_panel


def profile_panel(
    request: SurveyRequest, land: xr.Dataset, cell: tuple[int, int], held: tuple[Place, Place] | None
) -> None:
    """The panel; the address holds the line, and nothing is measured before a press."""
    with st.popover("Profile", key="profile", width="stretch", on_change="rerun", disabled=is_slice(land)) as panel:
        if not panel.open:
            return
        with st.container(key="profile_body"):
            way, whole = way_control(), whole_control()
            if way == NETWORKS:
                wanted = _between(request, whole)
            else:
                picked = (float(land["alpha"].values[cell[0]]), float(land["beta"].values[cell[1]]))
                ends = map_controls(picked, held)
                wanted = ProfileRequest.across(request, ends, whole) if ends[0] != ends[1] else None
                if wanted is None:
                    st.caption(
                        "Drag a line over the map; or click it for another place, and take that over as “From” or “To”."
                    )
                elif ends != held:
                    keep_line(ends)
                    st.rerun()
            if wanted is not None:
                _shown(wanted)
            if held is not None and way != NETWORKS:
                st.button("Take the line off the map", key="profile_off", on_click=forget_line)


def _between(request: SurveyRequest, whole: bool) -> ProfileRequest | None:
    try:
        wanted = network_controls(request, whole)
    except InputError as error:
        st.caption(str(error))
        return None
    first, second = str(wanted.plane.values["between"]).split(",")
    if first == second:
        st.caption("A line needs two networks: choose another.")
        return None
    return wanted


def _shown(wanted: ProfileRequest) -> None:
    what = "33 points of the line" + (", with curvature and descents" if wanted.whole else ", forward passes")
    what += ", and 400 steps of training for the curve." if wanted.curve else "."
    if _damaged(wanted, "_profile"):
        return
    if not waiting_panel(wanted, _ready(wanted), offer=(f"Not measured yet: {what}", "Measure"), name="_profile"):
        return
    land, before = read_landscape(wanted.path), None
    curve = read_or_repair(wanted, read_curve, wanted.curve_file) if wanted.curve else None
    if wanted.align:
        plain, offer = wanted.unaligned, ("Beside it, the same without alignment.", "Measure")
        if not _damaged(plain, "_before") and waiting_panel(plain, _ready(plain), offer=offer, name="_before"):
            before = read_landscape(plain.path)
        if wanted.sidecar.exists():
            moved = read_or_repair(wanted, kept_alignment_text, wanted.sidecar)
            st.html(f"<p class='trust'>{html.escape(moved or '')}</p>")
    said = barrier_sentence(land)
    lines = [f"<b>{html.escape(said)}</b>"]
    lines += [f"Before alignment: {html.escape(barrier_sentence(before))}"] if before is not None else []
    lines += [html.escape(curve_sentence(*curve))] if curve is not None else []
    st.html(f"<p class='trust profile_said'>{'<br>'.join(lines)}</p>")
    dark = st.context.theme.type == "dark"
    figure = profile_figure(land, readouts_along(land), barrier_of(land), dark, before, curve and curve[:2])
    st.plotly_chart(figure, theme=None, key="profile_figure", config={"displayModeBar": False}, alt=said)


def _damaged(wanted: ProfileRequest, name: str) -> bool:
    """Whether the line's landscape cannot be read, which is said, with a way on."""
    job = jobs().of(wanted)
    if (job is not None and job.open) or not wanted.path.exists():
        return False
    try:
        read_landscape(wanted.path)
    except DamagedError as error:
        st.error(for_markdown(first_line(error)), icon=":material/error:")
    except (InputError, OSError):  # nothing measured yet
        return False
    else:
        return False
    if st.button("Measure it anew", key=f"anew{name}", type="primary"):
        jobs().start(wanted, overwrite=True)
        st.rerun()
    return True


def _ready(wanted: ProfileRequest) -> bool:
    """Whether all of it is measured."""
    try:
        land = read_landscape(wanted.path)
    except (InputError, OSError, KeyError):
        return False
    if wanted.curve and not wanted.curve_file.exists():
        return False
    return bool(all(land[name].values.all() for name in land.data_vars if str(name).startswith("measured")))


def readouts_along(land: xr.Dataset) -> Sequence[str]:
    """The first readout of each property that was measured along the line."""
    along = []
    for owner in PROPERTIES:
        known = [r.variable for r in owner.readouts if r.variable in land and not land[r.variable].isnull().all()]
        along += [name for name in known if land[name].dims == ("alpha", "beta")][:1]
    return along

"""Page "Terrain": choose a network and a plane; the surface, the map, and the properties over them."""

import streamlit as st
from lossnav.explorer.controls import survey
from lossnav.explorer.controls import terrain as controls
from lossnav.explorer.controls.paths import trainings_control
from lossnav.explorer.controls.profile import line_of_address
from lossnav.explorer.controls.walk import walks_of
from lossnav.explorer.figures.web.line import is_slice
from lossnav.explorer.figures.web.picking import nearest_cell
from lossnav.explorer.landscapes import best, exact_match
from lossnav.explorer.live.pool import Turning
from lossnav.explorer.live.snapshot import Snapshot
from lossnav.explorer.panels import live as turning_panel
from lossnav.explorer.panels.beside import beside_panel
from lossnav.explorer.panels.chart import expect_charts
from lossnav.explorer.panels.charts import drawn, landscape, map_chart, surface_chart
from lossnav.explorer.panels.check import check_panel
from lossnav.explorer.panels.compute import compute_panel
from lossnav.explorer.panels.export import export_panel
from lossnav.explorer.panels.facts import facts_line
from lossnav.explorer.panels.film import film_panel
from lossnav.explorer.panels.forecast import forecast_panel
from lossnav.explorer.panels.inside import inside_panel
from lossnav.explorer.panels.inspector import inspector
from lossnav.explorer.panels.keys import keys_panel
from lossnav.explorer.panels.legend import legend
from lossnav.explorer.panels.minima import marked_minima
from lossnav.explorer.panels.paths import drawn_paths
from lossnav.explorer.panels.point import point_panel
from lossnav.explorer.panels.profile import profile_panel
from lossnav.explorer.panels.progress import fineness, jobs, work_panel
from lossnav.explorer.panels.tour import tour_panel
from lossnav.explorer.panels.trust import trust_panel
from lossnav.explorer.panels.values import show_values, shown_readouts
from lossnav.explorer.panels.verdict import verdict_panel
from lossnav.explorer.panels.walk import drawn_walks, walk_panel
from lossnav.explorer.panels.workspace import drop_control, dropped_file, other_than_problem
from lossnav.explorer.request.survey import SurveyRequest
from lossnav.explorer.state import Source, View
from streamlit.delta_generator import DeltaGenerator

BEFORE = (
    "Measuring begins with the network’s own code, then shows a first picture of 9 × 9 points and sharpens it while you look; what "
    "runs, and how long it takes, stands above."
)
UNJUDGED = "Whether this plot is right is said once the survey has points of its own: this is a first picture."


def page() -> None:
    """Inputs, then the picture.

    What comes and goes has a place that is always there, so that nothing else moves, and nothing in use is built anew.
    """
    expect_charts()
    with st.sidebar:
        target = survey.model_control()
    if dropped_file() or other_than_problem(target):
        with st.sidebar:
            drop_control()
        return
    with st.sidebar:
        base, turning = survey.plane_controls(target)
        live = turning and turning_panel.allowed()
        request = base if live else survey.request_controls(base, live)
    st.session_state["surveyed"] = request
    notes, header, row, work, below = (st.container() for _ in range(5))
    with notes:
        check_panel(request.target, jobs().of(request) is not None or exact_match(request) is not None)
        if turning and not live:
            turning_panel.offer()
    if not live:
        turning_panel.rest()
    known = fineness(request)  # before the picture is chosen, which is then no coarser
    source = turning_panel.at_hand(request) if live else best(request) or turning_panel.seen(request)
    if not live:
        with work:
            forecast_panel(request)
            work_panel(request, known)
    with below:
        if source is None:
            empty(request, live)
            with st.sidebar:
                drop_control()
            return
        with row:
            info = source.points.info
            unavailable = turning_panel.reasons(info.unavailable) if live else info.unavailable
            switches = controls.switch_row(unavailable, info.facts, source.points.overlays)
        scene(request, source, switches, header, live)
    with st.sidebar:
        drop_control()


def empty(request: SurveyRequest, live: bool) -> None:
    """Before there is anything to draw."""
    if live:
        turning_panel.first_picture(request, lambda base: survey.request_controls(base, live))
    else:
        st.caption(BEFORE)
        beside_panel(request.target)


@st.fragment
def scene(
    request: SurveyRequest, source: Source, switches: controls.Switches, header: DeltaGenerator, live: bool
) -> None:
    """Everything that is drawn of a landscape; while the plane is turned, nothing but this runs again."""
    turning = None
    if live:
        with st.sidebar:
            request = survey.request_controls(request, live)
        turning = turning_panel.look_at(request)
        source = turning_panel.shown(turning, source)
    st.session_state["surveyed"] = request
    picture(request, source, switches, header, turning)


def picture(
    request: SurveyRequest, source: Source, switches: controls.Switches, header: DeltaGenerator, turning: Turning | None
) -> None:
    """The charts and what belongs to them."""
    answer = st.container(key="answer")  # above the picture; what it says needs the landscape
    left, right = st.columns([1.45, 1], gap="small")
    with left.container(key="over_picture", horizontal=True, horizontal_alignment="distribute"):
        with st.container(key="colorbox"):
            color = controls.color_control(switches.overlays)
        leaving = st.container(key="exportbox")
    settled = not isinstance(source, Snapshot)  # a first picture may be of a part of the examples
    settings = switches.settings(source.points.info.facts)
    land = landscape(source, settings)
    with st.sidebar:
        elevation, ground = controls.elevation_controls(land)
        with st.expander("Minima"):
            minima, counted = marked_minima(land, elevation.variable)
        others = () if turning is not None or is_slice(land) else trainings_control([request.target])
    dark = st.context.theme.type == "dark"
    walks, line = walks_of(request), line_of_address()
    walked, picked = drawn_walks(walks), st.session_state.get("picked")
    with answer:
        trained = drawn_paths(request, others)
    moved = (*trained, *walked)
    view = View(elevation, switches.overlays, color, picked, dark, switches.arrows, ground, moved, line, minima)
    charts = drawn(land, view, turning and turning.request)
    with header:
        facts_line(land, request.target, counted)
    if turning is None:
        with answer:
            if settled:
                verdict_panel(land)
            else:
                st.caption(UNJUDGED)
    with left:
        surface_chart(charts.surface)
        if turning is None:
            film_panel(land, [drawing.variable for drawing in switches.overlays.values()], request.target)
            trust_panel(land, dark)
        else:
            turning_panel.live_line(turning)
    with right:
        map_chart(charts.map, lines=turning is None and not is_slice(land))
        legend(land, charts.picture)
        cell = nearest_cell(land, view.point)
        with inspector(land, cell, shown_readouts(land, switches, elevation, ground)):
            measured, inside, walking, profiled = st.columns([1.45, 1.05, 0.9, 1.0], gap="xsmall")
            with measured:
                point_panel(request, land, cell, settings)
            with inside:
                inside_panel(request, land, cell)
            with walking:
                walk_panel(request, land, cell, walks, walked)
            with profiled:
                profile_panel(request, land, cell, line)
        keys_panel(land, cell)
        tour_panel()
    show_values(land, switches, view, turning_panel.lacking(source.points.info.unavailable))
    with st.sidebar:
        if turning is None:
            compute_panel(request)
            beside_panel(request.target, source.points.info.problem)
    with leaving:
        export_panel(land, lambda: source.measured(settings), charts.picture, request.target)
    if turning is not None:
        turning_panel.go_on(turning)


page()

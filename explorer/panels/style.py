"""The page's own style sheet: little more than room where Streamlit leaves too much or too little."""

from __future__ import annotations

import streamlit as st

_CSS = """
<style>
  .block-container { padding: 3.9rem 1.4rem 1rem; max-width: 2200px; }
  header[data-testid="stHeader"] { height: 2.8rem; }
  section[data-testid="stSidebar"] { width: 244px !important; min-width: 244px !important; }
  section[data-testid="stSidebar"] .block-container { padding-top: 1rem; }
  div[class*="st-key-switches_"] { gap: 0.1rem; }
  div[class*="st-key-switches_"] [data-testid="stHorizontalBlock"] { gap: 0.35rem; }
  div[class*="st-key-switches_"] [data-testid="stVerticalBlock"] { gap: 0; }
  .st-key-switches_derived { border-left: 2px solid var(--st-border-color, #8885); padding-left: 0.9rem; }
  div[class*="st-key-more_"] button { padding: 0 0.2rem; min-height: 1.5rem; opacity: 0.75; }
  .st-key-offer { min-height: 1.9rem; }
  .st-key-offer button { min-height: 1.75rem; padding: 0 0.6rem; font-size: 0.84rem; }
  .st-key-offer [data-testid="stCaptionContainer"] p { font-size: 0.82rem; line-height: 1.3; }
  .st-key-answer details { border: 0; background: none; }
  .st-key-answer details summary { padding: 0.1rem 0; min-height: 0; }
  .st-key-answer details summary p { font-size: 0.88rem; line-height: 1.35; }
  .st-key-answer details [data-testid="stExpanderDetails"] { padding: 0.2rem 0 0.4rem 1.6rem; }
  div[class*="st-key-line_"] { flex-wrap: nowrap !important; }
  .st-key-over_picture { margin-bottom: -2.9rem; position: relative; z-index: 5; pointer-events: none; }
  .st-key-over_picture > * { pointer-events: auto; width: fit-content; flex: 0 0 auto; }
  .st-key-terrain3d { --most-tall: max(360px, calc(100vh - 305px)); }
  [data-testid="stMain"]:has(.st-key-film) .st-key-terrain3d { --most-tall: max(320px, calc(100vh - 350px)); }
  .st-key-terrain2d { --tall: clamp(250px, calc(100vh - 440px), 680px); }
  :is(.st-key-terrain3d, .st-key-terrain2d) :is(.stElementContainer, .stFullScreenFrame, .stPlotlyChart) {
    height: var(--tall) !important; min-height: var(--tall) !important; }
  .st-key-terrain3d { container-type: inline-size; }
  .st-key-terrain3d > * { --tall: min(var(--most-tall), 73cqw); } /* a higher picture would cut the surface at its sides */
  :is(.st-key-pulse, .st-key-saving, .st-key-library, .st-key-undo), [data-testid="stLayoutWrapper"]:has(> :is(.st-key-pulse, .st-key-saving, .st-key-library, .st-key-undo)) {
    display: none; }
  [data-testid="stLayoutWrapper"]:has(> :is(.st-key-keyboard, .st-key-tour)) { position: absolute; }
  .st-key-save_place { position: relative; }
  .st-key-save_place > .stElementContainer:not(.st-key-save) { position: absolute; inset: 0; z-index: 2;
    display: flex; align-items: center; justify-content: center; border-radius: 0.5rem;
    color: white; }
  .st-key-save_place:has([data-testid="stSpinner"]) .st-key-save button > * { visibility: hidden; } /* its ground stays */
  .facts { font-size: 0.9rem; line-height: 1.5; margin: 0 0 0.1rem; }
  .facts b { font-weight: 650; font-size: 1.02rem; margin-right: 1rem; }
  .facts span.item { margin-right: 0.7rem; white-space: nowrap; opacity: 0.85; }
  .facts b { white-space: nowrap; }
  .facts.compared small { display: block; min-height: 3em; line-height: 1.5; } /* two lines, so that all terrains stand level */
  [data-testid="stPopoverBody"] { max-width: 460px; max-height: 78vh; }
  [data-testid="stPopoverBody"]:has(.st-key-inside_body) { width: 560px; max-width: 560px; }
  [data-testid="stPopoverBody"]:is(:has(.st-key-walk_body), :has(.st-key-profile_body)) { width: 520px; max-width: 520px; }
  :is(.st-key-all_readouts, .st-key-point_full, .st-key-inside, .st-key-walk, .st-key-profile) button { padding: 0.2rem 0.15rem;
    min-height: 2rem; font-size: 0.78rem; white-space: nowrap; }
  table.answers { width: 100%; border-collapse: collapse; font-size: 0.78rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
  table.answers th, table.answers td { padding: 0.15rem 0.9rem 0.15rem 0; vertical-align: middle; text-align: left;
    font-weight: 400; border-bottom: 1px solid #8883; }
  table.answers thead th { font-weight: 650; }
  table.answers img { width: 34px; height: auto; image-rendering: pixelated; border: 1px solid #8885; display: inline-block;
    vertical-align: middle; margin-right: 0.4rem; }
  table.compared { table-layout: fixed; margin-top: 0.6rem; }
  table.compared caption { caption-side: top; text-align: left; padding-bottom: 0.3rem; opacity: 0.85; }
  table.compared :is(th[scope="row"], thead td) { width: 15rem; opacity: 0.8; }
  table.compared tbody td { font-weight: 550; } table.compared td.judged { font-weight: 400; vertical-align: top; }
  table.answers small { opacity: 0.8; white-space: nowrap; }
  .bar { display: grid; grid-template-columns: 1.9rem 1fr 3.2rem; gap: 0.3rem; align-items: center; }
  .bar i { font-style: normal; white-space: nowrap; } .bar em { font-style: normal; text-align: right; }
  .bar b { display: block; height: 0.45rem; background: #8882; } .bar u { display: block; height: 100%; background: #7C8A8C; }
  .bar.right { font-weight: 650; } .bar.right u { background: #0D9488; }
  [data-testid="stPopoverBody"] div[class*="st-key-resume"] button { padding: 0 0.35rem; }
  dl.said { display: grid; grid-template-columns: max-content 1fr; gap: 0 0.8rem; margin: 0 0 0.5rem !important; padding: 0 !important;
    font-size: 0.78rem; line-height: 1.45; font-variant-numeric: tabular-nums; border-bottom: 1px solid #8883; }
  dl.said dt, dl.said dd { margin: 0 !important; padding: 0 !important; } dl.said dt { opacity: 0.8; }
  dl.said b { font-weight: 700; text-decoration: underline; }
  .value { font-size: 0.86rem; font-variant-numeric: tabular-nums; white-space: nowrap; opacity: 0.9; }
  .value.none { opacity: 0.55; font-style: italic; }
  .legend { font-size: 0.82rem; line-height: 1.35; margin: -0.3rem 0 0; }
  .legend .swatch { display: inline-block; width: 1.3rem; height: 0; border-top: 3px solid; vertical-align: middle;
                    margin: 0 0.35rem 0 0; }
  .legend .entry { margin-right: 1.1rem; white-space: nowrap; }
  dl.inspector { display: grid; grid-template-columns: minmax(4.6rem, 1fr) auto minmax(4.6rem, 1fr) auto; gap: 0 0.8rem; margin: 0 !important; padding: 0 !important;
                 font-size: 0.82rem; font-variant-numeric: tabular-nums; line-height: 1.5; }
  dl.inspector.one { grid-template-columns: minmax(4.6rem, 1fr) auto; }
  dl.inspector dt, dl.inspector dd { margin: 0 !important; padding: 0 !important; }
  dl.inspector dt { opacity: 0.75; overflow-wrap: anywhere; line-height: 1.25; align-self: center; }
  dl.inspector dd { margin: 0; text-align: right; white-space: nowrap; font-weight: 550; }
  dl.inspector dd small { opacity: 0.65; font-weight: 400; }
  dl.card { display: grid; grid-template-columns: minmax(9rem, 2fr) 3fr; margin: 0 !important; padding: 0 !important; font-size: 0.88rem; line-height: 1.45; }
  dl.card :is(dt, dd) { margin: 0 !important; padding: 0.18rem 0.6rem 0.18rem 0; border-bottom: 1px solid #8883; }
  dl.card dt { opacity: 0.75; }
  [data-testid="stMultiSelect"] [data-tag] { background: color-mix(in srgb, #0D9488 22%, Canvas) !important; }
  [data-testid="stMultiSelect"] [data-tag], [data-testid="stMultiSelect"] [data-tag] :is(span, button, svg, path) { color: CanvasText !important; }
  [data-testid="stMultiSelect"] [data-tag] { height: auto; min-height: 1.6rem; max-width: 100%; padding-block: 0.15rem; }
  :is([data-testid="stMultiSelect"] [data-tag] > span[title], [role="option"] *) { white-space: normal !important;
    overflow: visible !important; text-overflow: clip !important; max-width: none; line-height: 1.25; }
  .trust { font-size: 0.84rem; line-height: 1.45; margin: 0; }
  .trust b { font-weight: 650; }
</style>
"""


# by the server, as a panel that opens over the page has no colour scheme that light-dark() would read
_LIGHT = """
<style>
  [data-testid="stCaptionContainer"] { color: #5E6B6D; opacity: 1; } /* 5.2 : 1 in the sidebar, its own 4.1 */
</style>
"""
_DARK = """
<style>
  [data-testid="stBaseButton-primary"], [data-testid="stBaseButton-primary"] :is(p, span), .st-key-save_place [data-testid="stSpinner"] {
    color: #101617; } /* on a light ground: white has 1.9 : 1 */
</style>
"""


def page_style() -> None:
    """Put the style sheet into the page."""
    st.html(_CSS + (_DARK if st.context.theme.type == "dark" else _LIGHT))


_COMPARE = """
<style>
  [class*="st-key-compare_"]:has(> * .lossnav-chart) { container-type: inline-size; }
  .st-key-compare_rows [class*="st-key-compare_"] > * { --tall: min(max(330px, calc(100vh - 190px)), 74cqw); }
  .st-key-compare_two_rows [class*="st-key-compare_"] > * { --tall: min(max(230px, calc(50vh - 125px)), 74cqw); }
  :is(.st-key-compare_0, .st-key-compare_1) > * { --tall: min(max(330px, calc(100vh - 190px)), 74cqw); } /* no white above a terrain */
  .st-key-compare_two_rows :is(.st-key-compare_0, .st-key-compare_1) > * { --tall: min(max(230px, calc(50vh - 125px)), 74cqw); }
  [class*="st-key-compare_"] :is(.stElementContainer, .stFullScreenFrame):has(> div > .lossnav-chart) { min-height: var(--tall); }
</style>
"""


def compare_style() -> None:
    """The style sheet of the page "Compare"."""
    st.html(_COMPARE)


_ATLAS = """
<style>
  .st-key-atlas_maps { --tall: max(430px, calc(100vh - 90px)); }
  .st-key-atlas_ranks { --tall: clamp(230px, 40vh, 420px); }
  :is(.st-key-atlas_maps, .st-key-atlas_ranks) :is(.stElementContainer:has(.stPlotlyChart), .stFullScreenFrame, .stPlotlyChart) {
    height: var(--tall) !important; min-height: var(--tall) !important; }
</style>
"""


def atlas_style() -> None:
    """The style sheet of the page "Atlas"."""
    st.html(_ATLAS)

"""The file itself: (landscapes, first state) → HTML."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files
from typing import Any

import xarray as xr
from lossnav.core import PROPERTIES, InputError
from lossnav.core.properties import OWNERS, ROLES, NavigatorProperty, Readout

from ..figures.shared.picture import ARROWS, arrow_name
from ..figures.shared.units import SHORT_UNITS
from ..figures.shared.walks import DrawnWalk
from ..figures.web.line import is_slice
from ..figures.web.surface3d import RELIEF
from ..figures.web.theme import DARK, LIGHT
from ..request.spectra_at_hand import NetworkSpectra, spectra_of
from .formulas import formula
from .landscape import packed
from .readouts import common, described, in_other_units
from .spectra import spectra_packed
from .start import Start

MOST_LANDSCAPES = 8  # each has a WebGL context, of which browsers hold 16
# Nothing is fetched and nothing is sent; the script is the file's own (plotly makes functions as it runs).
POLICY = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:"


def published_page(
    lands: Sequence[xr.Dataset],
    start: Start | None = None,
    title: str = "",
    spectra: Sequence[NetworkSpectra] | None = None,
    walks: Sequence[Sequence[DrawnWalk]] | None = None,
) -> str:
    """One HTML file that shows landscapes side by side, with colours and heights on a common scale.

    spectra  of each landscape's network, drawn beside it; None: those at hand for exactly that network
    walks    over each landscape, walks and other trainings on its plane; None: none

    Raises
    ------
    InputError  none, or more than a browser can hold; a landscape along a line, or with no finite number in it; what the page
                begins with is in other units in one than in another
    """
    _check(lands)
    start = start or Start()
    others = in_other_units(lands)
    for wanted in (start.elevation, *start.on.values()):
        if wanted in others:
            raise InputError(others[wanted])
    layers = common(lands, start.scales)
    if start.elevation not in layers:
        raise InputError(f"None of the landscapes has a finite '{start.elevation}' to draw: choose another height.")
    title = title or " · ".join(dict.fromkeys(land.lossnav.name or "landscape" for land in lands))
    content = {
        "title": title,
        "start": {**asdict(start), "scales": None},
        "inks": {"light": asdict(LIGHT), "dark": asdict(DARK)},
        "relief": RELIEF,
        "short_units": SHORT_UNITS,
        "readouts": {name: described(lands, layer) for name, layer in layers.items()},
        "heights": [r.variable for r in _heights(lands) if _is_height(r, layers)],
        "roles": [[role, [_card(o, lands, layers) for o in PROPERTIES if o.entry.role == role]] for role in ROLES],
        "landscapes": [
            packed(land, layers, over) | spectra_packed(land, known)
            for land, known, over in zip(
                lands, spectra or [spectra_of(land) for land in lands], walks or [()] * len(lands), strict=True
            )
        ],
    }
    return _document(title, _json(content))


def _check(lands: Sequence[xr.Dataset]) -> None:
    if not 0 < len(lands) <= MOST_LANDSCAPES:
        raise InputError(f"A page holds 1 to {MOST_LANDSCAPES} landscapes, but {len(lands)} came: make several pages.")
    for land in lands:
        if is_slice(land):
            raise InputError(
                f"'{land.lossnav.name or 'The landscape'}' runs along a line, and a page shows planes: draw it with lossnav figure."
            )


def _heights(lands: Sequence[xr.Dataset]) -> list[Readout]:
    """What may be drawn as a height of one of the landscapes, each once."""
    heights = (
        r for o in OWNERS if o.heights for land in lands for r in o.readouts_of(land.lossnav.facts.get(o.name, {}))
    )
    return list({readout.variable: readout for readout in heights}.values())


def _is_height(readout: Any, layers: Mapping[str, Any]) -> bool:
    return readout.variable in layers and not readout.arrows and not readout.labels


def _card(owner: NavigatorProperty, lands: Sequence[xr.Dataset], layers: Mapping[str, Any]) -> dict[str, Any]:
    """A property's switch and its vocabulary card."""
    entry = owner.entry
    offered = [r for r in owner.readouts if r.variable in layers]
    arrows = ARROWS.get(owner.name, ("", ""))
    first = owner.first_drawn(lands[0].lossnav.facts.get(owner.name, {}))
    return {
        "name": owner.name,
        "poles": list(entry.poles),
        "role": entry.role,
        "meaning": entry.meaning,
        "formulas": [formula(line.strip(" ;")) for line in entry.formula.split(r"\quad")],
        "flags": list(entry.flags),
        "sources": list(entry.sources),
        "explained": [[r.label, r.unit, r.explain] for r in owner.readouts],
        "offered": [
            [r.variable, f"{arrow_name(owner.name).capitalize()} (arrows)" if r.arrows else r.label]
            for r in offered
            if r.variable != arrows[1]
        ],
        "arrows": arrows[0],
        "first": first if first in layers else offered[0].variable if offered else None,
        "all": [r.variable for r in owner.readouts if not r.asked],
    }


def _json(content: Any) -> str:
    """JSON that no name in it can end: a text within a script element stops at `</script`."""
    text = json.dumps(_finite(content), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _finite(value: Any) -> Any:
    """JSON has no number for what is not finite."""
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _document(title: str, content: str) -> str:
    style, script, plotly = (_own(name) for name in ("page.css", "page.js", "plotly-gl3d.min.js"))
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        "<meta name='viewport' content='width=device-width,initial-scale=1'><meta name='color-scheme' content='light dark'>"
        f"<title>{html.escape(title)}</title><style>{style}</style></head>\n<body>"
        "<noscript>This page draws with JavaScript: allow it for this file.</noscript><main id='page'></main>\n"
        f"<script type='application/json' id='content'>{content}</script>\n"
        f"<script>{plotly}</script>\n<script>{script}</script></body></html>\n"
    )


def _own(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")

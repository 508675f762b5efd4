"""What the address holds that no widget does — picked point, camera, line, walks, step — and what is said of a bad value in it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import streamlit as st
from lossnav.core import PROPERTIES
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.session_state_proxy import get_session_state

from ..figures.shared.plain_text import for_markdown

POINT, CAMERA, LINE, WALKS, STEP = KEPT = ("point", "camera", "line", "walks", "step")
WITH_POINT = ("Terrain", "Compare", "File")  # pages whose address has a point and a camera
WITH_ALL = ("Terrain", "File")
LARGEST = 1e6  # of a coordinate, on a plane or of a camera
LONGEST = 60  # characters of a bad value that are said again
NOTES, COPIES, PAGE = "notes on the address", "parts of the address", "page"  # in the session's state
Camera = dict[str, dict[str, float]]  # plotly's "eye", "center" and "up", each {"x", "y", "z"}
REST = (0.0, 0.0, 0.0, 0.0, 0.0, 1.0)  # "center" and "up" of a camera that was only turned


def arrive(page: str) -> None:
    """Read the address of a page that is being drawn whole; after a way over other pages, write into it what they left out."""
    st.session_state[NOTES] = st.container()
    context = get_script_run_ctx()
    back = context is not None and context.is_history_navigation
    came = st.session_state.get(PAGE) not in (None, page) and not back
    st.session_state[PAGE] = page
    if page not in WITH_POINT:
        return
    copies = st.session_state.setdefault(COPIES, {})
    for name in KEPT if page in WITH_ALL else (POINT, CAMERA):
        place = _copy(name)
        if came and place in copies:
            st.query_params.setdefault(name, copies[place])
        elif name in st.query_params:
            copies[place] = st.query_params[name]
        else:
            copies.pop(place, None)
    _check_switches()
    st.session_state["picked"] = _read(POINT, point_in, "two numbers α,β, such as 0.5,-0.25")
    camera = _read(CAMERA, _camera, "three, six or nine numbers: the eye, the centre and the upward direction")
    st.session_state.setdefault("camera", {}).clear()
    st.session_state["camera"].update(camera or {})


def keep(name: str, text: str | None) -> None:
    """Have the address name this; None: nothing."""
    copies = st.session_state.setdefault(COPIES, {})
    if text is not None:
        copies[_copy(name)] = st.query_params[name] = text
        return
    copies.pop(_copy(name), None)
    if name in st.query_params:
        del st.query_params[name]


def _copy(name: str) -> tuple[str, str]:
    """Under which a part is kept while other pages are looked at: the point is one for all, the rest each page's own."""
    return ("" if name == POINT else st.session_state.get(PAGE, ""), name)


def pick(point: tuple[float, float] | None) -> None:
    """Have a point picked; None: the one that is."""
    if point is not None:
        st.session_state["picked"] = point
        keep(POINT, ",".join(f"{number:.6g}" for number in point))


def turn(camera: Camera | None) -> None:
    """Keep the camera as it was left."""
    if camera:
        st.session_state.setdefault("camera", {}).update({part: dict(camera[part]) for part in ("eye", "center", "up")})
        keep(CAMERA, camera_text(camera))


def camera_text(camera: Camera) -> str:
    """A camera as the address has it: the eye; centre and upward direction where they are not the usual ones.

    >>> eye = {"x": 1.25, "y": -2.0, "z": 0.12345}
    >>> camera_text({"eye": eye, "center": {"x": 0, "y": 0, "z": 0}, "up": {"x": 0, "y": 0, "z": 1}})
    '1.25,-2,0.123'
    >>> camera_text({"eye": eye, "center": {"x": 0.1, "y": 0, "z": 0}, "up": {"x": 0, "y": 0, "z": 1}})
    '1.25,-2,0.123,0.1,0,0,0,0,1'
    """
    numbers = [round(float(camera[part][axis]), 3) + 0.0 for part in ("eye", "center", "up") for axis in "xyz"]
    return ",".join(f"{number:g}" for number in (numbers[:3] if tuple(numbers[3:]) == REST else numbers))


def offered(key: str, titles: Mapping[Any, str], what: str) -> None:
    """Let the address name a choice by its title or by its short name; one that is not offered is told so.

    key     of the widget, which is called after this
    titles  what is chosen → the title that the widget shows
    what    the choice, in words: "the plane"
    """
    text = st.query_params.get(key)
    if text is None or text in titles.values() or _is_bound(key):
        return
    short = {str(value).lower(): title for value, title in titles.items()}
    title = short.get(text.lower())
    if title is None:
        names = ", ".join(str(value) for value in list(titles)[:12])
        say(f"The address names {what} {quoted(text)}, which is none of those offered here ({for_markdown(names)}).")
        del st.query_params[key]
    else:
        st.query_params[key] = title
    reseed()


def offered_each(key: str, names: Collection[str], what: str, most: int | None = None) -> None:
    """Let the address name several choices; those that are not offered, and those above `most`, are told so.

    what  the choices, in words: "landscapes"
    """
    if key not in st.query_params or _is_bound(key):
        return
    asked = list(dict.fromkeys(st.query_params.get_all(key)))
    right = [name for name in asked if name in names][:most]
    wrong = [name for name in asked if name not in names]
    if wrong:
        say(f"The address names {what} that are none of those offered here: {', '.join(map(quoted, wrong[:5]))}.")
    elif len(right) < len(asked):
        say(f"The address names {len(asked)} {what}: the first {most} are shown.")
    if right != asked:
        if right:
            st.query_params[key] = right
        else:
            del st.query_params[key]
        reseed()


def say(sentence: str) -> None:
    """Say something of the address over the page, wherever what it is about stands."""
    place = st.session_state.get(NOTES)
    (st if place is None else place).warning(sentence)


def quoted(text: str) -> str:
    """A value of the address for a sentence: plain, and no longer than needed."""
    return for_markdown(f"“{text[:LONGEST]}{'…' if len(text) > LONGEST else ''}”")


def reseed() -> None:
    """Have widgets start from the address as it is now: it was read before."""
    with get_session_state().query_params() as address:
        address.set_initial_query_params_from_current()


def _is_bound(key: str) -> bool:
    """Whether a widget has the say already, as after the first turn."""
    with get_session_state().query_params() as address:
        return address.is_bound(key)


def _check_switches() -> None:
    """Switches that there are, on or off."""
    known, wrong = {f"on_{owner.name}" for owner in PROPERTIES}, []
    for key in [k for k in st.query_params if k.startswith("on_") and not _is_bound(k)]:
        if key not in known:
            wrong.append(f"the overlay {quoted(key.removeprefix('on_'))}")
        elif st.query_params[key].lower() not in ("true", "false"):
            wrong.append(f"{quoted(st.query_params[key])} for {quoted(key)}")
        else:
            continue
        del st.query_params[key]
    if wrong:
        names = ", ".join(owner.name for owner in PROPERTIES)
        say(f"The address has {', '.join(wrong[:3])}: overlays are {names}, and each is true or false.")
        reseed()


def _read(name: str, read: Any, form: str) -> Any:
    """The part of the address as `read` has it; what it cannot be is said, and taken out."""
    text = st.query_params.get(name)
    if text is None:
        return None
    value = read(text)
    if value is None:
        say(f"The address gives the {name} {quoted(text)}, which should be {form}: the usual one is shown.")
        keep(name, None)
    return value


def _numbers(text: str) -> list[float] | None:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return None
    return numbers if all(math.isfinite(n) and abs(n) <= LARGEST for n in numbers) else None


def point_in(text: str) -> tuple[float, float] | None:
    """A point of a plane.

    >>> point_in("0.5,-0.25"), point_in("1"), point_in("1,nan"), point_in("9" * 400 + ",1"), point_in("a,b")
    ((0.5, -0.25), None, None, None, None)
    """
    found = _numbers(text)
    return (found[0], found[1]) if found is not None and len(found) == 2 else None


def _camera(text: str) -> Camera | None:
    """A camera; its eye is away from what it looks at.

    >>> _camera("1,-2,0.5")["eye"], _camera("1,-2,0.5")["up"]
    ({'x': 1.0, 'y': -2.0, 'z': 0.5}, {'x': 0.0, 'y': 0.0, 'z': 1.0})
    >>> _camera("0,0,0"), _camera("1,2"), _camera("1,-2,0.5,0,0,0,0,0,0")
    (None, None, None)
    """
    numbers = _numbers(text)
    if numbers is None or len(numbers) not in (3, 6, 9):
        return None
    full = [*numbers, *REST[len(numbers) - 3 :]]
    eye, center, up = full[:3], full[3:6], full[6:]
    if math.dist(eye, center) < 1e-3 or math.hypot(*up) < 1e-3 or max(map(abs, full)) > 100:
        return None
    return {
        name: dict(zip("xyz", part, strict=True))
        for name, part in zip(("eye", "center", "up"), (eye, center, up), strict=True)
    }

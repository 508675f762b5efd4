"""Pages of measured landscapes open on a person's own network where that was looked at last, and name it in the address."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import streamlit as st
from lossnav.sample_models import names


def own_landscapes(offered: Sequence[str]) -> list[str]:
    """Those of the model that was looked at last, then of other problems; none where that was a sample.

    >>> st.session_state["model"] = "mine.py"
    >>> own_landscapes(["digits-plain · random", "other.py · random", "mine.py · random"])
    ['mine.py · random', 'other.py · random']
    >>> st.session_state["model"] = "digits-plain"
    >>> own_landscapes(["digits-plain · random", "mine.py · random"])
    []
    """
    model = st.session_state.get("model")
    if model is None or model in names():
        return []
    mine = [name for name in offered if name.startswith(f"{model} · ")]
    others = [name for name in offered if name not in mine and name.partition(" · ")[0] not in names()]
    return [*mine, *others] if mine else []


def pair(offered: Sequence[str]) -> list[str]:
    """Two landscapes of a person's own, which the samples' are not, to set side by side; none where there are fewer.

    Two networks on planes of one kind, where there are such; else the first two.

    >>> pair(["digits-plain · random", "a.py · random", "a.py · trajectory", "b.py · random", "run.zarr"])
    ['a.py · random', 'b.py · random']
    >>> pair(["digits-plain · random", "a.py · random", "run.zarr"]), pair(["digits-plain · random", "run.zarr"])
    (['a.py · random', 'run.zarr'], [])
    """
    mine = [name for name in offered if name.partition(" · ")[0] not in names()]
    alike = (
        [one, other]
        for one, other in combinations(mine, 2)
        if (plane := one.partition(" · ")[2]) and plane == other.partition(" · ")[2]
    )
    return next(alike, mine[:2] if len(mine) >= 2 else [])


def open_on(key: str, value: Any) -> None:
    """Have a widget begin with a value, unless it has one already or the address gives one."""
    if key not in st.session_state and key not in st.query_params:
        st.query_params[key] = st.session_state[key] = value

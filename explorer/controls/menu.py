"""The order of a menu whose entries come and go: an open menu survives what is new in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import streamlit as st

ORDERS = "orders of menus"  # in the session's state: by menu, what it offered last


def in_steady_order(menu: str, offered: Iterable[str]) -> list[str]:
    """A menu's options in the order of the page's last run; what is new stands last until the page is loaded again.

    The browser tells a menu's entries apart by their places, and closes an open menu when the chosen one's place changes.

    menu  its name in this session
    """
    orders: dict[str, list[str]] = st.session_state.setdefault(ORDERS, {})
    orders[menu] = merged(orders.get(menu, ()), offered)
    return orders[menu]


def merged(before: Sequence[Any], offered: Iterable[Any]) -> list[Any]:
    """Options, first those that were there before in their order, then the new in theirs.

    >>> merged(["b", "gone", "c"], ["a", "b", "c", "d"])
    ['b', 'c', 'a', 'd']
    >>> merged((), ["b", "a"])
    ['b', 'a']
    """
    offered = list(dict.fromkeys(offered))
    kept = [each for each in before if each in offered]
    return [*kept, *(each for each in offered if each not in kept)]

"""plotly.js as browsers get it: without the kinds of traces that no figure of the explorer has.

A browser reads the whole of it, maps of the earth included, before it draws anything: without them that takes 0.4 times as long.
What may go is known for one plotly.js alone, by its digest (`tests/plotly_parts.py` finds it); any other is sent whole.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

import plotly

WHOLE = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
PARTS = Path(__file__).with_name("plotly_parts.json")
KINDS = (
    "bar",
    "contour",
    "heatmap",
    "scatter3d",
    "scattergl",
    "surface",
)  # besides scatter, without which there is no plotly.js


@lru_cache(maxsize=1)
def drawing_library() -> bytes:
    """plotly.js, a script, with the kinds of traces that the explorer draws; whole where it is not the one known."""
    return reduced(WHOLE.read_bytes(), json.loads(PARTS.read_text(encoding="utf-8")))


def reduced(content: bytes, parts: dict[str, object]) -> bytes:
    """The script without the parts that are left out; itself where they are another one's.

    >>> known = {"sha256": hashlib.sha256(b"abcdef").hexdigest(), "left_out": [[1, 3], [4, 5]]}
    >>> reduced(b"abcdef", known), reduced(b"abcxef", known)
    (b'adf', b'abcxef')
    """
    if hashlib.sha256(content).hexdigest() != parts["sha256"]:
        return content
    stays, at = bytearray(), 0
    for start, end in parts["left_out"]:  # type: ignore[attr-defined]
        stays += content[at:start]
        at = end
    return bytes(stays + content[at:])

"""A LaTeX formula as an SVG picture that takes the text's colour: a page without a network has no typesetter."""

from __future__ import annotations

import html
from functools import lru_cache

import numpy as np
from matplotlib.path import Path
from matplotlib.textpath import TextPath

SIZE = 16
COMMANDS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C", Path.CLOSEPOLY: "Z"}


@lru_cache(maxsize=64)
def formula(latex: str) -> str:
    r"""An inline <svg>, its LaTeX as the text for who cannot see it.

    >>> formula(r"\lVert x \rVert").startswith("<svg role='img' aria-label='\\lVert x \\rVert'")
    True
    """
    path = TextPath((0, 0), f"${latex.replace('lVert', '|').replace('rVert', '|')}$", size=SIZE)
    box = path.get_extents()
    x, y, width, height = box.x0 - 1, -box.y1 - 1, box.width + 2, box.height + 2
    return (
        f"<svg role='img' aria-label='{html.escape(latex)}' viewBox='{x:.2f} {y:.2f} {width:.2f} {height:.2f}' "
        f"width='{width:.1f}' height='{height:.1f}'><path d='{_outline(path)}' fill='currentColor'/></svg>"
    )


def _outline(path: TextPath) -> str:
    return "".join(
        COMMANDS[code] + (" ".join(f"{v:.1f}" for v in _flipped(points)) if code != Path.CLOSEPOLY else "")
        for points, code in path.iter_segments(curves=True, simplify=False)
    )


def _flipped(points: np.ndarray) -> list[float]:
    """y runs down in SVG."""
    return [-v if k % 2 else v for k, v in enumerate(points.tolist())]

"""Time against points, examples and parameters on log–log axes."""

from __future__ import annotations

from pathlib import Path
from statistics import geometric_mean
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

INK, LINE = "#1b2a41", "#2a6f97"


def draw_scaling(scaling: dict[str, Any], path: Path) -> None:
    """Three panels, measured points and the power law of the upper half, as SVG without a date."""
    matplotlib.rcParams["svg.hashsalt"] = "lossnav"
    figure, panels = plt.subplots(1, 3, figsize=(10.5, 3.3), sharey=True, layout="constrained")
    for panel, (axis, found) in zip(panels, scaling.items(), strict=True):
        panel.set_xlabel(axis)
        if "failed" in found:
            continue
        sizes, seconds = found["sizes"], found["seconds"]
        slope, half = found["exponent_upper_half"], len(sizes) // 2
        middle, level = geometric_mean(sizes[half:]), geometric_mean(seconds[half:])  # least squares goes through both
        fitted = [level * (size / middle) ** slope for size in sizes[half:]]
        panel.loglog(sizes, seconds, "o", color=INK, markersize=5)
        panel.loglog(sizes[half:], fitted, color=LINE, linewidth=1.5, label=f"exponent {slope:.2f}")
        panel.grid(True, which="major", color="#e5e5e5", linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(frameon=False, loc="upper left")
    panels[0].set_ylabel("seconds")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)

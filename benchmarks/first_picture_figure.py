"""Seconds and evaluations to the first picture and to 1 %, a row for each sample, on log axes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

INK, OURS = "#1b2a41", "#d1495b"
SHADES = {"loss-landscapes": ("#2a6f97", "s"), "landscaper": ("#61a5c2", "D"), "Li et al. 2018": ("#8d99ae", "^")}


def draw(found: dict[str, dict[str, Any]], path: Path) -> None:
    """Two panels, samples from the fastest to the slowest, as SVG without a date."""
    matplotlib.rcParams["svg.hashsalt"] = "lossnav"
    names = sorted(found, key=lambda name: -found[name]["lossnav"]["seconds"])
    figure, panels = plt.subplots(1, 2, figsize=(9.5, 0.42 * len(names) + 1.4), sharey=True, layout="constrained")
    for panel, what, title in zip(panels, ("seconds", "points"), ("seconds", "evaluations"), strict=True):
        for row, name in enumerate(names):
            _row(panel, row, found[name], what)
        panel.set_xscale("log")
        panel.set_xlabel(title)
        panel.grid(True, axis="x", color="#e5e5e5", linewidth=0.6)
        panel.spines[["top", "right", "left"]].set_visible(False)
        panel.tick_params(axis="y", length=0)
    panels[0].set_yticks(range(len(names)), names)
    _legend(panels[1])
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _row(panel: Axes, row: int, tools: dict[str, Any], what: str) -> None:
    for tool, run in tools.items():
        if "failed" in run:
            continue
        if tool == "lossnav":
            ends = [run[f"first_{what}"], run[what]]
            panel.plot(ends, [row, row], color=OURS, linewidth=2, zorder=2)
            panel.plot(ends[:1], [row], "o", color=OURS, markerfacecolor="white", markersize=6, zorder=3)
            panel.plot(ends[1:], [row], "o", color=OURS, markersize=6, zorder=3)
        else:
            color, marker = SHADES[tool]
            panel.plot([run[what]], [row], marker, color=color, markersize=5, zorder=1)


def _legend(panel: Axes) -> None:
    panel.plot([], [], "o", color=OURS, markerfacecolor="white", label="lossnav, first picture")
    panel.plot([], [], "o", color=OURS, label="lossnav, to 1 %")
    for tool, (color, marker) in SHADES.items():
        panel.plot([], [], marker, color=color, label=f"{tool}, whole grid")
    panel.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), labelcolor=INK)

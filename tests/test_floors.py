"""Floors: an import runs down, never up, wherever it stands: at the top of a file, inside a function, or for annotations."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_packaging import imports

ROOT = Path(__file__).parent.parent

# From the top down; folders of one floor do not know each other.
FLOORS = {
    "core": (
        ("formats", "claims"),
        ("cluster",),
        ("survey",),
        ("properties",),
        ("local", "walk", "profile", "alignment"),
        ("engine",),
        ("plane",),
        ("spectrum", "density", "answers"),
        ("curvature",),
        ("network",),
        ("problem",),
        ("sealed",),
        ("parameters", "adaptive", "foreign", "full_disk", "persistence"),
        ("machine", "checks", "lazy", "moved"),
    ),
    "explorer": (
        ("app", "cli"),
        ("commands", "views", "warm"),
        ("panels",),
        ("comparable", "beside"),
        ("landscape_file", "notebook"),
        ("controls", "live", "jobs", "export", "landscapes"),
        ("bundle", "published"),
        ("state", "summaries"),
        ("figures.web", "figures.paper"),
        ("figures.shared",),
        ("request",),
        ("server", "moved"),
        (
            "guard",
            "preload",
            "no_delay",
            "own_settings",
            "delivered",
            "delivery",
            "collector",
            "shared",
            "cache",
            "workspace",
            "dropped",
        ),
        ("drawing_library",),
    ),
}


def room(parts: tuple[str, ...], level: dict[str, int]) -> str | None:
    """The folder or file on a floor that the dotted parts lie in; None: outside, or the top's own `__init__`."""
    return next((name for name in (".".join(parts[:2]), ".".join(parts[:1])) if name in level), None)


@pytest.mark.parametrize("top", FLOORS)
def test_imports_run_down(top: str) -> None:
    level = {name: index for index, floor in enumerate(FLOORS[top]) for name in floor}
    wrong = set()
    for path in sorted((ROOT / top).rglob("*.py")):
        here = room(path.relative_to(ROOT / top).with_suffix("").parts, level)
        names = (name.split(".") for name in imports(path))
        there = {room(tuple(parts[2:]), level) for parts in names if parts[:2] == ["lossnav", top]} - {None, here}
        wrong |= {f"{path.relative_to(ROOT)} imports {t}" for t in there if here and level[t] <= level[here]}
    assert sorted(wrong) == []


@pytest.mark.parametrize("top", FLOORS)
def test_every_folder_is_on_a_floor(top: str) -> None:
    known = {name.partition(".")[0] for floor in FLOORS[top] for name in floor}
    there = {p.stem for p in (ROOT / top).iterdir() if (p / "__init__.py").exists() or p.suffix == ".py"} - {"__init__"}
    assert there == known

"""A class name means one thing in core and the explorer, those that claims were registered with aside."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
ALIKE = {"Recipe"}  # of claims, which are frozen, and of a walk: the settings of a training in both
REGISTERED = "core/claims/"  # code under a hash, which stays as it is


def defined() -> dict[str, list[str]]:
    """The files that define each class."""
    names: dict[str, list[str]] = defaultdict(list)
    for path in sorted([*(ROOT / "core").rglob("*.py"), *(ROOT / "explorer").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                names[node.name].append(path.relative_to(ROOT).as_posix())
    return names


def test_no_class_name_is_defined_twice() -> None:
    names = defined()
    assert len(names) > 100
    twice = {name: files for name, files in names.items() if len(files) > 1 and name not in ALIKE}
    assert {name: files for name, files in twice.items() if not all(f.startswith(REGISTERED) for f in files)} == {}

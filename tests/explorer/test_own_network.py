"""What the page "Models" gives to copy: it is Python, and its lines are as long as its box at 1280 pixels."""

from __future__ import annotations

import ast

from lossnav.explorer.panels.own_network import MINIMAL

BOX = 62  # characters


def test_the_code_to_copy_fits_its_box() -> None:
    assert [line for line in MINIMAL.splitlines() if len(line) > BOX] == []
    assert any(isinstance(part, ast.FunctionDef) and part.name == "problem" for part in ast.parse(MINIMAL).body)

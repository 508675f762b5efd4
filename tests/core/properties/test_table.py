"""The README's table of readouts is the one that follows from the protocol."""

from __future__ import annotations

from pathlib import Path

from lossnav.core.properties.table import BEGIN, END, with_table

README = Path(__file__).resolve().parents[3] / "README.md"


def test_the_readme_has_the_table() -> None:
    text = README.read_text("utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
    assert with_table(text) == text, "run `python -m lossnav.core.properties.table README.md`"

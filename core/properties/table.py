"""The table of all readouts in the README: `python -m lossnav.core.properties.table README.md` writes it anew."""

from __future__ import annotations

import sys
from pathlib import Path

from .registry import OWNERS

BEGIN = "<!-- readouts: made by `python -m lossnav.core.properties.table README.md` -->\n"
END = "<!-- /readouts -->\n"


def readout_table() -> str:
    """A row for the terrain and for each property, with its readouts as variables of a landscape; Markdown.

    >>> readout_table().splitlines()[4].startswith("| coupling | `coupling` Coupling coefficient κ; `coupling_between` ")
    True
    """
    rows = [("property", "its readouts, as variables of a landscape"), ("---", "---")]
    rows += [(o.name, "; ".join(f"`{r.variable}` {_escaped(r.label)}" for r in o.readouts)) for o in OWNERS]
    return "".join(f"| {name} | {readouts} |\n" for name, readouts in rows)


def with_table(text: str) -> str:
    """`text` with the table between its two marks.

    >>> with_table(f"Before.\\n{BEGIN}old{END}After.\\n").startswith(f"Before.\\n{BEGIN}| property |")
    True
    """
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}{readout_table()}{END}{rest.partition(END)[2]}"


def _escaped(label: str) -> str:
    return label.replace("|", "\\|")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        Path(name).write_text(with_table(Path(name).read_text("utf-8")), "utf-8")

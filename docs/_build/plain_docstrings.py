"""Docstrings on the page as they are read in the source: the first sentences as text, columns as columns, examples as code."""

from __future__ import annotations

from typing import Any

import griffe


class PlainDocstrings(griffe.Extension):  # type: ignore[misc]
    """Turns the docstrings of what is loaded into Markdown that keeps their lines."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """For every module, class, function and attribute."""
        if obj.docstring is not None:
            obj.docstring.value = markdown(obj.docstring.value)


def markdown(docstring: str) -> str:
    """The first paragraph as text, examples as Python, all else as it is set.

    >>> print(markdown("What.\\n\\nRaises\\n------\\nE  why\\n\\n>>> 1\\n1"))
    What.
    <BLANKLINE>
    ```text
    Raises
    ------
    E  why
    ```
    <BLANKLINE>
    ```pycon
    >>> 1
    1
    ```
    """
    first, *rest = docstring.strip().split("\n\n")
    parts = [" ".join(first.split())]
    for paragraph in rest:
        kind = "pycon" if paragraph.lstrip().startswith(">>>") else "text"
        if len(parts) > 1 and parts[-1].startswith(f"```{kind}\n"):
            parts[-1] = f"{parts[-1][:-4]}\n\n{paragraph.rstrip()}\n```"
        else:
            parts.append(f"```{kind}\n{paragraph.rstrip()}\n```")
    return "\n\n".join(parts)

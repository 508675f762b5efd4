"""Names from files and networks as text, where a drawing or a page would take them for markup.

What is drawn by matplotlib needs nothing of this: `print_style` switches its mathematics off. plotly's own MathJax is not
loaded anywhere, so that "$" is a letter there.
"""

from __future__ import annotations

import html
import re


def printable(text: object) -> str:
    """Text without the letters that XML, and so SVG, has no place for.

    >>> printable("loss\\x00")
    'loss?'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))


def for_plotly(text: object) -> str:
    """Text that plotly draws as it is: no tags, and no fields of a hover template.

    >>> for_plotly("<a href='x'>loss</a> %{z} & $x$")
    "&lt;a href='x'&gt;loss&lt;/a&gt; &#37;{z} &amp; $x$"
    """
    return html.escape(str(text), quote=False).replace("%{", "&#37;{")


def for_markdown(text: object) -> str:
    r"""A sentence that the page shows as it is: no links, pictures or formulas of names in it; `code` stays code.

    >>> print(for_markdown("'![](http://elsewhere/x.png)$x$' is none: use `f(x)[0]`."))
    '!\[\](http://elsewhere/x.png)\$x\$' is none: use `f(x)[0]`.
    """
    single = re.sub("`{2,}", "'", str(text))
    parts = re.split("(`[^`]*`)", single)
    return "".join(part if part.startswith("`") and len(part) > 1 else _escaped(part) for part in parts)


def _escaped(text: str) -> str:
    return re.sub(r"([\\\[\]<$*])", r"\\\1", text)

"""Which parts of plotly.js the explorer leaves out: `python tests/plotly_parts.py` writes explorer/plotly_parts.json anew.

plotly.min.js is one function, whose statements are modules that run when they are first asked for, and a last one that asks for
each kind of trace. Without the kinds that no figure of the explorer has, most modules are asked for by nobody: a browser need
neither fetch nor read them. Left out is a statement alone that only declares a function or a module, and whose names occur in
nothing that stays.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import plotly
from lossnav.explorer.drawing_library import KINDS, PARTS, WHOLE

TOKEN = re.compile(
    r""""(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'|/\*[\s\S]*?\*/|//[^\n]*|(?P<mark>[`/(){}\[\];,])"""
)
PATTERN = re.compile(r"/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")
# what stands before a slash that begins a pattern, and not a division
BEFORE = re.compile(
    r"(?:[(,=:\[!&|?{};+\-*%~^<>]|(?<![\w$.])(?:return|typeof|case|in|of|delete|void|throw|else|do))\s*$"
)
IN_TEMPLATE = re.compile(r"\\[\s\S]|`|\$\{")
NAME = re.compile(r"[\w$]+")
OPENING = {")": "(", "]": "[", "}": "{"}
START, LAST = "var Plotly=(()=>{", re.compile(r"return ([\w$]+)\(\);\}\)\(\);")
MODULE = re.compile(r"\s*([\w$]+)=(?:W|Ea)\(")  # esbuild's wrappers of modules, by the names that they have here
NOTHING_YET = re.compile(r"\s*[\w$]+(?:=\{\})?")
REGISTER = re.compile(r"\.register\(\[((?:[\w$]+\(\),?)+)\]\)")
KIND = re.compile(r'moduleType:"(?:trace|component)",name:"(\w+)"')


@dataclass(frozen=True)
class Statement:
    """One of those of which plotly.js consists: where it stands, and where its commas outside brackets are."""

    text: str
    start: int
    commas: tuple[int, ...]

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @cached_property
    def declarations(self) -> list[str]:
        """What a `var` declares, part by part, names with their values."""
        ends = [*(at - self.start for at in self.commas), len(self.text) - 1]
        starts = [self.text.index("var") + 3, *(end + 1 for end in ends[:-1])]
        return [self.text[a:b] for a, b in zip(starts, ends, strict=True)]

    @cached_property
    def names(self) -> set[str]:
        """What it declares, or gives members to (esbuild's `Fp(name, {…})`)."""
        if self.text.lstrip().startswith("var"):
            return {NAME.match(each.lstrip())[0] for each in self.declarations}  # type: ignore[index]
        found = re.match(r"\s*(?:(?:async )?function\*? ?|Fp\()([\w$]+)", self.text)
        return {found[1]} if found else set()

    @cached_property
    def entries(self) -> set[str]:
        """By which of its names it is asked for: who reads a module's other names calls the module first."""
        if self.text.lstrip().startswith("var"):
            modules = {found[1] for found in map(MODULE.match, self.declarations) if found}
            return modules or self.names
        return self.names

    @cached_property
    def idle(self) -> bool:
        """Whether nothing happens by it alone."""
        if self.text.lstrip().startswith("var"):
            return all(NOTHING_YET.fullmatch(each) or MODULE.match(each) for each in self.declarations)
        return bool(self.names)


def statements(text: str) -> Iterator[Statement]:
    """Those of plotly.js's one function; brackets are counted outside texts, comments and patterns."""
    begun = at = text.index(START) + len(START)
    end = list(LAST.finditer(text))[-1].end() - len("})();")
    open_: list[str] = []
    commas: list[int] = []
    while at < end:
        found = TOKEN.search(text, at)
        assert found, "a statement ends"
        at, mark = found.end(), found["mark"]
        if mark == "/" and BEFORE.search(text, max(0, found.start() - 12), found.start()):
            pattern = PATTERN.match(text, found.start())
            at = pattern.end() if pattern else at
        elif mark == "`":
            at = _through_template(text, at, open_)
        elif mark and mark in "([{":
            open_.append(mark)
        elif mark and mark in OPENING:
            opened = open_.pop()
            if opened == "${":
                at = _through_template(text, at, open_)
            else:
                assert opened == OPENING[mark]
        elif mark == "," and not open_:
            commas.append(found.start())
        whole_function = mark == "}" and re.match(r"\s*(?:async )?function\b", text[begun : begun + 20])
        if not open_ and (mark == ";" or whole_function):
            yield Statement(text[begun:at], begun, tuple(commas))
            begun, commas = at, []
    assert not open_
    assert not text[begun:end].strip(), "nothing is left over"


def _through_template(text: str, at: int, open_: list[str]) -> int:
    """The end of a template, or where a value stands in it."""
    while True:
        found = IN_TEMPLATE.search(text, at)
        assert found
        at = found.end()
        if found[0] == "`":
            return at
        if found[0] == "${":
            open_.append("${")
            return at


def left_out(text: str) -> list[tuple[int, int]]:
    """Where what is left out begins and ends."""
    parts = list(statements(text))
    by_name: dict[str, list[Statement]] = {}
    for part in parts:
        for name in part.entries:
            by_name.setdefault(name, []).append(part)
    asking = next(part for part in reversed(parts) if REGISTER.search(part.text))
    register = REGISTER.search(asking.text)
    assert register
    calls = [
        (m[1], asking.start + register.start(1) + m.start(), m) for m in re.finditer(r"([\w$]+)\(\),?", register[1])
    ]
    dropped = [(at, at + len(m[0])) for name, at, m in calls if _kind(name, by_name) not in KINDS]
    missing = set(KINDS) - {_kind(name, by_name) for name, _, _ in calls}
    assert not missing, f"plotly.js has no {missing}"
    stays: set[int] = set()
    todo = [part for part in parts if not part.idle]
    asks = {asking.start: without(asking.text, [(a - asking.start, b - asking.start) for a, b in dropped])}
    while todo:
        part = todo.pop()
        if part.start in stays:
            continue
        stays.add(part.start)
        for name in set(NAME.findall(asks.get(part.start, part.text))) & by_name.keys():
            todo += by_name[name]
    gone = [(part.start, part.end) for part in parts if part.start not in stays]
    return _joined(sorted([*gone, *dropped]))


def without(text: str, ranges: list[tuple[int, int]]) -> str:
    """The text without these parts of it."""
    starts, ends = [0, *(b for _, b in ranges)], [*(a for a, _ in ranges), len(text)]
    return "".join(text[a:b] for a, b in zip(starts, ends, strict=True))


def _kind(name: str, by_name: dict[str, list[Statement]]) -> str | None:
    """The kind of trace that a module is, or hands on from another one."""
    for _ in range(6):
        text = next(part.text for part in by_name[name] if "exports" in part.text)
        if kind := KIND.search(text):
            return kind[1]
        further = re.search(r"(?:\.exports|var [\w$]+)=([\w$]+)\(\)", text)
        if not further:
            return None
        name = further[1]
    return None


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in ranges:
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def parts_of(content: bytes) -> dict[str, object]:
    """What explorer/plotly_parts.json says of this plotly.js: places are counted in bytes."""
    ranges = left_out(content.decode("latin-1"))
    return {"version": plotly.__version__, "sha256": hashlib.sha256(content).hexdigest(), "left_out": ranges}


if __name__ == "__main__":
    found = parts_of(WHOLE.read_bytes())
    PARTS.write_text(json.dumps(found, separators=(",", ":")) + "\n", encoding="utf-8")

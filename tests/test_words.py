"""`found`, `own` and `kept` stand for a thing for three lines at most; one that lives longer, or is handed on, has its name."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from lossnav.core.claims import CLAIMS, deciding_files

ROOT = Path(__file__).parent.parent
WORDS, LINES = {"found", "own", "kept"}, 3
PUBLIC = {"PlaneKind.found"}  # a keyword by which kinds of planes that others wrote are made
Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def within(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope, its inner functions and classes themselves but not what they hold."""
    for node in ast.iter_child_nodes(scope):
        yield node
        if not isinstance(node, Defined):
            yield from within(node)


def riddles(scope: ast.AST, name: str = "") -> Iterator[str]:
    """What is called by one of the words for too long, or where it is handed on."""
    lines = defaultdict(set)
    for node in within(scope):
        match node:
            case ast.Name(id=word) if word in WORDS:
                lines[word].add(node.lineno)
            case ast.arg(arg=word) | ast.Attribute(attr=word, ctx=ast.Store()) if word in WORDS:
                yield f"{name}.{word}"
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield from [f"{name}.{node.name}"] if node.name in WORDS else []
                yield from riddles(node, node.name)
    apart = 0 if isinstance(scope, ast.ClassDef) else LINES  # a field is handed on
    yield from (f"{name}.{word}" for word, at in lines.items() if max(at) - min(at) + 1 > apart)


@pytest.mark.parametrize("top", ["core", "explorer", "sample_models"])
def test_what_lives_longer_has_its_name(top: str) -> None:
    """The files that decide a registered claim stay as they were registered."""
    registered = {path for claim in CLAIMS for path in deciding_files(claim)}
    files = [path for path in sorted((ROOT / top).rglob("*.py")) if path not in registered]
    named = {f"{path.relative_to(ROOT)}: {each}" for path in files for each in riddles(ast.parse(path.read_text()))}
    assert {each for each in named if each.partition(": ")[2] not in PUBLIC} == set()


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("def f():\n  found = g()\n  a()\n  return found", 0),
        ("def f():\n  found = g()\n  a()\n  b()\n  return found", 1),
        ("def f(found): pass", 1),
        ("f = lambda kept: 1", 1),
        ("class A:\n  own: int", 1),
        ("def f(self):\n  self.kept = 1", 1),
        ("class A:\n  def found(self): pass", 1),
    ],
)
def test_the_rule_sees_a_riddle(text: str, count: int) -> None:
    assert len(list(riddles(ast.parse(text)))) == count

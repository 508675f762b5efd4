"""Every example in a docstring is true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from collections.abc import Iterator

import lossnav.core
import pytest

SCRIPTS = ("lossnav.explorer.app", "lossnav.explorer.views")  # Streamlit runs these; importing them draws a page


def module_names() -> Iterator[str]:
    yield "lossnav.core"
    for package in ("core", "explorer", "sample_models"):
        name = f"lossnav.{package}"
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        found = (info.name for info in pkgutil.walk_packages(module.__path__, f"{name}."))
        yield from (each for each in found if not each.startswith(SCRIPTS))


@pytest.mark.parametrize("name", sorted(set(module_names())))
def test_examples_are_true(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


def test_core_has_examples_to_test() -> None:
    names = [info.name for info in pkgutil.walk_packages(lossnav.core.__path__, "lossnav.core.")]
    found = doctest.DocTestFinder(exclude_empty=True)
    assert sum(len(test.examples) for name in names for test in found.find(importlib.import_module(name))) > 20

"""A survey or a problem by name: what travels to a worker is where it is made and of what, never objects or code."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ..checks import InputError
from ..survey.specification import Specification

Made = TypeVar("Made")


@dataclass(frozen=True)
class Recipe:
    """A function that every worker can import, and what it is given.

    build      "package.module:function", which returns a Specification, or a Problem
    arguments  its one argument, ready for JSON
    """

    build: str
    arguments: Mapping[str, Any]

    def specification(self) -> Specification:
        """The specification, made here (see `made`)."""
        return self.made(Specification)

    def made(self, kind: type[Made]) -> Made:
        """Call the function in this process; it should make a thing of that kind.

        Raises
        ------
        InputError  nothing of that name can be imported, or it makes something else
        """
        thing = self._function()(self.arguments)
        if not isinstance(thing, kind):
            raise InputError(f"'{self.build}' should make a {kind.__name__}, but makes a {type(thing).__name__}.")
        return thing

    def _function(self) -> Callable[[Mapping[str, Any]], Any]:
        module, _, name = self.build.partition(":")
        try:
            function: Callable[[Mapping[str, Any]], Any] = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise InputError(
                f"'{self.build}' should be package.module:function and importable on every worker, but is not ({error})."
            ) from error
        return function

"""A survey by name: what travels to a worker is where its specification is made and of what, never objects or code."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..checks import InputError
from ..survey.specification import Specification


@dataclass(frozen=True)
class Recipe:
    """A function that every worker can import, and what it is given.

    build      "package.module:function", which returns a Specification
    arguments  its one argument, ready for JSON
    """

    build: str
    arguments: Mapping[str, Any]

    def specification(self) -> Specification:
        """The specification, made here.

        Raises
        ------
        InputError  nothing of that name can be imported, or it makes something else
        """
        made = self._function()(self.arguments)
        if not isinstance(made, Specification):
            raise InputError(f"'{self.build}' should make a Specification, but makes a {type(made).__name__}.")
        return made

    def _function(self) -> Callable[[Mapping[str, Any]], Any]:
        module, _, name = self.build.partition(":")
        try:
            found: Callable[[Mapping[str, Any]], Any] = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise InputError(
                f"'{self.build}' should be package.module:function and importable on every worker, but is not ({error})."
            ) from error
        return found

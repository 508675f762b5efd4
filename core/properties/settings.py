"""Settings that need no new measuring: a value for each knob of the terrain and the properties."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any, NoReturn

from ..checks import known
from .protocol import Knob
from .registry import PROPERTIES
from .terrain import TERRAIN

KNOBS: dict[str, Knob] = {knob.name: knob for owner in (*PROPERTIES, TERRAIN) for knob in owner.knobs}


class Settings:
    """A frozen value with one attribute for each knob; what is not given has the knob's default.

    Raises
    ------
    InputError  an unknown name, with the nearest one; a value outside the knob's range

    >>> Settings(temperature=2.0).temperature, Settings().strength, Settings() == Settings(temperature=1.0)
    (2.0, None, True)
    """

    def __init__(self, **values: float | None) -> None:
        for name in values:
            known(name, KNOBS, "setting")
        vars(self).update({name: knob.checked(values.get(name, knob.default)) for name, knob in KNOBS.items()})

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)  # only what `__init__` put there

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to field '{name}'")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(tuple(vars(self).items()))

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

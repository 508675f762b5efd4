"""The options that say which plane is meant: one for each parameter of any kind of plane, made from the list of kinds."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any

import typer
from lossnav.core import InputError
from lossnav.core.plane.kinds import KINDS, Parameter, PlaneKind, kind_named

from ..request.survey import SurveyRequest

TURN = "Degrees by which the second direction turns to a third."
CENTRE = "Around this checkpoint, not the trained network."
SHARED = {"seed"}  # what a command and a plane may both have, since one number serves both
OF_EVERY_PLANE = {"plane", "turn", "centre"}
Place = dict[str, Any]


def with_plane(name: str = "plane", what: str = "The plane") -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command --plane, an option for each parameter of any kind of plane, --turn and --centre.

    The command takes them as one `SurveyRequest`, its parameter `name`; where it has a parameter of its own that is called as
    one of a plane, such as the seed, that counts for both. It must have a parameter `target`.

    what  begins the help of --plane
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        command_parameters = set(signature.parameters)
        _refuse_taken(command_parameters)
        options = {
            option.name: option
            for option in _options(what)
            if option.name == "plane" or option.name not in command_parameters
        }

        @functools.wraps(command)
        def run(**given: Any) -> None:
            values = {key: given.pop(key) for key in options}
            shared = {key: given[key] for key in command_parameters & _parameters().keys()}
            command(**given, **{name: _request(given["target"], values, shared)})

        listed = [o for p in signature.parameters.values() for o in (options.values() if p.name == name else (p,))]
        run.__signature__ = inspect.Signature([p.replace(kind=p.KEYWORD_ONLY) for p in listed])  # type: ignore[attr-defined]
        run.__annotations__ = {}  # the signature's are the ones that count
        return run

    return decorate


def _refuse_taken(command_options: set[str]) -> None:
    """A plane's option that would be read as the command's own, whatever it means there, is a mistake in the list of kinds."""
    for name, owners in _parameters().items():
        if name in (command_options - SHARED) | OF_EVERY_PLANE:
            raise ValueError(
                f"--{_word(name)} is taken: call the parameter of the {owners[0][0].name} plane otherwise."
            )


def _request(target: str, values: Place, shared: Place) -> SurveyRequest:
    kind = kind_named(values.pop("plane"))
    turn, centre = values.pop("turn"), values.pop("centre")
    names = {parameter.name for parameter in kind.parameters}
    given = {name: value for name, value in values.items() if value is not None}
    for name, value in given.items():
        if name not in names and value not in [parameter.default for _, parameter in _parameters()[name]]:
            raise InputError(
                f"--{_word(name)} is of --plane {' and '.join(other.name for other, _ in _parameters()[name])}, but the plane "
                f"is {kind.name}: leave it out, or choose another plane."
            )
    asked = SurveyRequest(target, kind.name).with_values(
        {name: value for name, value in {**shared, **given}.items() if name in names}
    )
    return replace(asked, turn=turn, centre=centre)


def _options(what: str) -> list[inspect.Parameter]:
    names = ", ".join(kind.name for kind in KINDS)
    of_planes = [_own_option(name, owners) for name, owners in _parameters().items()]
    return [
        _option("plane", str, "random", f"{what}: {names}."),
        *of_planes,
        _option("turn", float, 0.0, TURN),
        _option("centre", int | None, None, CENTRE),
    ]


def _own_option(name: str, owners: list[tuple[PlaneKind, Parameter]]) -> inspect.Parameter:
    """The option of a parameter that one or several kinds of planes have."""
    defaults = {parameter.default for _, parameter in owners}
    default = next(iter(defaults)) if len(defaults) == 1 else None
    texts = dict.fromkeys(parameter.help.replace("**", "") for _, parameter in owners)
    text = f"{' '.join(texts)} Of --plane {', '.join(kind.name for kind, _ in owners)}."
    kind = type(owners[0][1].default)
    return _option(name, kind if len(defaults) == 1 else kind | None, default, text)


def _option(name: str, kind: Any, default: Any, text: str) -> inspect.Parameter:
    word = f"--{_word(name)}"
    info = typer.Option(f"{word}/--no-{_word(name)}" if default is True else word, help=text)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info])


def _parameters() -> Mapping[str, list[tuple[PlaneKind, Parameter]]]:
    """Name → the kinds of planes that have such a parameter, and what it is of each."""
    parameters: dict[str, list[tuple[PlaneKind, Parameter]]] = {}
    for kind in KINDS:
        for parameter in kind.parameters:
            parameters.setdefault(parameter.name, []).append((kind, parameter))
    return parameters


def _word(name: str) -> str:
    return name.replace("_", "-")

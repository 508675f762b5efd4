"""The protocol of a kind of plane; the command, the page, figures and a store's identity follow from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ...checks import InputError, known
from ..plane import Plane


class Axis(NamedTuple):
    """The meaning of one direction of a plane.

    title  in words; "" where it is nothing in particular
    share  of the training path's variance along it, where that is known
    """

    title: str = ""
    share: float | None = None


Axes = tuple[Axis, Axis]
NOTHING_IN_PARTICULAR: Axes = (Axis(), Axis())


@dataclass(frozen=True)
class Parameter:
    """A choice that a kind of plane leaves open: a keyword of its maker, an option of the command, a widget of the page.

    name     the keyword; --name on the command
    default  also says what it is: a whole number, a number, a word, yes or no
    help     a sentence
    title    over the widget
    choices  word → how the page calls it; empty: any word
    limits   the least and the largest number; None: any
    places   how many places of parameter space the word names, separated by commas; 0: it names none

    >>> Parameter("seed", 0, "Seed of the draw.").checked("7")
    7
    """

    name: str
    default: Any
    help: str
    title: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[float, float] | None = None
    places: int = 0

    def checked(self, value: Any) -> Any:
        """`value` as what the default is.

        Raises
        ------
        InputError  it cannot be; a word that is no choice; a number outside the limits
        """
        try:
            converted = type(self.default)(value)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{self.name} should be like {self.default!r}, but is {value!r}: give a {type(self.default).__name__}."
            ) from error
        if self.choices:
            known(converted, self.choices, self.name)
        if self.limits is not None and not self.limits[0] <= converted <= self.limits[1]:
            low, high = (f"{end:g}" for end in self.limits)
            raise InputError(f"{self.name} should be from {low} to {high}, but is {converted}.")
        return converted


def plain_axes(facts: Mapping[str, Any]) -> Axes:
    """Of planes whose directions are nothing in particular."""
    return NOTHING_IN_PARTICULAR


@dataclass(frozen=True)
class PlaneKind:
    """A kind of plane.

    name         what --plane says
    title        in the list of planes
    text         a sentence on what it shows
    make         (problem, **values of the parameters) → plane
    parameters   what it leaves open
    axes         what is stored of a plane (its `kind`, `details`, `explained`) → what its two directions are
    stored       `Plane.kind` of what it makes, where that is not its name
    checkpoints  how many of a training path the page asks for before it offers the kind
    around       whether it lies around the network's present weights, so that it can lie around an earlier checkpoint
    turns        whether its second direction can be turned
    turns_live   whether it is made fast enough to be looked at while one turns it
    exact        whether its directions come out the same to the bit whatever the number of threads; they are part of what
                 identifies it then, and else only what `details` says and their lengths to four digits
    found        details that say what was found, such as eigenvalues
    called       details that say how a place is called, whose numbers are in the plane itself
    source       the paper that it is from, such as "Li et al. 2018"; a figure's references have it
                 All other details identify the plane: two that differ in one are two planes

    >>> PlaneKind("mine", "Mine", "A plane of mine.", Plane.random).stored_as
    'mine'
    """

    name: str
    title: str
    text: str
    make: Callable[..., Plane]
    parameters: tuple[Parameter, ...] = ()
    axes: Callable[[Mapping[str, Any]], Axes] = plain_axes
    stored: str = ""
    checkpoints: int = 0
    around: bool = True
    turns: bool = True
    turns_live: bool = False
    exact: bool = True
    found: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    source: str = ""

    @property
    def stored_as(self) -> str:
        """`Plane.kind` of the planes that it makes."""
        return self.stored or self.name

    def checked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The value of every parameter, those not given at their defaults.

        Raises
        ------
        InputError  a name that is none of the kind's parameters, or a value that is none of the parameter's
        """
        parameters = {parameter.name: parameter for parameter in self.parameters}
        for name in values:
            if name not in parameters:
                has = f"has {', '.join(parameters)}" if parameters else "has no parameters"
                raise InputError(f"The {self.name} plane has no parameter '{name}': it {has}.")
        return {name: parameter.checked(values.get(name, parameter.default)) for name, parameter in parameters.items()}

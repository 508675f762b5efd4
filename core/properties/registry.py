"""The navigator properties. A new one is its file and its line in PROPERTIES; all else follows from the protocol."""

from __future__ import annotations

from collections.abc import Iterable

from ..checks import InputError
from .coupling import CouplingProperty
from .density import DensityProperty
from .elasticity import ElasticityProperty
from .memory import MemoryProperty
from .perplexity import PerplexityProperty
from .probability import ProbabilityProperty
from .protocol import NavigatorProperty, Owner, Readout
from .terrain import TERRAIN
from .viscosity import ViscosityProperty

_density = DensityProperty()

PROPERTIES: tuple[NavigatorProperty, ...] = (
    _density,
    CouplingProperty(),
    ElasticityProperty(),
    PerplexityProperty(_density),
    ProbabilityProperty(),
    ViscosityProperty(),
    MemoryProperty(),
)
OWNERS: tuple[Owner, ...] = (TERRAIN, *PROPERTIES)


def by_variable(owners: Iterable[Owner]) -> dict[str, Readout]:
    """The owners' readouts by the names of their variables.

    Raises
    ------
    InputError  two of one name, of which one would be drawn in the other's place

    >>> by_variable([TERRAIN, TERRAIN])
    Traceback (most recent call last):
    ...
    lossnav.core.checks.InputError: Two readouts are called 'loss', of terrain and of terrain: each needs a name of its own.
    """
    readouts: dict[str, tuple[Owner, Readout]] = {}
    for owner in owners:
        for each in owner.readouts:
            if each.variable in readouts:
                first = readouts[each.variable][0].name
                raise InputError(
                    f"Two readouts are called '{each.variable}', of {first} and of {owner.name}: each needs a name of its own."
                )
            readouts[each.variable] = owner, each
    return {variable: readout for variable, (_, readout) in readouts.items()}


READOUTS = by_variable(OWNERS)
HEIGHTS = tuple(readout.variable for readout in READOUTS.values() if readout.like_loss)  # drawn on the loss's own scale


def owner_of(variable: str) -> Owner:
    """The owner of `variable`: the longest name that it is or begins with; the terrain for the rest.

    >>> owner_of("elasticity_force_alpha").name, owner_of("density_se").name, owner_of("test_loss").name
    ('elasticity', 'density', 'terrain')
    """
    found = [p for p in PROPERTIES if variable == p.name or variable.startswith(f"{p.name}_")]
    return max(found, key=lambda each: len(each.name), default=TERRAIN)

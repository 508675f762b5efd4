"""Minima of a surface on a grid by persistence (Edelsbrunner, Letscher & Zomorodian 2002; Wagner, Chen & Vuçini 2012).

Water rises from below. At a minimum a pool begins, and where two pools meet, at a saddle, the shallower ends in the deeper: how far
the water rose between is the minimum's persistence, the least barrier on the grid that leads out of it to a deeper one. What is
shallower than twice the values' error may be made by the error alone. Pools are those of the grid's points joined along its rows
and columns; computed by gudhi's cubical complex.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..checks import InputError

MISSING = "Minima by persistence need gudhi, which is not installed: pip install gudhi."


@dataclass(frozen=True)
class Minimum:
    """A minimum of a surface on a grid.

    cell     its row and column
    value    there
    depth    its persistence, in the values' unit; infinite for the lowest of all
    saddle   row and column where it ends in a deeper one; None for the lowest
    at_edge  whether it lies on the border of the grid, beyond which the surface may go on falling
    """

    cell: tuple[int, int]
    value: float
    depth: float
    saddle: tuple[int, int] | None
    at_edge: bool


def minima(values: np.ndarray, error: float = 0.0) -> list[Minimum]:
    """The minima of a surface that are deeper than twice an error, the deepest first; places that are not finite are walls.

    Parameters
    ----------
    values  (rows, columns)
    error   of the values, in their unit: what is no deeper than twice of it is left out

    Raises
    ------
    InputError  no grid, a negative error, or gudhi is not installed
    """
    values = np.asarray(values, float)
    if values.ndim != 2 or not values.size:
        raise InputError(f"Minima are of a grid of rows and columns, but the values have the shape {values.shape}.")
    if not 0 <= error < np.inf:
        raise InputError(f"error should be a number from 0, but is {error}.")
    walls = np.where(np.isfinite(values), values, np.inf)
    if not np.isfinite(walls).any():
        return []
    paired, lasting = _pairs(walls)
    found = [_minimum(values, birth, death) for birth, death in paired]
    found += [_minimum(values, birth, None) for birth in lasting]
    kept = [each for each in found if np.isfinite(each.value) and each.depth > 2 * error]
    return sorted(kept, key=lambda each: (-each.depth, each.value, each.cell))


def _pairs(walls: np.ndarray) -> tuple[list[tuple[int, int]], list[int]]:
    """Flat places, columns first, of minima with their saddles, and of minima that last."""
    try:
        from gudhi import CubicalComplex
    except ImportError as error:
        raise InputError(MISSING) from error
    cubes = CubicalComplex(vertices=walls)
    cubes.compute_persistence(homology_coeff_field=2, min_persistence=0.0)
    regular, essential = cubes.vertices_of_persistence_pairs()
    paired = [(int(birth), int(death)) for birth, death in (regular[0] if regular else [])]
    return paired, [int(birth) for birth in (essential[0] if essential else [])]


def _minimum(values: np.ndarray, birth: int, death: int | None) -> Minimum:
    (i, j), value = _cell(values, birth), float(values.ravel(order="F")[birth])
    saddle = None if death is None else _cell(values, death)
    depth = np.inf if saddle is None or not np.isfinite(values[saddle]) else float(values[saddle]) - value
    edge = i in (0, values.shape[0] - 1) or j in (0, values.shape[1] - 1)
    return Minimum((i, j), value, depth, saddle if np.isfinite(depth) else None, edge)


def _cell(values: np.ndarray, place: int) -> tuple[int, int]:
    """Row and column of a flat place, rows first.

    >>> _cell(np.zeros((3, 5)), 10)
    (1, 3)
    """
    row, column = np.unravel_index(place, values.shape, order="F")
    return int(row), int(column)

"""The memory that eigenvalues and coupling take, told before they start."""

from __future__ import annotations

from ..checks import InputError
from ..curvature.dense import ROWS_AT_ONCE
from ..curvature.operators import Curvature
from ..machine.memory import byte_text, free_bytes
from ..network.batching import CURVATURE_GRAPH_BYTES

NETWORK_VECTORS = 4  # the network's copy, the point, a gradient, and what is under way
PRODUCT_VECTORS = 4  # of a row: with padding, its image, and their sum in float64
STORE_COPIES = 2  # of a Krylov basis, while it grows
MATRICES = 5  # P × P in float64: the matrix, its vectors, room to find and to test them
FEWEST = 16  # dimensions, beside two for each eigenvalue asked for, without which a Lanczos run is not begun


def lanczos_room(operator: Curvature, wanted: int, at_once: int, held: int, most: int) -> int:
    """Dimensions that a Lanczos run may have: `most`, or as many as there is memory for.

    Parameters
    ----------
    wanted   eigenvalues asked for
    at_once  rows that are multiplied at a time
    held     other vectors that are kept

    Raises
    ------
    InputError  there is no room for a run worth beginning, with the figures
    """
    free, row = free_bytes(operator.device), _row(operator)
    if free is None:
        return most
    fixed = network_bytes(operator, at_once) + held * row
    fewest = min(most, 2 * wanted + FEWEST, operator.size)
    if fixed + STORE_COPIES * fewest * row > free:
        needed = fixed + STORE_COPIES * fewest * row
        raise InputError(
            _sentence(needed, free, f"{held + STORE_COPIES * fewest} vectors of {operator.size:,} numbers")
        )
    return min(most, int((free - fixed) / (STORE_COPIES * row)))


def require_room(operator: Curvature, vectors: int, at_once: int) -> None:
    """Raise InputError, with the figures, where `vectors` of P numbers do not fit beside the network."""
    needed, free = network_bytes(operator, at_once) + vectors * _row(operator), free_bytes(operator.device)
    if free is not None and needed > free:
        raise InputError(_sentence(needed, free, f"{vectors} vectors of {operator.size:,} numbers"))


def matrix_fits(operator: Curvature) -> bool:
    """Whether there is memory for the whole matrix and its eigenvectors."""
    free = free_bytes(operator.device)
    return free is None or _matrix_bytes(operator) <= free


def require_matrix(operator: Curvature, instead: str) -> None:
    """Raise InputError, with the figures and what to do `instead`, where the whole matrix does not fit."""
    free = free_bytes(operator.device)
    if free is not None and _matrix_bytes(operator) > free:
        raise InputError(
            f"The whole matrix of {operator.size:,} × {operator.size:,} numbers needs about "
            f"{byte_text(_matrix_bytes(operator))} of memory, and {byte_text(free)} are free: {instead}."
        )


def network_bytes(operator: Curvature, at_once: int) -> int:
    """Bytes of the network's copy, of the data's graph, and of `at_once` products under way."""
    function = operator.function
    each = 4 * function.activation_bytes * function.problem.draws
    whole, batch = each * function.problem.example_count, each * function.workspace.batch_size
    return (NETWORK_VECTORS + PRODUCT_VECTORS * at_once) * _row(operator) + min(
        whole, max(batch, CURVATURE_GRAPH_BYTES)
    )


def _matrix_bytes(operator: Curvature) -> int:
    return 8 * MATRICES * operator.size**2 + network_bytes(operator, min(ROWS_AT_ONCE, operator.size))


def _row(operator: Curvature) -> int:
    return operator.size * operator.dtype.itemsize


def _sentence(needed: float, free: float, what: str) -> str:
    return (
        f"This needs about {byte_text(needed)} of memory, {what} among it, and {byte_text(free)} are free: give the problem "
        "fewer examples, ask for fewer probes or eigenvalues, or use a machine with more memory."
    )

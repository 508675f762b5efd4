"""A module's output for each example, caught by a forward hook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from ..checks import UNFIT, InputError, known
from ..network.batch_dependence import drawing
from ..network.workspace import Workspace
from ..problem.problem import Problem
from ..problem.trial import first_examples, passes, undrawn
from . import rows
from .rows import flat_rows


def layer_names(problem: Problem) -> list[str]:
    """The modules whose output is one row per example, in the model's order; "" (the whole network) is left out.

    None where the network's modules cannot be looked at while it runs.
    """
    model = problem.working_copy()
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    count, names = problem.tried_count, [name for name, _ in model.named_modules() if name]
    args, kwargs = first_examples(problem, device)
    try:
        with passes(problem.differentiates), undrawn(), _caught(model, names) as outputs:
            problem.adapted(model)(*args, **kwargs)
    except UNFIT:  # compiled modules take no hooks
        return []
    return [name for name in names if name in outputs and outputs[name].ndim > 1 and len(outputs[name]) == count]


def layer_rows(workspace: Workspace, layer: str) -> np.ndarray:
    """The outputs of a module at the workspace's present point, laid flat, (n, d) float64.

    Raises
    ------
    InputError  no module of that name (with the nearest), one without a row per example, or outputs that are not finite
    """
    problem = workspace.problem
    known(layer, layer_names(problem), "layer")
    pieces: list[np.ndarray] = []
    for batch in workspace.batches[: len(workspace.batches) // problem.draws]:  # of the first draw
        drawn = drawing(problem, batch, workspace.device)
        with passes(problem.differentiates), drawn, _caught(workspace.model, [layer]) as found:
            workspace.outputs(batch)
        pieces.append(flat_rows(found[layer]))
        _check(pieces[-1], layer, problem)
    return np.concatenate(pieces)


def _check(piece: np.ndarray, layer: str, problem: Problem) -> None:
    if 8 * piece.shape[1] * problem.example_count > rows.MOST_BYTES:
        raise InputError(
            f"The activations of layer '{layer}' take {problem.example_count:,} × {piece.shape[1]:,} numbers, more than "
            f"{rows.MOST_BYTES / 2**30:.0f} GiB: choose a smaller layer, or give fewer examples."
        )
    if not np.isfinite(piece).all():
        raise InputError(
            f"The activations of layer '{layer}' are not finite at this point, so they have no map: choose a point nearer "
            "to the trained network, or draw the inputs."
        )


@contextmanager
def _caught(model: torch.nn.Module, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """The last output of each named module, filled in while the model runs."""
    outputs: dict[str, Tensor] = {}

    def catch(name: str, output: object) -> None:
        first = output[0] if isinstance(output, (tuple, list)) and output else output
        if isinstance(first, Tensor):
            outputs[name] = first

    modules = dict(model.named_modules())
    handles = [
        modules[name].register_forward_hook(lambda _module, _inputs, output, name=name: catch(name, output))
        for name in names
    ]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()

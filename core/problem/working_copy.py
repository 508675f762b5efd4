"""Copies of a problem's network: what every computation writes to."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from ..checks import InputError, first_line
from . import number_types
from .experts import in_plain_products
from .generators import share_generators
from .number_types import scripted_text
from .wrappers import uncompile

if TYPE_CHECKING:
    from .problem import Problem


def working_copy(problem: Problem, placed: Mapping[str, Tensor] | None = None) -> nn.Module:
    """A copy of the model in eval mode without gradients.

    placed  tensors that hold the trainable parameters already and take the place of copies of them, by name

    Raises
    ------
    InputError  a model that cannot be copied
    """
    # tensors that a module computed and kept (pruned weights, cached activations) have a graph and refuse to be copied
    computed = (t for m in problem.model.modules() for t in vars(m).values() if isinstance(t, Tensor) and not t.is_leaf)
    memo: dict[int, Any] = {id(t): t.detach().clone() for t in computed}
    parameters = dict(problem.model.named_parameters())
    for name, tensor in (placed or {}).items():
        if type(parameters[name]) is nn.Parameter:  # other kinds may carry more than their numbers
            memo[id(parameters[name])] = nn.Parameter(tensor, requires_grad=False)
    try:
        duplicate = copy.deepcopy(problem.model, memo).eval().requires_grad_(False)
        share_generators(duplicate)
        in_plain_products(duplicate)
        for copied, original in zip(duplicate.modules(), problem.model.modules(), strict=True):
            uncompile(copied, original)
        for module in duplicate.modules():
            if isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
                module.sparse = False  # the same gradient, as numbers that have second derivatives too
        if problem.converts:
            number_types.convert(duplicate, problem.dtype)
    except (RuntimeError, TypeError, AttributeError, AssertionError) as error:
        raise InputError(
            scripted_text(problem.model)
            or f"The model cannot be copied ({first_line(error)}), and lossnav computes on a copy so that yours stays as "
            "it is: remove locks, open files and compiled parts from the module."
        ) from error
    if problem.adapter is not None:
        problem.adapter.attach(duplicate)
    return duplicate

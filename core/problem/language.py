"""Labels of language models: theirs are shifted inside, those of a problem are not."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..checks import InputError
from .likelihoods.protocol import IGNORED

SAID = (
    "The targets are the input tokens themselves and were shifted by one, as this language model shifts its labels: place k "
    "predicts token k + 1. shift_labels=False lets each place predict its own token."
)
MODELS = ("CausalLM", "LMHead")  # in the names of the classes of transformers that shift labels themselves


def shifted(model: nn.Module, inputs: tuple[Tensor, ...], targets: Tensor, shift: bool | None) -> Tensor:
    """Targets (n, t) so that place k holds the token that the outputs at place k predict.

    shift  True: they are the inputs' own tokens, to be moved by one; False: they are as they should be; None: they are, but a
           language model's own inputs given as its labels are moved by one, as it would move them inside its own loss

    Raises
    ------
    InputError  targets to be moved that are no tokens

    >>> shifted(nn.Identity(), (), torch.tensor([[5, 6, 7]]), True).tolist()
    [[6, 7, -100]]
    """
    if shift:
        if targets.ndim != 2 or targets.is_floating_point():
            raise InputError(
                f"shift_labels is of token indices (n, t), but the targets have shape {tuple(targets.shape)}."
            )
        return torch.cat([targets[:, 1:], targets.new_full((len(targets), 1), IGNORED)], 1)
    if shift is None and targets.ndim == 2 and _shifts(model) and any(_same(t, targets) for t in inputs):
        return shifted(model, inputs, targets, True)
    return targets


def _shifts(model: nn.Module) -> bool:
    return any(word in type(module).__name__ for module in model.modules() for word in MODELS)


def _same(tokens: Tensor, targets: Tensor) -> bool:
    if tokens.shape != targets.shape or tokens.is_floating_point():
        return False
    predicted = targets != IGNORED
    return bool((tokens.to(targets)[predicted] == targets[predicted]).all())

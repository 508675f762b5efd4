"""The last layer of a language model taken off its copies, so that the loss makes logits a chunk of the vocabulary at a time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .likelihoods.vocabulary import Headed


class HeadOff:
    """As an adapter: a copy of a model of transformers gives `Headed` in place of its output with logits."""

    name = "logits in chunks of the vocabulary"

    def attach(self, network: nn.Module) -> None:
        """From now on `network` gives what goes into its last layer, and that layer."""
        head: Any = network.get_output_embeddings()  # type: ignore[operator]
        head.forward = _as_it_is
        plain_forward = network.forward

        def forward(*args: Any, **kwargs: Any) -> Headed:
            hidden = plain_forward(*args, **kwargs).logits
            bias = getattr(head, "bias", None)
            return Headed(hidden, head.weight, hidden.new_zeros(len(head.weight)) if bias is None else bias)

        network.forward = forward


def _as_it_is(hidden: Tensor) -> Tensor:
    return hidden


@torch.no_grad()
def comes_off(copy: nn.Module, args: dict[str, Any], digits: float = 1e-3) -> bool:
    """Whether a model's logits are its last layer's and no more (no cap, no scale after it); `copy` is written to."""
    head = getattr(copy, "get_output_embeddings", lambda: None)()
    if not isinstance(head, nn.Linear):
        return False
    whole = copy(**args).logits
    HeadOff().attach(copy)
    return bool(torch.allclose(copy(**args).logits, whole, rtol=digits, atol=digits * float(whole.abs().max())))

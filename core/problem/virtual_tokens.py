"""Adapters of peft that put trained tokens before a text (prompt tuning, p-tuning): the last of them predicts the text's first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

IN_THE_TEXT = ("PROMPT_TUNING", "MULTITASK_PROMPT_TUNING", "P_TUNING")  # prefix tuning has them in the keys alone
FIRST_TOO = "The adapter's virtual tokens predict the first token of a text, and each place the token after it, as peft's own loss has it."


@dataclass(frozen=True)
class BeforeEachToken:
    """Takes out of what the network returns the logits of the places before each token of a text.

    >>> import torch, types
    >>> BeforeEachToken(2)(types.SimpleNamespace(logits=torch.arange(5.0)[None, :, None])).flatten().tolist()
    [2.0, 3.0]
    """

    tokens: int

    def __call__(self, returned: Any) -> Tensor:
        logits: Tensor = returned.logits
        return logits[:, logits.shape[1] - self.tokens - 1 : -1]

    def __repr__(self) -> str:
        return "'logits' before each token of the text"


def has_virtual_tokens(model: nn.Module) -> bool:
    """Whether peft's adapter of the model puts tokens before a text."""
    kind = getattr(getattr(model, "active_peft_config", None), "peft_type", None)
    return getattr(kind, "value", kind) in IN_THE_TEXT

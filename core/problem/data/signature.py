"""The arguments of a network's forward, read from its signature, through the wrappers around it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from torch import nn

WRAPPED = ("module", "_orig_mod")  # where DataParallel, DistributedDataParallel and torch.compile keep the network
SHIFTING = (
    "ForCausalLM",
    "LMHeadModel",
    "DoubleHeadsModel",
)  # transformers' names of networks that predict the next token
# arguments that say which places hold an example: 1 there, as transformers have it
TRUE_WHERE_KEPT = ("attention_mask",)
# True where a place is padding, as torch.nn.Transformer has it
TRUE_WHERE_PADDED = ("src_key_padding_mask", "key_padding_mask", "padding_mask", "src_padding_mask")
LENGTHS = ("lengths", "length", "seq_lengths", "seq_lens", "x_lens", "input_lengths")
MASKS = (*TRUE_WHERE_KEPT, *TRUE_WHERE_PADDED, *LENGTHS)


@dataclass(frozen=True)
class Signature:
    """names: of arguments, in order; required: of those without a default; `open_names`, `open_places`: **kwargs, *args."""

    names: tuple[str, ...]
    required: tuple[str, ...]
    open_names: bool
    open_places: bool

    @classmethod
    def of(cls, network: nn.Module) -> Signature:
        """
        >>> Signature.of(nn.DataParallel(nn.Linear(2, 3))).required
        ('input',)
        """
        try:
            parameters = inspect.signature(unwrapped(network).forward).parameters.values()
        except (TypeError, ValueError):  # compiled code says nothing of its arguments
            return cls((), (), True, True)
        plain = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        kinds = {p.kind for p in parameters}
        return cls(
            tuple(p.name for p in plain),
            tuple(p.name for p in plain if p.default is p.empty),
            inspect.Parameter.VAR_KEYWORD in kinds,
            inspect.Parameter.VAR_POSITIONAL in kinds,
        )

    def takes(self, name: str) -> bool:
        """Whether there is an argument of that name."""
        return name in self.names

    @property
    def text(self) -> str:
        """The arguments for people."""
        return f"forward({', '.join([*self.names, *['…'] * (self.open_names or self.open_places)])})"


def unwrapped(network: nn.Module) -> nn.Module:
    """The network inside DataParallel, DistributedDataParallel and torch.compile's wrapper."""
    while True:
        name = type(network).__name__
        inner = next((getattr(network, w) for w in WRAPPED if w in network._modules), None)
        if inner is None or not any(word in name for word in ("Parallel", "OptimizedModule")):
            return network
        network = inner


def shifts_labels(network: nn.Module) -> bool:
    """Whether the network is one of transformers' that compare the output at a place with the label of the next place."""
    for module in network.modules():
        config: Any = getattr(module, "config", None)
        if config is not None and type(module).__name__.endswith(SHIFTING):
            return not getattr(config, "is_encoder_decoder", False)
    return False


def padding_token(network: nn.Module) -> int:
    """The number that stands for padding: the network's own, else 0."""
    for module in network.modules():
        token = getattr(getattr(module, "config", None), "pad_token_id", None)
        if isinstance(token, int):
            return token
    return 0

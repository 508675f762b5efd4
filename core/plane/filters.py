"""The filters of each parameter: the numbers that make one output, asked of the module that owns the parameter.

Li et al. (2018, arXiv:1712.09913, §4) scale a random direction filter by filter: a filter generates one output feature. Where
in a tensor that lies is the module's own convention: rows of nn.Linear, columns of a transposed convolution and of
transformers' Conv1D. The table in docs/methods.md is `table()`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Filter:
    """How one parameter is cut into filters.

    along   the dimension of which each index is a filter; None: the whole tensor is one
    groups  blocks of the first dimension whose filters are their own
    still   whether it is a bias or belongs to a normalisation, and so stays under ignore="biasbn"
    product what a factor of a low-rank adapter is measured by under normalize="product" (`adapter_products`)
    """

    along: int | None = 0
    groups: int = 1
    still: bool = False
    product: Any = None

    def lengths(self, tensor: Tensor) -> Tensor:
        """‖f‖ of every filter f, in a shape that broadcasts over the tensor.

        >>> Filter(1).lengths(torch.tensor([[3.0, 0.0], [4.0, 1.0]]))
        tensor([[5., 1.]])
        """
        return self.rooted([self.squares(tensor)], tensor.shape)

    def squares(self, rows: Tensor) -> Tensor:
        """Squared lengths of some of the tensor's rows, for `rooted`; not of whole tensors or plain rows."""
        kept = {self.along, 0} if self.groups > 1 else {self.along}
        over = [dim for dim in range(rows.ndim) if dim not in kept]
        squared = rows.abs().square()
        return squared.sum(over, keepdim=True) if over else squared

    def rooted(self, parts: list[Tensor], shape: torch.Size) -> Tensor:
        """‖f‖ from the `squares` of all rows, in order."""
        if self.groups == 1:
            return torch.stack(parts).sum(0).sqrt()
        blocks = torch.cat(parts).unflatten(0, (self.groups, -1))
        return blocks.sum(1, keepdim=True).sqrt().expand_as(blocks).flatten(0, 1)


ROWS, COLUMNS, STILL = Filter(), Filter(1), Filter(None, still=True)


@dataclass(frozen=True)
class FilterRule:
    """The filters of the parameters of one kind of module.

    modules     class names, of the module or of what it derives from
    parameters  a regular expression for the parameter's name within its module
    cut         the module → its filter
    text        the filter in words
    applies     whether it is such a module, where the name alone does not say so
    """

    modules: tuple[str, ...]
    parameters: str
    cut: Callable[[Any], Filter]
    text: str
    applies: Callable[[Any], bool] = lambda module: True


def _rows(_: Any) -> Filter:
    return ROWS


def _still(_: Any) -> Filter:
    return STILL


NORMS = tuple(f"{kind}Norm{d}" for kind in ("Batch", "Instance") for d in ("1d", "2d", "3d"))
CELLS = ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")
CONVOLUTIONS = ("Conv1d", "Conv2d", "Conv3d")
TRANSPOSED = tuple(f"ConvTranspose{d}" for d in ("1d", "2d", "3d"))
RULES = (
    FilterRule(("Linear", "Bilinear"), "weight", _rows, "a row: the weights of one output"),
    FilterRule(CONVOLUTIONS, "weight", _rows, "one output channel's kernel (out, in/groups, …); depthwise ones too"),
    FilterRule(
        TRANSPOSED,
        "weight",
        lambda module: Filter(1, module.groups),
        "one output channel's kernel: of each group a column of (in, out/groups, …)",
    ),
    FilterRule(
        ("Conv1D",),
        "weight",
        lambda module: COLUMNS,
        "a column of (in, out): transformers' own layer of GPT-2",
        lambda module: module.weight.ndim == 2 and hasattr(module, "nf"),
    ),
    FilterRule(("Embedding", "EmbeddingBag"), "weight", _rows, "a row: one token's vector"),
    FilterRule(CELLS, r"weight_(ih|hh|hr)\w*", _rows, "a row: one unit's weights of one gate (or of the projection)"),
    FilterRule(
        ("MultiheadAttention",),
        "(in|[qkv])_proj_weight",
        _rows,
        "a row: one unit of the queries, keys or values, which are stacked",
    ),
    FilterRule(("MultiheadAttention",), "bias_[kv]", _still, "all of it; a bias"),
    FilterRule(
        (*NORMS, "SyncBatchNorm", "GroupNorm", "LayerNorm", "RMSNorm"),
        "weight|bias",
        _still,
        "all of it, whatever its dimensions; a normalisation's scale or shift",
    ),
    FilterRule(("PReLU",), "weight", _still, "all of it; slopes of an activation, with one dimension as biases have"),
)
BIAS = re.compile(r"bias(_[a-z]{1,2}(_l\d+(_reverse)?)?)?|\w+_bias")
NORM = re.compile(r"\w*Norm(\dd)?")
COMPUTED = re.compile(r"(\w+)_(orig|v)")  # pruned weights, spectral norm and weight norm as hooks
LORA = re.compile(r"(.*(?:^|[._])lora_(?:embedding_)?)(A|B|down|up)((?:[._].*)?)")
PARTNERS = {"A": "B", "B": "A", "down": "up", "up": "down"}


def filters_of(model: nn.Module) -> dict[str, Filter]:
    """The filter of every parameter by its name in the model; a tied one's is that of the module that comes first.

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm([3]), nn.ConvTranspose1d(4, 6, 3, groups=2))
    >>> [(name, f.along, f.groups) for name, f in filters_of(model).items() if not f.still]
    [('0.weight', 0, 1), ('2.weight', 1, 2)]
    """
    modules = dict(model.named_modules())
    return {
        name: filter_in(modules[name.rpartition(".")[0]], name.rpartition(".")[2], parameter)
        if ".parametrizations." not in f".{name}"
        else _parametrized(modules, name, parameter)
        for name, parameter in model.named_parameters()
    }


def filter_in(module: nn.Module, name: str, parameter: Tensor) -> Filter:
    """The filter of one parameter, by its name in the module that owns it."""
    bases = [base.__name__ for base in type(module).__mro__]
    for rule in RULES:
        if set(rule.modules) & set(bases) and re.fullmatch(rule.parameters, name) and rule.applies(module):
            return rule.cut(module)
    if computed := COMPUTED.fullmatch(name):
        return filter_in(module, computed[1], parameter)
    belongs = NORM.fullmatch(bases[0]) or (name.endswith("_g") and hasattr(module, f"{name[:-2]}_v"))
    return STILL if belongs or BIAS.fullmatch(name) else filter_of(parameter)


def filter_of(parameter: Tensor) -> Filter:
    """The filter of a tensor of which nothing more is known: a row, or with one dimension or none a bias."""
    return STILL if parameter.ndim <= 1 else ROWS


def _parametrized(modules: Mapping[str, nn.Module], name: str, parameter: Tensor) -> Filter:
    """Of `….parametrizations.weight.original`: that of the weight it gives; weight norm's lengths are scales of a norm."""
    place, _, original = name.rpartition(".")
    owner, _, tensor = place.rpartition(".")
    first = next(iter(modules[place].children()), None)
    if type(first).__name__ == "_WeightNorm" and original == "original0":
        return STILL
    found = filter_in(modules[owner.rpartition(".")[0]], tensor, parameter)
    given = getattr(modules[owner.rpartition(".")[0]], tensor)
    return found if given.shape == parameter.shape else filter_of(parameter)


def layer_of(name: str, names: Mapping[str, Any]) -> tuple[str, ...]:
    """The tensors that are one layer under normalize="layer": an adapter's two factors, whose product counts; else one alone.

    >>> layer_of("q.lora_A.weight", {"q.lora_A.weight": 0, "q.lora_B.weight": 0, "q.bias": 0})
    ('q.lora_A.weight', 'q.lora_B.weight')
    """
    partner = partner_of(name)
    return tuple(sorted((name, partner))) if partner in names else (name,)


def partner_of(name: str) -> str:
    """The name of the other factor of a low-rank adapter (Hu et al. 2021); "" where it is none."""
    factor = LORA.fullmatch(name)
    return f"{factor[1]}{PARTNERS[factor[2]]}{factor[3]}" if factor else ""


def table() -> Iterator[tuple[str, str, str]]:
    """Modules, parameters and what a filter of them is, as docs/methods.md has it."""
    for rule in RULES:
        yield ", ".join(rule.modules), rule.parameters, rule.text

"""Which layer owns which parameter: the module whose tensors they are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..parameters.layout import Layout

WHOLE = "model"  # the name of the outermost module, which torch leaves empty


@dataclass(frozen=True)
class Layers:
    """The layers of a network and the place of each parameter among them.

    names  (L,) the owning modules in the order of the parameters
    index  (P,) long, the layer of each parameter, without the engine's padding
    """

    names: tuple[str, ...]
    index: Tensor

    @property
    def count(self) -> int:
        return len(self.names)

    def sums(self, rows: Tensor) -> Tensor:
        """Sum of each row's entries by layer: (m, P) → (m, L), in float64.

        >>> Layers(("a", "b"), torch.tensor([0, 0, 1])).sums(torch.tensor([[1.0, 2.0, 3.0]]))
        tensor([[3., 3.]], dtype=torch.float64)
        """
        total = torch.zeros(len(rows), self.count, dtype=torch.float64, device=rows.device)
        return total.index_add_(1, self.index.to(rows.device), rows.double())


def layers_of(layout: Layout) -> Layers:
    """The modules that own the tensors of a layout: "0.weight" and "0.bias" belong to "0".

    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> layers_of(Layout.of(dict(model.named_parameters()))).names
    ('0', '2')
    """
    owners, names = [_owner(name) for name in layout.names], tuple(layer_sizes(layout))
    pieces = [torch.full((width,), names.index(owner)) for owner, width in zip(owners, layout.widths, strict=True)]
    return Layers(names, torch.cat(pieces))


def layer_sizes(layout: Layout) -> dict[str, int]:
    """How many parameters each of the layers of `layers_of` has, by name.

    No parameter's place is written down, which would take twice the memory of a float32 network.

    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> layer_sizes(Layout.of(dict(model.named_parameters())))
    {'0': 9, '2': 4}
    """
    sizes: dict[str, int] = {}
    for name, width in zip(layout.names, layout.widths, strict=True):
        sizes[_owner(name)] = sizes.get(_owner(name), 0) + width
    return sizes


def _owner(name: str) -> str:
    # torch's parametrisations keep a module's weight as "0.parametrizations.weight.original0"
    inner = name.split("parametrizations.")[0] if "parametrizations." in name else name.rpartition(".")[0]
    return inner.rstrip(".") or WHOLE

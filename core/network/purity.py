"""Keeps a network the same from point to point where its forward writes to itself or draws random numbers."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..machine.random_state import put_back, random_state, same, seed_all
from ..machine.sparse import equal

SEED = 0


class Stillness:
    """Runs a computation on a network and puts back what it changed, so that no point depends on the points before it.

    Put back are buffers and other tensors that a module holds, what its attributes are bound to, and the memory of its
    parameters; the numbers of trainable parameters are the caller's. A network that was seen to draw random numbers, from
    torch's, Python's or NumPy's own generator, gets the same ones at every point; the caller's random state stays as it was.
    Not seen: lists and other containers that are changed in place, and generators of the network's own.

    Writes are noticed by torch's own count of them, which costs next to nothing where there are none; those that torch does
    not count (through `.data`), and numbers drawn by Python or NumPy, are looked for after the first run.

    model   the network
    device  where it runs
    frozen  the values of parameters that are not trained, by name: where they are put back from

    >>> norm = nn.BatchNorm1d(2)
    >>> still = Stillness(norm)
    >>> [still.run(lambda: norm.running_mean.add_(1.0).tolist()) for _ in range(2)]
    [[1.0, 1.0], [1.0, 1.0]]
    >>> still.is_still
    False
    """

    def __init__(
        self, model: nn.Module, device: torch.device | None = None, frozen: Mapping[str, Tensor] | None = None
    ) -> None:
        modules = [m for m in model.modules() if not isinstance(m, torch.jit.ScriptModule)]
        # torch's own layers rebind nothing
        own_code = {m for m in modules if type(m).__module__.partition(".")[0] != "torch"}
        self._attributes = [(vars(m), dict(vars(m))) for m in own_code]
        entries = [(m, place) for m in modules for place in (m._buffers, m._parameters)]
        self._entries = [(place, dict(place)) for m, place in entries if place or m in own_code]
        self._memory = [(p, p.data_ptr(), p.data) for p in model.parameters() if type(p) is nn.Parameter]
        held = [t for m in modules for t in vars(m).values() if isinstance(t, Tensor)]
        own = {id(t): (t, t.detach().clone()) for t in (*model.buffers(), *held)}
        named = dict(model.named_parameters())
        self._kept = [*own.values(), *((named[name], value) for name, value in (frozen or {}).items())]
        self._versions = [_writes(tensor) for tensor, _ in self._kept]
        self._device = device if device is not None and device.type == "cuda" else None
        self._runs = 0
        self._draws = self._wrote = self._uncounted = False

    @property
    def is_still(self) -> bool:
        """Whether nothing was ever written or drawn, so that the network is a function of weights and inputs."""
        self.restore()
        return not (self._draws or self._wrote)

    def run(self, compute: Callable[[], Tensor]) -> Tensor:
        """The result of `compute`, from the network as it was at first."""
        self.restore()
        before = self._random_state()
        if self._draws:
            seed_all(SEED)
        try:
            result = compute()
        finally:
            moved = self._draws or not same(before, self._random_state())
            if moved:
                put_back(before, self._device)
            self._runs += 1
        if self._runs == 1 or self._wrote:
            self.restore()  # whatever else uses the network finds it as it was
        if moved and not self._draws:
            self._draws = True
            return self.run(compute)  # the first time was not from the seed
        return result

    def begin(self, number: int) -> None:
        """Where the network draws, start the draws of the batch of this number: the same ones whatever was drawn before."""
        if self._draws:
            seed_all(SEED + number)

    def _random_state(self) -> list[Any]:
        return random_state(self._device, python=self._draws or self._runs == 0)

    def restore(self) -> None:
        """Put back what was written since the last time."""
        for place, first in self._attributes:
            _put_back(place, first)
        if sum(_put_back(place, first) for place, first in self._entries):
            self._wrote = True
        for parameter, address, memory in self._memory:
            if parameter.data_ptr() != address:
                parameter.data, self._wrote = memory, True
        if self._runs == 1:
            self._uncounted |= not all(equal(tensor, value) for tensor, value in self._kept)
        for index, (tensor, value) in enumerate(self._kept):
            if self._uncounted or _writes(tensor) != self._versions[index]:
                tensor.copy_(value)
                self._versions[index], self._wrote = _writes(tensor), True


def _put_back(place: dict[str, Any], first: dict[str, Any]) -> bool:
    """Bind the names of `place` as they were at first; returns whether any was bound to something else."""
    if place.keys() == first.keys() and not any(map(operator.is_not, place.values(), first.values())):
        return False
    place.clear()
    place.update(first)
    return True


def _writes(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version

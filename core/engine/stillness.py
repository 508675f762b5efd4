"""Keeps a network the same from point to point where its forward writes buffers or draws random numbers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

SEED = 0


class Stillness:
    """Runs a computation on a network and puts back what it changed, so that no point depends on the points before it.

    Buffers are looked at by torch's own count of in-place writes, which costs next to nothing where none happen. A
    network that was seen to draw random numbers gets the same ones at every point; the caller's random state stays as
    it was.

    >>> norm = nn.BatchNorm1d(2)
    >>> Stillness(norm).run(lambda: norm.running_mean.add_(1.0).tolist())
    [1.0, 1.0]
    >>> still = Stillness(norm)
    >>> [still.run(lambda: norm.running_mean.add_(1.0).tolist()) for _ in range(2)]
    [[2.0, 2.0], [2.0, 2.0]]
    >>> still.is_still
    False
    """

    def __init__(self, model: nn.Module, device: torch.device | None = None) -> None:
        self._kept = [
            (module, name, buffer, buffer.detach().clone())
            for module in model.modules()
            for name, buffer in module._buffers.items()
            if buffer is not None
        ]
        self._versions = [buffer._version for _, _, buffer, _ in self._kept]
        self._device = device if device is not None and device.type == "cuda" else None
        self._draws = self._wrote = False

    @property
    def is_still(self) -> bool:
        """Whether nothing was ever written or drawn, so that the network is a function of weights and inputs."""
        self._restore_buffers()
        return not (self._draws or self._wrote)

    def run(self, compute: Callable[[], Tensor]) -> Tensor:
        """The result of `compute`, from the buffers as they were at first."""
        self._restore_buffers()
        before = self._random_state()
        if self._draws:
            torch.manual_seed(SEED)
        try:
            result = compute()
        finally:
            moved = self._draws or not _same(before, self._random_state())
            if moved:
                self._set_random_state(before)
        if moved and not self._draws:
            self._draws = True
            return self.run(compute)  # the first time was not from the seed
        return result

    def _random_state(self) -> list[Tensor]:
        states = [torch.get_rng_state()]
        return states if self._device is None else [*states, torch.cuda.get_rng_state(self._device)]

    def _set_random_state(self, states: list[Tensor]) -> None:
        torch.set_rng_state(states[0])
        if self._device is not None:
            torch.cuda.set_rng_state(states[1], self._device)

    def _restore_buffers(self) -> None:
        for index, (module, name, buffer, value) in enumerate(self._kept):
            if module._buffers[name] is not buffer or buffer._version != self._versions[index]:
                buffer.copy_(value)
                module._buffers[name] = buffer
                self._versions[index] = buffer._version
                self._wrote = True


def _same(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))

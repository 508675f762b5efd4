"""Where the network has been: checkpoints along its training, and the anchor that elasticity pulls back to."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from ..checks import InputError, finite, matching
from ..parameters import vectors
from .weights import read_weights

# BatchNorm's own names, at the end of a buffer's
STATISTICS = ("running_mean", "running_var")


class Trajectory:
    """Checkpoints θ_0 … θ_T of the trainable parameters, in the order of training.

    Parameters
    ----------
    checkpoints  dict name → tensor (T + 1, *shape), or a sequence of dicts name → tensor (*shape)
    steps        the optimiser step of each checkpoint, increasing; 0, 1, 2, … where not given

    Attributes
    ----------
    statistics   BatchNorm's running means and variances that came along in the checkpoints, name → (T + 1, *shape)

    >>> path = Trajectory([{"w": torch.zeros(2)}, {"w": torch.ones(2)}], steps=[0, 10])
    >>> len(path), path.at(1)["w"].tolist(), round(path.length, 4)
    (2, [1.0, 1.0], 1.4142)

    Raises
    ------
    InputError  fewer than two checkpoints, names or shapes that differ between them, steps that do not increase
    """

    def __init__(
        self, checkpoints: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]], steps: Sequence[int] | None = None
    ) -> None:
        self._stacked = _stack(checkpoints)
        self.statistics = {k: stack for k, stack in self._stacked.items() if k.endswith(STATISTICS)}
        count = next(iter(self._stacked.values())).shape[0]
        self.steps = tuple(int(s) for s in steps) if steps is not None else tuple(range(count))
        if count < 2 or len(self.steps) != count:
            raise InputError(
                f"A trajectory needs two or more checkpoints and one step for each, but has {count} checkpoints and "
                f"{len(self.steps)} steps."
            )
        if any(b <= a for a, b in zip(self.steps, self.steps[1:], strict=False)):
            raise InputError(
                "The steps of a trajectory should increase: order the checkpoints as training passed them."
            )

    @classmethod
    def from_files(cls, paths: Sequence[str | Path], steps: Sequence[int] | None = None) -> Trajectory:
        """Read one weights file per checkpoint (safetensors, or state dicts saved by torch)."""
        return cls([read_weights(path) for path in paths], steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        return (self.at(t) for t in range(len(self)))

    def at(self, index: int) -> dict[str, Tensor]:
        """Checkpoint number `index` as dict name → tensor (views, not copies)."""
        return {name: stack[index] for name, stack in self._stacked.items()}

    def stacked(self, name: str) -> Tensor:
        """One parameter at every checkpoint, (T + 1, *shape)."""
        return self._stacked[name]

    def check(self, parameters: Mapping[str, Tensor]) -> None:
        """Raise InputError unless the checkpoints belong to a model with these trainable parameters."""
        matching(self.at(0), parameters, "The trajectory")
        finite({name: self._stacked[name] for name in parameters}, "Trajectory of")

    def only(self, names: Sequence[str]) -> Trajectory:
        """The same path over the named parameters; of the buffers that came along, BatchNorm's statistics stay beside it."""
        path = Trajectory({name: self._stacked[name] for name in names}, self.steps)
        path.statistics = self.statistics
        return path

    def statistics_at(self, index: int) -> dict[str, Tensor]:
        """The statistics of checkpoint number `index`, name → tensor; nothing where the checkpoints have none."""
        return {name: stack[index] for name, stack in self.statistics.items()}

    @functools.cached_property
    def segment_lengths(self) -> list[float]:
        """Euclidean length of each step between neighbouring checkpoints, T numbers."""
        return [vectors.norm(vectors.subtract(self.at(t + 1), self.at(t))) for t in range(len(self) - 1)]

    @functools.cached_property
    def length(self) -> float:
        """Length of the path through the checkpoints, in parameter units."""
        return sum(self.segment_lengths)

    @functools.cached_property
    def displacement(self) -> float:
        """Straight distance from the first checkpoint to the last, in parameter units."""
        return vectors.norm(vectors.subtract(self.at(len(self) - 1), self.at(0)))


def _stack(checkpoints: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    if isinstance(checkpoints, Mapping):
        stacked = {name: tensor.detach() for name, tensor in checkpoints.items()}
        counts = {tensor.shape[:1] for tensor in stacked.values()}
        if len(counts) != 1 or not all(counts):
            raise InputError("Stacked checkpoints should share their first dimension, the number of checkpoints.")
        return stacked
    if len(checkpoints) == 0:
        raise InputError("A trajectory needs two or more checkpoints, but got none.")
    first = checkpoints[0]
    for t, checkpoint in enumerate(checkpoints):
        matching(checkpoint, first, f"Checkpoint {t}")
    return {name: torch.stack([c[name].detach() for c in checkpoints]) for name in first}


@dataclass(frozen=True)
class Anchor:
    """An earlier configuration θ* with the Fisher diagonal F* there, and the strength λ of the pull back to it.

    Parameters
    ----------
    parameters  dict name → tensor, θ* over the trainable parameters
    fisher      dict name → tensor of the same shapes, F* ≥ 0 (mean over examples of squared per-example gradients)
    strength    λ ≥ 0, dimensionless; the penalty is λ Σ F*_i (θ_i − θ*_i)² (Kirkpatrick et al. 2017 write λ/2)
    label       a few words on what the anchor is, shown to the user

    Raises
    ------
    InputError  shapes that differ, negative Fisher values, a negative strength
    """

    parameters: dict[str, Tensor] = field(repr=False)
    fisher: dict[str, Tensor] = field(repr=False)
    strength: float = 1.0
    label: str = "earlier task"

    def __post_init__(self) -> None:
        matching(self.fisher, self.parameters, "The anchor's Fisher diagonal")
        finite(self.parameters, "The anchor's parameter")
        finite(self.fisher, "The anchor's Fisher diagonal of")
        if any(bool((f < 0).any()) for f in self.fisher.values()):
            raise InputError("The anchor's Fisher diagonal should not be negative: it is a mean of squared gradients.")
        if not self.strength >= 0:
            raise InputError(f"The anchor's strength should be zero or more, but is {self.strength}.")

"""Where the network has been: checkpoints along its training, and the anchor that elasticity pulls back to."""

from __future__ import annotations

import copy
import functools
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..checks import InputError, finite, matching
from ..parameters import vectors
from ..parameters.hashing import tensor_digest
from .checkpoints import STATISTICS, Checkpoints, Held, Stored
from .steps import checkpoints_in, steps_in

TOLD_BYTES = 2**30  # of checkpoints on disk, from which on it is said what reading them takes
SMALLEST = 1e-7  # of singular values, as a share of the largest: below it the Gram matrix is rounding

log = logging.getLogger("lossnav")


class Trajectory:
    """Checkpoints θ_0 … θ_T of the trainable parameters, in the order of training.

    Parameters
    ----------
    checkpoints  dict name → tensor (T + 1, *shape), or a sequence of dicts name → tensor (*shape), or of the networks themselves
    steps        the optimiser step of each checkpoint, increasing; 0, 1, 2, … where not given
    losses       the training's own loss at each checkpoint, where it was written down (None: not there)

    Attributes
    ----------
    notes        what was found out about the checkpoints, in sentences
    statistics   BatchNorm's running means and variances that came along in the checkpoints, name → (T + 1, *shape)

    >>> path = Trajectory([{"w": torch.zeros(2)}, {"w": torch.ones(2)}], steps=[0, 10])
    >>> len(path), path.at(1)["w"].tolist(), round(path.length, 4)
    (2, [1.0, 1.0], 1.4142)

    Raises
    ------
    InputError  fewer than two checkpoints, names or shapes that differ between them, steps that do not increase, or the same
                tensors twice (a state dict that was kept without a copy)
    """

    def __init__(
        self,
        checkpoints: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor] | nn.Module],
        steps: Sequence[int] | None = None,
        losses: Sequence[float | None] | None = None,
    ) -> None:
        given = checkpoints if isinstance(checkpoints, Mapping) else [_state(each) for each in checkpoints]
        stacked = _stack(given)
        self.statistics = {k: stack for k, stack in stacked.items() if k.endswith(STATISTICS)}
        self._begin(Held(stacked), steps, losses)

    def _begin(
        self,
        checkpoints: Checkpoints,
        steps: Sequence[int] | None,
        losses: Sequence[float | None] | None,
        notes: Sequence[str] = (),
    ) -> None:
        self._checkpoints, count = checkpoints, len(checkpoints)
        self.steps = tuple(int(s) for s in steps) if steps is not None else tuple(range(count))
        self.losses = None if losses is None else tuple(losses)
        self.notes = tuple(notes)
        if count < 2 or len(self.steps) != count:
            raise InputError(
                f"A trajectory needs two or more checkpoints and one step for each, but has {count} checkpoints and "
                f"{len(self.steps)} steps."
            )
        if any(b <= a for a, b in zip(self.steps, self.steps[1:], strict=False)):
            raise InputError(
                "The steps of a trajectory should increase: order the checkpoints as training passed them."
            )
        if self.losses is not None and len(self.losses) != count:
            raise InputError(f"There should be one loss for each of {count} checkpoints, but are {len(self.losses)}.")

    @classmethod
    def from_files(
        cls,
        paths: Sequence[str | Path],
        steps: Sequence[int] | None = None,
        *,
        key: str | None = None,
        prefix: str | None = None,
    ) -> Trajectory:
        """One file of weights, or one checkpoint folder, for each checkpoint: read as they are needed, never all at once.

        Safetensors, state dicts saved by torch, Lightning's .ckpt, folders of transformers and peft. Where `steps` are not
        given they are read from the names, and the files are put in their order (checkpoint-2 before checkpoint-10).

        key, prefix  which state dict in the files, and which names in it, where several fit the network
        """
        files = [Path(path) for path in paths]
        notes = _repeated(files)
        told = steps_in([path.name for path in files]) if steps is None and len(files) > 1 else None
        if told is not None:
            order = sorted(range(len(files)), key=lambda i: told[i])
            if order != list(range(len(files))):
                notes.append("The files were put in the order of the steps in their names.")
            files, steps = [files[i] for i in order], [told[i] for i in order]
        return cls._stored(files, steps, key, prefix, notes)

    @classmethod
    def from_folder(cls, folder: str | Path, *, key: str | None = None, prefix: str | None = None) -> Trajectory:
        """All checkpoints in a folder that tell their step in their names, in the order of training.

        Of a folder that a `Recorder` filled, the training's own losses come along.

        Raises
        ------
        InputError  no such folder, or fewer than two such checkpoints
        """
        files, steps, left = checkpoints_in(folder)
        notes = [f"Left out, as their names tell no step: {', '.join(left)}."] if left else []
        return cls._stored(files, steps, key, prefix, notes)

    @classmethod
    def _stored(
        cls,
        files: Sequence[Path],
        steps: Sequence[int] | None,
        key: str | None,
        prefix: str | None,
        notes: Sequence[str],
    ) -> Trajectory:
        if len(files) == 0:
            raise InputError("A trajectory needs two or more checkpoints, but got none.")
        stored, path = Stored.of(files, key, prefix), cls.__new__(cls)
        losses = [file.metadata().get("loss") for file in stored.files]
        known = [None if loss is None else float(loss) for loss in losses]
        if stored.bytes_each * len(stored) > TOLD_BYTES:
            notes = [*notes, stored.forecast]
            log.warning(stored.forecast)
        path.statistics = {}  # known when it is known whose they are
        path._begin(stored, steps, known if any(loss is not None for loss in known) else None, notes)
        return path

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        return (self.at(t) for t in range(len(self)))

    @property
    def is_streamed(self) -> bool:
        """Whether the checkpoints stay on disk."""
        return isinstance(self._checkpoints, Stored)

    def at(self, index: int) -> dict[str, Tensor]:
        """Checkpoint number `index` as dict name → tensor (views where they are held, else read)."""
        return self._checkpoints.at(index)

    def stacked(self, name: str) -> Tensor:
        """One parameter at every checkpoint, (T + 1, *shape)."""
        return self._checkpoints.stacked(name)

    def fitted(self, parameters: Mapping[str, Tensor]) -> Trajectory:
        """The same path over these trainable parameters: prefixes taken off, buffers that came along left out.

        Raises
        ------
        InputError  checkpoints that do not belong to a network with these parameters, or are not finite
        """
        checkpoints, said, statistics = self._checkpoints.fitted(parameters)
        path = copy.copy(self)
        for name in ("segment_lengths", "displacement", "length", "principal"):
            path.__dict__.pop(name, None)
        path._checkpoints, path.statistics = checkpoints, statistics
        path.notes = (*self.notes, *([f"Checkpoints: {said}"] if said else []), *_alike(path))
        return path

    def statistics_at(self, index: int) -> dict[str, Tensor]:
        """The statistics of checkpoint number `index`, name → tensor; nothing where the checkpoints have none."""
        return {name: stack[index] for name, stack in self.statistics.items()}

    def digest(self) -> str:
        """SHA-256 of steps, names and numbers."""
        if isinstance(self._checkpoints, Stored):
            if not hasattr(self, "_digest"):  # reading all of it takes long, and it does not change
                self._digest = self._checkpoints.digest(self.steps)
            return self._digest
        rows = zip(self.steps, self, strict=True)
        return tensor_digest({f"{step}/{k}": v for step, point in rows for k, v in point.items()})

    @functools.cached_property
    def segment_lengths(self) -> list[float]:
        """Euclidean length of each step between neighbouring checkpoints, T numbers."""
        lengths, before = [], self.at(0)
        for t in range(1, len(self)):
            after = self.at(t)
            lengths.append(vectors.norm(vectors.subtract(after, before)))
            before = after
        return lengths

    @functools.cached_property
    def length(self) -> float:
        """Length of the path through the checkpoints, in parameter units."""
        return sum(self.segment_lengths)

    @functools.cached_property
    def displacement(self) -> float:
        """Straight distance from the first checkpoint to the last, in parameter units."""
        return vectors.norm(vectors.subtract(self.at(len(self) - 1), self.at(0)))

    def streamed_components(self) -> tuple[list[dict[str, Tensor]], np.ndarray, np.ndarray]:
        """The two leading principal components of {θ_t − θ_T} from the Gram matrix, of checkpoints on disk.

        Returns
        -------
        components  two vectors by name, of length 1, with signs such that the first checkpoint has coordinates ≥ 0
        singular    singular values of the centred differences, decreasing, (T + 1,)
        shares      each component's share of the variance, (T + 1,)

        The method of snapshots (Sirovich 1987): of X centred, XᵀX and XXᵀ have the same eigenvalues.
        """
        assert isinstance(self._checkpoints, Stored)
        gram = self._checkpoints.gram()
        centred = gram - gram.mean(0) - gram.mean(1)[:, None] + gram.mean()
        values, bases = np.linalg.eigh(centred)
        values, bases = np.maximum(values[::-1], 0.0), bases[:, ::-1]
        singular = np.sqrt(values)
        components = []
        for k in range(2):
            if singular[k] <= SMALLEST * singular[0]:
                break
            weights = (bases[:, k] - bases[:, k].mean()) / singular[k]
            components.append(self._checkpoints.combined(weights * (-1.0 if weights @ gram[:, 0] < 0 else 1.0)))
        return components, singular, values / max(values.sum(), np.finfo(float).tiny)


def _alike(path: Trajectory) -> list[str]:
    """Neighbours that are the same, of checkpoints that are held; files are not read for this."""
    if path.is_streamed:
        return []
    same = [t for t in range(len(path) - 1) if _equal(path.at(t), path.at(t + 1))]
    if len(same) == len(path) - 1:
        return ["All checkpoints are the same, so there is no path: was each kept as a copy (clone) of the weights?"]
    pairs = ", ".join(f"{path.steps[t]} and {path.steps[t + 1]}" for t in same[:3])
    return [f"The checkpoints of steps {pairs}{' and others' if len(same) > 3 else ''} are the same."] if same else []


def _equal(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def _repeated(files: Sequence[Path]) -> list[str]:
    names = [path.resolve() for path in files]
    twice = sorted({path.name for path in names if names.count(path) > 1})
    return [f"The same file comes more than once: {', '.join(twice[:3])}."] if twice else []


def _state(checkpoint: Mapping[str, Tensor] | nn.Module) -> Mapping[str, Tensor]:
    return checkpoint.state_dict() if isinstance(checkpoint, nn.Module) else checkpoint


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
        if t and _shares_memory(checkpoint, checkpoints[t - 1]):
            raise InputError(
                f"Checkpoints {t - 1} and {t} are the same tensors, so that all of them hold the last weights: keep a copy of "
                "each, {k: v.detach().clone() for k, v in model.state_dict().items()}."
            )
    return {name: torch.stack([c[name].detach() for c in checkpoints]) for name in first}


def _shares_memory(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether two state dicts are views of the same weights, as those are that were kept without a copy."""
    full = [name for name in one if one[name].numel() and name in other]
    return bool(full) and all(one[name].data_ptr() == other[name].data_ptr() for name in full)


@dataclass(frozen=True)
class Anchor:
    """An earlier configuration θ* with the Fisher diagonal F* there, and the strength λ of the pull back to it.

    Parameters
    ----------
    parameters  dict name → tensor, θ* over the trainable parameters
    fisher      dict name → tensor of the same shapes, F* ≥ 0 (mean over examples of squared per-example gradients)
    strength    λ ≥ 0, dimensionless; the penalty is λ Σ F*_i (θ_i − θ*_i)² (Kirkpatrick et al. 2017 write λ/2)
    label       a few words on what the anchor is, shown to the user
    groups      independent estimates of F* whose mean `fisher` is, which give what rests on it a standard error; empty where
                F* is exact, or nothing is known of its error

    Raises
    ------
    InputError  shapes that differ, negative Fisher values, a negative strength
    """

    parameters: dict[str, Tensor] = field(repr=False)
    fisher: dict[str, Tensor] = field(repr=False)
    strength: float = 1.0
    label: str = "earlier task"
    groups: tuple[dict[str, Tensor], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        matching(self.fisher, self.parameters, "The anchor's Fisher diagonal")
        finite(self.parameters, "The anchor's parameter")
        finite(self.fisher, "The anchor's Fisher diagonal of")
        if any(bool((f < 0).any()) for f in self.fisher.values()):
            raise InputError("The anchor's Fisher diagonal should not be negative: it is a mean of squared gradients.")
        if not 0 <= self.strength < math.inf:
            raise InputError(f"The anchor's strength should be zero or more, and finite, but is {self.strength}.")

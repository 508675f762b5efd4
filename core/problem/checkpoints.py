"""Checkpoints of a training: held in memory, or left on disk and read one after another, so that any number of them will do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError, finite, matching
from ..machine.memory import byte_text
from ..parameters.vectors import PIECE_NUMBERS, numbers, raw, wide
from .weight_files import Group, WeightsFile, chosen_group, weights_file
from .weight_names import Fit, fit
from .weights import find

READ_NUMBERS = 2**24  # numbers of all checkpoints together that are held at once, 128 MB in float64
READ_SPEED = 1e9  # bytes a second, as a disk of today gives
# BatchNorm's own names, at the end of a buffer's
STATISTICS = ("running_mean", "running_var")


class Checkpoints(Protocol):
    """θ_0 … θ_T by name, wherever they are."""

    def __len__(self) -> int: ...

    def at(self, index: int) -> dict[str, Tensor]:
        """Checkpoint number `index`."""

    def stacked(self, name: str) -> Tensor:
        """One parameter at every checkpoint, (T + 1, *shape)."""

    def fitted(self, wanted: Mapping[str, Tensor]) -> tuple[Checkpoints, str | None, dict[str, Tensor]]:
        """The same over these names, in their order; what was done to names; BatchNorm's statistics, stacked, by name."""


class Held:
    """Checkpoints in memory, stacked."""

    def __init__(self, stacked: dict[str, Tensor]) -> None:
        self._stacked = stacked

    def __len__(self) -> int:
        return len(next(iter(self._stacked.values())))

    def at(self, index: int) -> dict[str, Tensor]:
        """Views, not copies."""
        return {name: stack[index] for name, stack in self._stacked.items()}

    def stacked(self, name: str) -> Tensor:
        """One parameter at every checkpoint."""
        return self._stacked[name]

    def fitted(self, wanted: Mapping[str, Tensor]) -> tuple[Held, str | None, dict[str, Tensor]]:
        """The named ones, all finite."""
        fitting = fit(list(self._stacked), [[name] for name in wanted])
        names = {name: name for name in wanted} if fitting is None else fitting.names
        only = {name: self._stacked[there] for name, there in names.items() if there in self._stacked}
        matching({k: s[0] for k, s in only.items()}, wanted, "The trajectory")
        finite({name: only[name] for name in wanted}, "Trajectory of")
        statistics = {name: self._stacked[there] for name, there in _statistics(self._stacked, names).items()}
        return Held({name: only[name] for name in wanted}), None if fitting is None else fitting.said, statistics


class Stored:
    """Checkpoints on disk, one file or folder each; a tensor is read when it is asked for, and not kept."""

    def __init__(
        self,
        files: Sequence[WeightsFile],
        places: Sequence[tuple[Group, Mapping[str, str]]] | None = None,
        key: str | None = None,
        prefix: str | None = None,
    ) -> None:
        self.files, self._places, self._key, self._prefix = list(files), places, key, prefix

    @classmethod
    def of(cls, paths: Sequence[str | Path], key: str | None = None, prefix: str | None = None) -> Stored:
        """The checkpoints at these paths; they are only checked to exist."""
        return cls([weights_file(path) for path in paths], None, key, prefix)

    def __len__(self) -> int:
        return len(self.files)

    def at(self, index: int) -> dict[str, Tensor]:
        """Checkpoint number `index`, read from disk."""
        group, names = self._place(index)
        tensors = dict(zip(names, self.files[index].read(group, list(names.values())), strict=True))
        finite(tensors, f"{self.files[index].path.name}:")
        return tensors

    def stacked(self, name: str) -> Tensor:
        """One parameter at every checkpoint: what all of them have of it is read."""
        return self.rows([(name, 0, None)])[0]

    def rows(self, parts: Sequence[tuple[str, int, int | None]]) -> list[Tensor]:
        """Rows of parameters at every checkpoint, (T + 1, rows, …) for each part."""
        per_file = []
        for index, file in enumerate(self.files):
            group, names = self._place(index)
            per_file.append(file.rows(group, [(names[name], start, stop) for name, start, stop in parts]))
        return [torch.stack(each) for each in zip(*per_file, strict=True)]

    def fitted(self, wanted: Mapping[str, Tensor]) -> tuple[Stored, str | None, dict[str, Tensor]]:
        """The named ones; every file's names and shapes are looked at, its numbers when they are read."""
        groups, said, places = [[name] for name in wanted], None, []
        known: dict[object, tuple[Group, Fit]] = {}
        for file in self.files:
            shapes = file.shapes()
            alike = tuple((group, tuple(names)) for group, names in shapes.items())
            place_and_fit = known.get(alike) or find(file, shapes, groups, self._key, self._prefix)
            if place_and_fit is None:
                raise _another_network(file, shapes, wanted)
            group, fitting = known[alike] = place_and_fit
            for name, there in fitting.names.items():
                _check_shape(file, there, shapes[group][there], wanted[name].shape)
            places.append((group, fitting.names))
            said = said or fitting.said
        return Stored(self.files, places), said, self._stacked_statistics(places)

    def _stacked_statistics(self, places: Sequence[tuple[Group, Mapping[str, str]]]) -> dict[str, Tensor]:
        """BatchNorm's, which are few numbers, where every checkpoint has them."""
        each = [
            (file, group, _statistics(file.shapes()[group], names))
            for file, (group, names) in zip(self.files, places, strict=True)
        ]
        names = [name for name in each[0][2] if all(name in stored for _, _, stored in each)]
        if not names:
            return {}
        rows = [file.read(group, [stored[name] for name in names]) for file, group, stored in each]
        return dict(zip(names, map(torch.stack, zip(*rows, strict=True)), strict=True))

    def _place(self, index: int) -> tuple[Group, Mapping[str, str]]:
        if self._places is not None:
            return self._places[index]
        file = self.files[index]
        shapes = file.shapes()
        group = chosen_group(shapes, file.path, self._key)
        start = self._prefix or ""
        return group, {name[len(start) :]: name for name in shapes[group] if name.startswith(start)}

    @property
    def bytes_each(self) -> int:
        """Bytes of the first checkpoint on disk."""
        return _size(self.files[0].path)

    @property
    def forecast(self) -> str:
        """Time and memory of reading all of them, in a sentence."""
        total = sum(_size(file.path) for file in self.files)
        return (
            f"{len(self)} checkpoints of {byte_text(self.bytes_each)} are read from disk as they are needed: "
            f"{byte_text(total)} in each pass, about {_duration(total / READ_SPEED)} at {READ_SPEED / 1e9:g} GB/s; two of them "
            f"and a table of {len(self)} × {len(self)} numbers are held."
        )

    def pieces(self) -> list[list[tuple[str, int, int | None]]]:
        """All parameters cut into lists of parts, each of READ_NUMBERS numbers or fewer over all checkpoints."""
        group, names = self._place(0)
        shapes, most = self.files[0].shapes()[group], max(1, min(READ_NUMBERS // len(self), 16 * PIECE_NUMBERS))
        lists: list[list[tuple[str, int, int | None]]] = [[]]
        held = 0
        for name, there in names.items():
            for part, count in _cut(name, shapes[there], most):
                if held + count > most and lists[-1]:
                    lists.append([])
                    held = 0
                lists[-1].append(part)
                held += count
        return lists

    def differences(self, part: list[tuple[str, int, int | None]]) -> list[Tensor]:
        """θ_t − θ_T over these parts, (T + 1, …) each, in double precision."""
        return [(each := wide(stack)) - each[-1] for stack in self.rows(part)]

    def gram(self) -> np.ndarray:
        """(θ_s − θ_T)·(θ_t − θ_T), (T + 1, T + 1).

        Raises
        ------
        InputError  numbers that are not finite, naming the checkpoint
        """
        total = torch.zeros(len(self), len(self), dtype=torch.float64)
        for part in self.pieces():
            rows = torch.cat([torch.stack([numbers(row) for row in each]) for each in self.differences(part)], 1)
            total += rows @ rows.T
        wrong = (~torch.isfinite(total.diagonal())).nonzero()
        if len(wrong):
            last = len(wrong) == len(self)  # differences from an end that is no number are none either
            name = self.files[-1 if last else int(wrong[0])].path.name
            raise InputError(
                f"The weights in '{name}' should be finite, but some are NaN or infinite: leave this checkpoint out."
            )
        return total.numpy()

    def combined(self, weights: np.ndarray) -> dict[str, Tensor]:
        """Σ_t w_t (θ_t − θ_T) by name, for one vector of weights (T + 1,), float64."""
        group, names = self._place(0)
        shapes, sums = self.files[0].shapes()[group], {}
        vector = torch.from_numpy(np.ascontiguousarray(weights))
        for part in self.pieces():
            for (name, start, stop), each in zip(part, self.differences(part), strict=True):
                if name not in sums:
                    sums[name] = torch.zeros(shapes[names[name]], dtype=each.dtype)
                place = sums[name] if stop is None else sums[name][start:stop]
                place.copy_(torch.tensordot(vector.to(each.dtype), each, 1))
        return sums

    def digest(self, steps: Sequence[int]) -> str:
        """SHA-256 over steps, names, shapes and bytes."""
        total = hashlib.sha256()
        for index, step in enumerate(steps):
            for name, tensor in self.at(index).items():
                total.update(f"{step}/{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
                if tensor.numel():
                    total.update(raw(tensor).numpy().data)
        return total.hexdigest()


def _statistics(file_names: Iterable[str], names: Mapping[str, str]) -> dict[str, str]:
    """The network's names of BatchNorm's statistics → the file's: they stand where the layer's own parameters do."""
    parents = {there.rpartition(".")[0]: own.rpartition(".")[0] for own, there in names.items()}
    same = all(own == there for own, there in names.items())
    result = {}
    for name in file_names:
        parent, _, last = name.rpartition(".")
        if last in STATISTICS and (same or parent in parents):
            result[name if same else f"{parents[parent]}.{last}".lstrip(".")] = name
    return result


def _cut(name: str, shape: torch.Size, most: int) -> list[tuple[tuple[str, int, int | None], int]]:
    if shape.numel() <= most or not shape:
        return [((name, 0, None), shape.numel())]
    width = shape.numel() // shape[0]
    step = max(1, most // width)
    return [
        ((name, s, min(s + step, shape[0])), (min(s + step, shape[0]) - s) * width) for s in range(0, shape[0], step)
    ]


def _another_network(
    file: WeightsFile, shapes: Mapping[Group, Mapping[str, torch.Size]], wanted: Mapping[str, Tensor]
) -> InputError:
    best = max(shapes.values(), key=lambda names: sum(name in names for name in wanted), default={})
    missing = [name for name in wanted if name not in best]
    there = next((name for name in best if name not in wanted), None)
    return InputError(
        f"The checkpoint '{file.path.name}' should hold the {len(wanted)} trainable parameters of the model, but lacks "
        f"{len(missing)} (first '{missing[0]}'{'' if there is None else f'; it has {there!r}'}): it belongs to another network, "
        "or its names need more than a prefix taken off."
    )


def _check_shape(file: WeightsFile, name: str, shape: torch.Size, expected: torch.Size) -> None:
    if shape != expected:
        raise InputError(
            f"'{file.path.name}' has '{name}' of shape {tuple(shape)} where the model has {tuple(expected)}: "
            "build the model with the sizes that these weights were trained with."
        )


def _size(path: Path) -> int:
    if path.name.endswith(".index.json"):
        return sum(p.stat().st_size for p in path.parent.iterdir() if p.suffix in (".safetensors", ".bin"))
    return path.stat().st_size


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 100
        else f"{seconds / 60:.0f} minutes"
        if seconds < 6000
        else f"{seconds / 3600:.0f} hours"
    )

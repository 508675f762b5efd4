"""Files of `torch.save`, examined before and after they are read: nothing in them is run, and no size in them is believed.

With weights_only=True torch makes tensors and containers alone. What is left to a file that means harm is size: an array of
bytes as long as it says, a tensor that is one number a billion times, containers that hold each other over and over.
"""

from __future__ import annotations

import mmap
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checks import InputError
from ..foreign import is_archive, refuse_zip_bomb
from ..machine.memory import byte_text

Group = tuple[str, ...]  # the keys that lead to a mapping of names to tensors; () for the top of the file
DEEPEST = 32  # containers in containers
MOST_CONTAINERS = 2**16
MOST_SHARED = 8  # times that the numbers in a file may be named: weights that are tied have several names
MAKES_ROOM = b"bytearray\n"  # the one name that weights_only allows and that takes a size: no state dict needs it


def refuse_bombs(path: Path) -> None:
    """Look at a file that torch saved before torch does.

    Raises
    ------
    InputError  an archive that is packed, or a pickle that would make arrays of bytes of any size
    """
    if is_archive(path):
        refuse_zip_bomb(path, (zipfile.ZIP_STORED,))
        with zipfile.ZipFile(path) as archive:
            makes_room = any(MAKES_ROOM in archive.read(n) for n in archive.namelist() if n.endswith("data.pkl"))
    else:
        makes_room = _holds(path, MAKES_ROOM)
    if makes_room:
        raise InputError(
            f"'{path}' holds more than weights (bytearray), so it was not opened: save the state dict alone."
        )


def _holds(path: Path, text: bytes) -> bool:
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(text) >= 0


def grouped(content: Mapping[Any, Any], source: Path) -> dict[Group, dict[str, Tensor]]:
    """Every mapping from names to tensors in a file, by the keys that lead to it; optimiser states have numbers for names.

    Raises
    ------
    InputError  containers that are too many or too deep, as where they hold each other
    """
    groups: dict[Group, dict[str, Tensor]] = {}
    for count, (path, tensors) in enumerate(_mappings(content)):
        if count >= MOST_CONTAINERS or len(path) > DEEPEST:
            raise InputError(f"'{source}' holds containers in containers without end: save the state dict alone.")
        if tensors:
            groups[path] = tensors
    return groups


def _mappings(content: Mapping[Any, Any], path: Group = ()) -> Iterator[tuple[Group, dict[str, Tensor]]]:
    yield path, {k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, Tensor)}
    for key, value in content.items():
        if isinstance(key, str) and isinstance(value, Mapping):
            yield from _mappings(value, (*path, key))


def check_tensors(groups: Mapping[Group, Mapping[str, Tensor]], path: Path) -> None:
    """Refuse tensors that are no plain ones, or whose numbers are not in the file.

    Raises
    ------
    InputError  naming the first
    """
    size, total = path.stat().st_size, 0
    for tensors in groups.values():
        for name, tensor in tensors.items():
            if not _is_plain(tensor):
                raise InputError(
                    f"'{path}' has '{name}' as a tensor that is not plain (sparse, quantised, nested or on no CPU): "
                    "save it as numbers in rows and columns."
                )
            total += (taken := tensor.numel() * tensor.element_size())
            if taken > size or total > MOST_SHARED * size:
                raise InputError(
                    f"'{path}' has '{name}' of shape {tuple(tensor.shape)}, {byte_text(taken)}, but is a file of "
                    f"{byte_text(size)}: save the weights as they are, `{{k: v.contiguous() …}}`."
                )


def _is_plain(tensor: Tensor) -> bool:
    return (
        tensor.layout is torch.strided
        and tensor.device.type == "cpu"
        and not (tensor.is_quantized or tensor.is_nested)
        and type(tensor) in (Tensor, torch.nn.Parameter)
    )

"""A walk as a record, and as a file that it is written to while it goes."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from ..sealed import verified, write_sealed
from .recipe import Recipe

READOUTS = ("step", "time", "loss", "alpha", "beta", "off_plane")


@dataclass(frozen=True)
class Walk:
    """Where an optimiser went.

    Attributes
    ----------
    recipe      how
    name        of the problem
    start       digest of the place that it began at, and of the plane that it is seen on
    said        what each step's gradient is of
    step        (r,) of each record, the start (0) among them
    time        (r,) learning rate × steps; the flow's own time
    loss        (r,) L of all examples at the place itself, in the loss's unit: not at its projection
    alpha, beta (r,) least-squares coordinates on the plane; NaN without one
    off_plane   (r,) distance from the plane, in parameter units; NaN without one
    end         name → tensor, the place of the last record
    over        "" while it goes on; else why it ended
    state       what the next step depends on, by name
    """

    recipe: Recipe
    name: str
    start: str
    said: str
    step: np.ndarray
    time: np.ndarray
    loss: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray
    off_plane: np.ndarray
    end: dict[str, Tensor] = field(repr=False)
    over: str = ""
    state: dict[str, Tensor] = field(default_factory=dict, repr=False)

    @property
    def done(self) -> int:
        """Steps that were made."""
        return int(self.step[-1])


def write_walk(walk: Walk, path: Path) -> None:
    """Write it to a file, as NumPy's .npz without pickles."""
    about = {
        "recipe": asdict(walk.recipe),
        **{name: getattr(walk, name) for name in ("name", "start", "said", "over")},
    }
    arrays = {name: getattr(walk, name) for name in READOUTS}
    tensors = {f"end/{n}": t for n, t in walk.end.items()} | {f"state/{n}": t for n, t in walk.state.items()}
    kept = {name: _plain(tensor) for name, tensor in tensors.items()}
    kinds = {name: str(tensor.dtype).removeprefix("torch.") for name, tensor in tensors.items()}
    text = np.array(json.dumps({**about, "kinds": kinds}))

    def write(place: Path) -> None:
        with place.open("wb") as file:
            np.savez(file, about=text, **arrays, **kept)  # type: ignore[arg-type]

    write_sealed(path, write)


def read_walk(path: Path) -> Walk:
    """Read the walk in a file that `write_walk` wrote.

    Raises
    ------
    InputError  no such file, damage, or another file
    """
    try:
        with np.load(verified(path), allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            tensors = {n: torch.from_numpy(file[n].copy()).to(getattr(torch, k)) for n, k in about["kinds"].items()}
            arrays: Any = {name: file[name] for name in READOUTS}
        parts: Any = {
            p: {n.partition("/")[2]: t for n, t in tensors.items() if n.startswith(f"{p}/")} for p in ("end", "state")
        }
        texts: Any = {name: str(about[name]) for name in ("name", "start", "said", "over")}
        return Walk(recipe=Recipe(**about["recipe"]), **texts, **arrays, **parts)
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"There is no walk '{path}': give the file that `lossnav walk … -o` wrote.") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"'{path.name}' holds no walk: give the file that `lossnav walk … -o` wrote.") from error


def _plain(tensor: Tensor) -> np.ndarray:
    """A tensor as NumPy holds it; half precision of torch's own in float32, which holds it exactly."""
    tensor = tensor.detach().cpu()
    return np.asarray((tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy())

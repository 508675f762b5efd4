"""Shipped weights: a folder per sample under ``weights/``, read and written in safetensors and JSON.

=========================  ============================================================================
file                       content
=========================  ============================================================================
final.safetensors          final state dict, buffers included, as trained (float32)
trajectory.safetensors     trainable parameters, (T, *shape) float16, and BatchNorm's statistics, float32; the T steps in the
                           file's metadata
anchor.safetensors         θ* and F* of an earlier task (float32), where there is one
card.json                  the card
digests.json               the SHA-256 of each of these, which readers hold them against
=========================  ============================================================================
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from lossnav.core import Anchor, Trajectory
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ._run import Run, Tensors
from ._training import is_statistic, statistics
from .catalogue import folder
from .digests import checked, write_digests


@dataclass(frozen=True)
class Shipped:
    """The files that are shipped with a sample beside its final weights."""

    trajectory: Trajectory
    anchor: tuple[Tensors, Tensors] | None


def load(name: str, model: nn.Module) -> Shipped:
    """Put the shipped final weights into ``model``, in evaluation mode, and return the rest.

    Raises
    ------
    InputError  a file is not what was shipped
    """
    where = folder(name)
    model.load_state_dict(load_file(checked(where / "final.safetensors")))
    model.eval()
    return Shipped(
        _read_trajectory(where / "trajectory.safetensors", model), _read_anchor(where / "anchor.safetensors")
    )


def final_state(name: str) -> Tensors:
    """The shipped final state dict."""
    return load_file(checked(folder(name) / "final.safetensors"))


def save(name: str, run: Run) -> None:
    """Write a run's weights, trajectory, anchor and card, in place of what is there."""
    where = folder(name)
    where.mkdir(parents=True, exist_ok=True)
    save_file(_contiguous(run.state), where / "final.safetensors")
    stacks = {k: v if is_statistic(k) else v.half() for k, v in run.checkpoints.items()}
    save_file(_contiguous(stacks), where / "trajectory.safetensors", metadata={"steps": json.dumps(run.steps)})
    if run.anchor is not None:
        parameters, fisher = run.anchor
        both = _prefixed("parameters", parameters) | _prefixed("fisher", fisher)
        save_file(_contiguous(both), where / "anchor.safetensors")
    (where / "card.json").write_text(json.dumps(asdict(run.card), indent=2, ensure_ascii=False) + "\n", "utf-8")
    write_digests(where)


def as_anchor(shipped: Shipped, strength: float, label: str) -> Anchor:
    """The shipped θ* and F* as core's Anchor."""
    if shipped.anchor is None:
        raise FileNotFoundError("this sample is shipped without an anchor; retrain it with --write")
    parameters, fisher = shipped.anchor
    return Anchor(parameters, fisher, strength=strength, label=label)


def _read_trajectory(path: Path, model: nn.Module) -> Trajectory:
    with safe_open(checked(path), framework="pt") as file:
        steps = json.loads(file.metadata()["steps"])
        stacks = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 (not a dict)
    ordered = {}
    for name, tensor in (*model.named_parameters(), *statistics(model).items()):
        if name in stacks:
            # Half precision is fine for the way there, but the end is the network itself, to the last bit.
            stacks[name][-1] = tensor.detach()
            ordered[name] = stacks[name]
    return Trajectory(ordered, steps=steps)


def _read_anchor(path: Path) -> tuple[Tensors, Tensors] | None:
    if not checked(path).exists():
        return None
    both = load_file(path)
    return _with_prefix("parameters", both), _with_prefix("fisher", both)


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> Tensors:
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def _with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> Tensors:
    return {k.removeprefix(f"{prefix}/"): v for k, v in tensors.items() if k.startswith(f"{prefix}/")}


def _contiguous(tensors: Mapping[str, Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().contiguous() for name, tensor in tensors.items()}

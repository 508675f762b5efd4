"""The results of one training run: the trained network, the way it took, and what there is to say about it."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Tensors = dict[str, Tensor]

REPRODUCIBILITY = (
    "Retraining gives the same weights to the last bit on the same type of processor with the same versions; elsewhere "
    "rounding differs and the metrics agree within tolerance."
)


@dataclass(frozen=True)
class Fact:
    """One measured number of a card."""

    label: str
    value: float
    unit: str = ""


@dataclass(frozen=True)
class Card:
    """A sample's card; every number in it is computed by the training run.

    Attributes
    ----------
    final_train_loss  mean loss in nats over the examples on which the landscape is drawn.
    test  metrics on examples never trained on, by label.
    """

    name: str
    title: str
    summary: str
    network: str
    parameters: int
    data: str
    examples: int
    loss: str
    training: str
    seed: int
    final_train_loss: float
    test: dict[str, float]
    facts: tuple[Fact, ...]
    trajectory: dict[str, int]
    reproduce: str
    reproducibility: str
    versions: dict[str, str]


@dataclass(frozen=True)
class Run:
    """A finished training run.

    Attributes
    ----------
    state  the final state dict, buffers included.
    checkpoints  trainable parameters and BatchNorm statistics along the way, each of shape (T, *shape).
    steps  the T optimiser steps at which they were kept, the first 0, the last the end.
    anchor  (parameters θ*, Fisher diagonal F*) of an earlier task, where there was one.
    """

    state: Tensors
    checkpoints: Tensors
    steps: tuple[int, ...]
    card: Card
    anchor: tuple[Tensors, Tensors] | None = None


def make_card(
    name: str,
    model: nn.Module,
    steps: Sequence[int],
    *,
    title: str,
    summary: str,
    network: str,
    data: str,
    examples: int,
    loss: str,
    training: str,
    seed: int,
    final_train_loss: float,
    test: dict[str, float],
    facts: Sequence[Fact] = (),
) -> Card:
    """A card with what follows from the run itself (sizes, steps, versions) filled in."""
    return Card(
        name=name,
        title=title,
        summary=summary,
        network=network,
        parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        data=data,
        examples=examples,
        loss=loss,
        training=training,
        seed=seed,
        final_train_loss=final_train_loss,
        test=test,
        facts=tuple(facts),
        trajectory={"checkpoints": len(steps), "steps": steps[-1]},
        reproduce=f"python -m lossnav.sample_models.retrain {name} --check",
        reproducibility=REPRODUCIBILITY,
        versions={"torch": torch.__version__, "python": platform.python_version()},
    )

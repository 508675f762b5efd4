"""Small against large batches at the same training loss.

Keskar et al. 2016 (1609.04836): large batches end in sharp minima, small ones in flat ones. Stopping both after the
same number of epochs would compare networks that have learned different amounts, so here each trains until its loss
over all training examples is first within one per cent of the same target.
"""

from collections.abc import Iterator
from itertools import islice

import torch
from lossnav.core import Problem
from torch import nn

from ._digits import digits
from ._measure import accuracy, largest_eigenvalue, mean_cross_entropy
from ._mlp import mlp
from ._run import Fact, Run, make_card
from ._schedule import dense_early
from ._store import load
from ._training import Batch, Snapshots, fit, seeded, shuffled

SEED = 0
TARGET = 0.02
TOLERANCE = 0.01
RATE = 0.3
MOST_STEPS = 5000
NETWORK = "64-48-48-10 multilayer perceptron, tanh"


def build_model() -> nn.Module:
    """64 – 48 – 48 – 10 with tanh, its initial weights from the seed."""
    with seeded(SEED):
        return mlp(64, 48, 48, 10, activation=nn.Tanh)


def train_to_target(name: str, title: str, summary: str, *, batch: int, horizon: int) -> Run:
    """Train from the seed by plain SGD until the training loss is within ``TOLERANCE`` of ``TARGET``.

    Parameters
    ----------
    batch  examples per step.
    horizon  about how many steps that takes; it spaces the checkpoints and nothing else.
    """
    model = build_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    snapshots = Snapshots(model, dense_early(horizon, 36))
    fit(model, _until_target(model, batch), optimizer, snapshots)
    checkpoints, steps = snapshots.finish()
    data = digits()
    card = make_card(
        name,
        model,
        steps,
        title=title,
        summary=summary,
        network=NETWORK,
        data="scikit-learn's digits, 8 × 8 pixels",
        examples=len(data.inputs),
        loss="cross-entropy (nats)",
        training=f"SGD without momentum, learning rate {RATE}, batch {batch}, until the loss over all training examples "
        f"is first within {TOLERANCE:.0%} of {TARGET}",
        seed=SEED,
        final_train_loss=mean_cross_entropy(model, data.inputs, data.targets),
        test={
            "accuracy": accuracy(model, data.test_inputs, data.test_targets),
            "loss": mean_cross_entropy(model, data.test_inputs, data.test_targets),
        },
        facts=(
            Fact("Batch size", batch, "examples"),
            Fact(
                "Largest Hessian eigenvalue of the training loss",
                largest_eigenvalue(Problem(model, data.inputs, data.targets)),
                "nats per squared unit",
            ),
            Fact("Training loss aimed at", TARGET, "nats"),
        ),
    )
    return Run(model.state_dict(), checkpoints, steps, card)


def shipped_problem(name: str) -> Problem:
    """The trained network on its 1,400 training images."""
    model = build_model()
    shipped = load(name, model)
    data = digits()
    return Problem(model, data.inputs, data.targets, name=name, trajectory=shipped.trajectory)


def _until_target(model: nn.Module, batch: int) -> Iterator[Batch]:
    data = digits()
    batches = shuffled(data.inputs, data.targets, batch=batch, epochs=MOST_STEPS, seed=SEED)
    for inputs, targets in islice(batches, MOST_STEPS):
        if abs(mean_cross_entropy(model, data.inputs, data.targets) - TARGET) <= TOLERANCE * TARGET:
            return
        yield inputs, targets
    raise RuntimeError(f"the training loss did not reach {TARGET} in {MOST_STEPS} steps")

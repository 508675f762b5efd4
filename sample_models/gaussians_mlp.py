"""A small network on a Gaussian mixture whose law is known.

Three overlapping Gaussians in the plane. Bayes' rule gives the true class probabilities, so the divergence
D_KL(P_data ‖ P_model) of Kullback & Leibler 1951 is exact, and the input space can be drawn as it is.
"""

import torch
from lossnav.core import Problem
from torch import nn

from ._measure import accuracy, mean_cross_entropy, share
from ._mixture import CLASSES, posterior, sample
from ._mlp import mlp
from ._run import Fact, Run, make_card
from ._schedule import dense_early
from ._store import load
from ._training import Snapshots, fit, seeded, shuffled

NAME = "gaussians-mlp"
SEED = 0
EXAMPLES, TEST_EXAMPLES = 600, 4000
BATCH, EPOCHS, RATE = 50, 100, 0.01


def build_model() -> nn.Module:
    """2 – 16 – 16 – 3 with tanh, its initial weights from the seed."""
    with seeded(SEED):
        return mlp(2, 16, 16, CLASSES, activation=nn.Tanh)


def train() -> Run:
    """Train from the seed with Adam and a cosine schedule."""
    inputs, targets = sample(EXAMPLES, SEED)
    model = build_model()
    total = EPOCHS * EXAMPLES // BATCH
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
    snapshots = Snapshots(model, dense_early(total, 40))
    fit(
        model,
        shuffled(inputs, targets, batch=BATCH, epochs=EPOCHS, seed=SEED),
        optimizer,
        snapshots,
        scheduler=scheduler,
    )
    checkpoints, steps = snapshots.finish()
    test_inputs, test_targets = sample(TEST_EXAMPLES, SEED + 1)
    law = posterior(test_inputs)
    card = make_card(
        NAME,
        model,
        steps,
        title="Gaussian mixture, small network",
        summary="A small network separates three overlapping Gaussians in the plane. The true class probabilities are "
        "known, so the divergence between data and model is exact and not an estimate. Where perplexity nears that of "
        "the mixture itself, the network knows all there is to know.",
        network="2-16-16-3 multilayer perceptron, tanh",
        data=f"{EXAMPLES} points drawn from three Gaussians in 2-D, labels by component",
        examples=EXAMPLES,
        loss="cross-entropy (nats)",
        training=f"Adam, learning rate {RATE} falling to 0 by a cosine, batch {BATCH}, {EPOCHS} epochs",
        seed=SEED,
        final_train_loss=mean_cross_entropy(model, inputs, targets),
        test={"accuracy": accuracy(model, test_inputs, test_targets)},
        facts=(
            Fact("KL to the true posterior, training points", divergence(model, inputs), "nats"),
            Fact("KL to the true posterior, test points", divergence(model, test_inputs), "nats"),
            Fact("Test accuracy of the Bayes classifier", share(law.argmax(1) == test_targets), ""),
        ),
    )
    return Run(model.state_dict(), checkpoints, steps, card)


@torch.no_grad()
def divergence(model: nn.Module, inputs: torch.Tensor) -> float:
    """Mean over the inputs of Σ_k p(k | x) ln[p(k | x) / p_θ(k | x)], in nats."""
    law = posterior(inputs.double())
    log_model = model.eval()(inputs).double().log_softmax(1)
    return (torch.special.xlogy(law, law) - law * log_model).sum(1).mean().item()


def problem() -> Problem:
    """The trained network on its 600 training points, with their true class probabilities as ``law``."""
    inputs, targets = sample(EXAMPLES, SEED)
    model = build_model()
    shipped = load(NAME, model)
    return Problem(model, inputs, targets, name=NAME, trajectory=shipped.trajectory, law=posterior(inputs))

"""Linear regression: a convex landscape whose Hessian spectrum is known.

With Gaussian inputs X (n × p) the Hessian of the mean of ½(f − y)² is XᵀX / n, the same everywhere, and its
eigenvalues follow the law of Marchenko & Pastur 1967: between (1 − √(p/n))² and (1 + √(p/n))².
"""

import math

import torch
from lossnav.core import Gaussian, Problem
from torch import Tensor, nn

from ._run import Fact, Run, make_card
from ._schedule import dense_early
from ._store import load
from ._training import Snapshots, fit, seeded

NAME = "linear-regression"
SEED = 0
EXAMPLES, INPUTS, TEST_EXAMPLES = 1000, 250, 1000
NOISE = 1.0
STEPS, RATE = 200, 0.5


def build_model() -> nn.Module:
    """One linear layer, 250 – 1, without bias, its initial weights from the seed."""
    with seeded(SEED):
        return nn.Linear(INPUTS, 1, bias=False)


def true_weights() -> Tensor:
    """The weights (250, 1) behind the targets."""
    return _weights(torch.Generator().manual_seed(SEED))


def _weights(generator: torch.Generator) -> Tensor:
    return torch.randn(INPUTS, 1, generator=generator) / math.sqrt(INPUTS)


def data() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Standard normal inputs (1000, 250) and targets X w + N(0, 1) noise (1000, 1), then as many for the test."""
    generator = torch.Generator().manual_seed(SEED)
    weights = _weights(generator)
    inputs = torch.randn(EXAMPLES + TEST_EXAMPLES, INPUTS, generator=generator)
    targets = inputs @ weights + NOISE * torch.randn(EXAMPLES + TEST_EXAMPLES, 1, generator=generator)
    return inputs[:EXAMPLES], targets[:EXAMPLES], inputs[EXAMPLES:], targets[EXAMPLES:]


def negative_log_likelihood(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean of ½(f − y)² + ½ ln 2π in nats: unit variance."""
    return 0.5 * (outputs - targets).square().mean() + 0.5 * math.log(2 * math.pi)


def train() -> Run:
    """Gradient descent on all examples from a seeded start."""
    inputs, targets, test_inputs, test_targets = data()
    model = build_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    snapshots = Snapshots(model, dense_early(STEPS, 40))
    fit(model, [(inputs, targets)] * STEPS, optimizer, snapshots, criterion=negative_log_likelihood)
    checkpoints, steps = snapshots.finish()
    ratio = math.sqrt(INPUTS / EXAMPLES)
    eigenvalues = torch.linalg.eigvalsh(inputs.double().T @ inputs.double() / EXAMPLES)
    card = make_card(
        NAME,
        model,
        steps,
        title="Linear regression",
        summary="A single linear layer on Gaussian inputs. Its terrain is an exact bowl, the same in every direction-plane up "
        "to its axes, and the eigenvalues of its Hessian follow the Marchenko–Pastur law.",
        network="one linear layer without bias",
        data=f"{EXAMPLES} standard normal inputs in {INPUTS} dimensions, targets linear with standard normal noise",
        examples=EXAMPLES,
        loss="Gaussian negative log-likelihood, variance 1 (nats)",
        training=f"gradient descent on all examples, step size {RATE}, {STEPS} steps",
        seed=SEED,
        final_train_loss=_loss(model, inputs, targets),
        test={"loss": _loss(model, test_inputs, test_targets)},
        facts=(
            Fact("Loss of the exact least-squares solution", _least_squares_loss(inputs, targets), "nats"),
            Fact("Smallest Hessian eigenvalue", eigenvalues[0].item(), "nats per squared unit"),
            Fact("Largest Hessian eigenvalue", eigenvalues[-1].item(), "nats per squared unit"),
            Fact("Lower Marchenko–Pastur edge", (1 - ratio) ** 2, "nats per squared unit"),
            Fact("Upper Marchenko–Pastur edge", (1 + ratio) ** 2, "nats per squared unit"),
        ),
    )
    return Run(model.state_dict(), checkpoints, steps, card)


@torch.no_grad()
def _loss(model: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    return negative_log_likelihood(model(inputs), targets).item()


def _least_squares_loss(inputs: Tensor, targets: Tensor) -> float:
    solution = torch.linalg.lstsq(inputs.double(), targets.double()).solution
    return negative_log_likelihood(inputs.double() @ solution, targets.double()).item()


def problem() -> Problem:
    """The fitted layer on its 1,000 training examples, with a Gaussian likelihood of variance 1 and the known law."""
    inputs, targets, _, _ = data()
    model = build_model()
    shipped = load(NAME, model)
    law = inputs @ true_weights()
    return Problem(model, inputs, targets, loss=Gaussian(NOISE), name=NAME, trajectory=shipped.trajectory, law=law)

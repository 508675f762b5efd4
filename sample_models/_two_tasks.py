"""Permuted-pixel tasks learned one after another by one network, with or without elasticity.

Task 1 is the digits as they are; each later task is the same digits with their pixels in another fixed order
(Goodfellow et al. 2013; Kirkpatrick et al. 2017, 1612.00796, §2.1). Elastic weight consolidation holds the
parameters that earlier tasks need: after each task its optimum θ* and Fisher diagonal F* are kept, and
λ Σ_i F*_i (θ_i − θ*_i)² is added to the loss of every later one (Kirkpatrick et al. write λ/2).
"""

from collections.abc import Sequence

import torch
from lossnav.core import Problem
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from ._digits import Split, digits, permute_pixels
from ._measure import accuracy, mean_cross_entropy
from ._mlp import mlp
from ._run import Fact, Run, Tensors, make_card
from ._schedule import dense_early
from ._store import as_anchor, load
from ._training import Snapshots, fit, seeded, shuffled, trainable

SEED = 0
TASKS = 3
STRENGTH = 100.0
EPOCHS, BATCH, RATE, MOMENTUM = 10, 50, 0.05, 0.9
LABEL = "end of task 1, before task 2 began"

Anchored = tuple[Tensors, Tensors]


def build_model() -> nn.Module:
    """64 – 128 – 10 with ReLU, its initial weights from the seed."""
    with seeded(SEED):
        return mlp(64, 128, 10)


def task(index: int) -> Split:
    """Task 0 is the digits as they are; task k > 0 has their pixels in the order of seed k."""
    plain = digits()
    if index == 0:
        return plain
    return Split(
        permute_pixels(plain.inputs, index), plain.targets, permute_pixels(plain.test_inputs, index), plain.test_targets
    )


def fisher(model: nn.Module, inputs: Tensor) -> Tensors:
    """Diagonal of the Fisher information: mean over inputs of Σ_k p_k (∂ ln p_k / ∂θ_i)².

    The expectation over labels is exact. Drawn labels would tie the weights of the later tasks to the order of the draws.
    """
    parameters = trainable(model)

    def log_probabilities(theta: Tensors, x: Tensor) -> Tensor:
        return functional_call(model, theta, (x.unsqueeze(0),)).log_softmax(1).squeeze(0)

    jacobian = vmap(jacrev(log_probabilities), in_dims=(None, 0), chunk_size=100)(parameters, inputs)
    with torch.no_grad():
        weights = model(inputs).softmax(1) / len(inputs)
    return {name: torch.einsum("nk,nk...->...", weights, j.square()) for name, j in jacobian.items()}


def penalty(model: nn.Module, anchors: Sequence[Anchored], strength: float) -> Tensor:
    """λ Σ F*_i (θ_i − θ*_i)², summed over the anchors, in nats."""
    theta = dict(model.named_parameters())
    pulls = [
        (importance[name] * (theta[name] - parameters[name]).square()).sum()
        for parameters, importance in anchors
        for name in parameters
    ]
    return strength * torch.stack(pulls).sum()


def train_tasks(name: str, title: str, summary: str, *, elastic: bool) -> Run:
    """Train on the tasks in turn, from the seed; with ``elastic``, held by the anchors of the tasks before."""
    model = build_model()
    per_task = EPOCHS * -(-len(digits().inputs) // BATCH)
    early = dense_early(per_task, 12)
    snapshots = Snapshots(model, [k * per_task + step for k in range(TASKS) for step in early])
    anchors: list[Anchored] = []
    for index in range(TASKS):
        _learn(model, task(index), snapshots, anchors if elastic else [], seed=SEED + index)
        anchors.append((trainable(model), fisher(model, task(index).inputs)))
    checkpoints, steps = snapshots.finish()
    first = task(0)
    accuracies = [accuracy(model, task(k).test_inputs, task(k).test_targets) for k in range(TASKS)]
    card = make_card(
        name,
        model,
        steps,
        title=title,
        summary=summary,
        network="64-128-10 multilayer perceptron, ReLU",
        data="scikit-learn's digits, 8 × 8 pixels; the landscape is that of task 1, the digits unpermuted",
        examples=len(first.inputs),
        loss="cross-entropy on task 1 (nats)",
        training=f"{TASKS} tasks in turn, each {EPOCHS} epochs of SGD, learning rate {RATE}, momentum {MOMENTUM}, "
        f"batch {BATCH}" + (f", with the elastic penalty at λ = {STRENGTH:g}" if elastic else ", no penalty"),
        seed=SEED,
        final_train_loss=mean_cross_entropy(model, first.inputs, first.targets),
        test={"mean accuracy over the tasks": sum(accuracies) / TASKS},
        facts=(
            *(Fact(f"Test accuracy on task {k + 1} at the end", accuracies[k]) for k in range(TASKS)),
            Fact("Test accuracy on task 1 before task 2", _first_accuracy(anchors[0][0])),
            Fact("EWC strength λ in training", STRENGTH if elastic else 0.0),
        ),
    )
    return Run(model.state_dict(), checkpoints, steps, card, anchor=anchors[0])


def shipped_problem(name: str) -> Problem:
    """The network at the end of all tasks, on the training data of the first, anchored where the first was learned."""
    model = build_model()
    shipped = load(name, model)
    first = task(0)
    return Problem(
        model,
        first.inputs,
        first.targets,
        name=name,
        trajectory=shipped.trajectory,
        anchor=as_anchor(shipped, STRENGTH, LABEL),
    )


def _learn(model: nn.Module, data: Split, snapshots: Snapshots, anchors: Sequence[Anchored], seed: int) -> None:
    held = list(anchors)
    fit(
        model,
        shuffled(data.inputs, data.targets, batch=BATCH, epochs=EPOCHS, seed=seed),
        torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM),
        snapshots,
        penalty=(lambda net: penalty(net, held, STRENGTH)) if held else None,
    )


def _first_accuracy(parameters: Tensors) -> float:
    model = build_model()
    model.load_state_dict(parameters)
    return accuracy(model, task(0).test_inputs, task(0).test_targets)

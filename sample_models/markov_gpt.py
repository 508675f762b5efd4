"""A small decoder-only transformer on a Markov source.

The source's entropy rate is known in closed form (Shannon 1948, §7), so the perplexity of any model of it has an
exact floor. A second-order source asks for attention: the next token depends on the last two.
"""

import math

import torch
import torch.nn.functional as F
from lossnav.core import Problem
from torch import Tensor, nn

from ._markov import MarkovSource, random_source
from ._measure import mean_cross_entropy
from ._run import Fact, Run, make_card
from ._schedule import dense_early
from ._store import load
from ._training import Batch, Snapshots, fit, seeded

NAME = "markov-gpt"
SEED = 0
VOCABULARY, CONCENTRATION = 8, 0.5
LENGTH, WIDTH, HEADS, LAYERS = 32, 20, 2, 2
BATCH, STEPS, RATE, WEIGHT_DECAY = 128, 2000, 4e-3, 1e-4
TEST_SEQUENCES = 2000


class Block(nn.Module):
    """Causal self-attention and a two-layer perceptron, each after a layer norm and added to its input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width)
        self.contract = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.mix(self._attend(self.norm1(x)))
        return x + self.contract(F.gelu(self.expand(self.norm2(x))))

    def _attend(self, x: Tensor) -> Tensor:
        # (n, t, 3 · heads · d) → three tensors (n, heads, t, d)
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
        hidden = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)
        return (scores.masked_fill(hidden, -math.inf).softmax(-1) @ v).transpose(1, 2).flatten(2)


class MarkovGPT(nn.Module):
    """Token and position embeddings, blocks, layer norm, linear (Radford et al. 2019).

    ========  =======================
    input     (n, t) int64, t ≤ 32
    output    (n, t, 8) logits
    ========  =======================
    """

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Embedding(VOCABULARY, WIDTH)
        self.position = nn.Embedding(LENGTH, WIDTH)
        self.blocks = nn.Sequential(*(Block(WIDTH, HEADS) for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        places = torch.arange(tokens.shape[1], device=tokens.device)
        return self.head(self.norm(self.blocks(self.token(tokens) + self.position(places))))


def build_model() -> nn.Module:
    """Two layers, two heads, width 20, its initial weights from the seed."""
    with seeded(SEED):
        return MarkovGPT()


def source() -> MarkovSource:
    """The source: 8 tokens, second order, next-token laws drawn from a Dirichlet."""
    return random_source(VOCABULARY, CONCENTRATION, SEED)


def training_batch() -> Batch:
    """The first batch of training, on which the landscape is drawn: tokens and next tokens, (128, 32) int64."""
    return source().sample(BATCH, LENGTH, torch.Generator().manual_seed(SEED))


def test_batch() -> Batch:
    """Sequences never trained on: tokens and next tokens, (2000, 32) int64."""
    return source().sample(TEST_SEQUENCES, LENGTH, torch.Generator().manual_seed(SEED + 1))


def train() -> Run:
    """Train from the seed with AdamW; every batch is newly drawn from the source, so nothing is seen twice."""
    model = build_model()
    law, generator = source(), torch.Generator().manual_seed(SEED)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    snapshots = Snapshots(model, dense_early(STEPS, 31))
    fit(
        model,
        (law.sample(BATCH, LENGTH, generator) for _ in range(STEPS)),
        optimizer,
        snapshots,
        criterion=lambda logits, targets: F.cross_entropy(logits.flatten(0, 1), targets.flatten()),
        scheduler=scheduler,
    )
    checkpoints, steps = snapshots.finish()
    tokens, targets = training_batch()
    test_tokens, test_targets = test_batch()
    card = make_card(
        NAME,
        model,
        steps,
        title="Small transformer on a Markov source",
        summary="A two-layer transformer predicts a second-order Markov source whose entropy rate is known. No model "
        "can go below the perplexity of the source itself, and this one comes close: look for the floor of the terrain.",
        network=f"decoder-only transformer, {LAYERS} layers, {HEADS} heads, width {WIDTH}, learned positions",
        data=f"{BATCH} sequences of {LENGTH} tokens from a stationary second-order Markov source over {VOCABULARY} tokens, "
        "the first batch of training",
        examples=BATCH,
        loss="cross-entropy per token (nats)",
        training=f"AdamW, learning rate {RATE} falling to 0 by a cosine, weight decay {WEIGHT_DECAY}, {STEPS} batches of "
        f"{BATCH} newly drawn sequences",
        seed=SEED,
        final_train_loss=mean_cross_entropy(model, tokens, targets),
        test={"perplexity": math.exp(mean_cross_entropy(model, test_tokens, test_targets))},
        facts=(
            Fact("Floor: exp(entropy rate) of the source", math.exp(law.entropy_rate())),
            Fact(f"Floor for windows of {LENGTH} tokens", math.exp(law.window_entropy(LENGTH))),
            Fact("Entropy rate of the source", law.entropy_rate(), "nats/token"),
            Fact(
                "Perplexity of the source itself on the test tokens", math.exp(_source_loss(test_tokens, test_targets))
            ),
            Fact("KL to the source, test tokens", divergence(model, test_tokens), "nats/token"),
        ),
    )
    return Run(model.state_dict(), checkpoints, steps, card)


@torch.no_grad()
def divergence(model: nn.Module, tokens: Tensor) -> float:
    """Mean over tokens of D_KL(source ‖ model) for the next token given those before, in nats."""
    law = source().law(tokens).double()
    log_model = model.eval()(tokens).double().log_softmax(-1)
    return (torch.special.xlogy(law, law) - law * log_model).sum(-1).mean().item()


def _source_loss(tokens: Tensor, targets: Tensor) -> float:
    return -source().law(tokens).gather(2, targets.unsqueeze(2)).log().mean().item()


def problem() -> Problem:
    """The trained transformer on the first batch of its training, with the source's own probabilities as ``law``."""
    tokens, targets = training_batch()
    model = build_model()
    shipped = load(NAME, model)
    return Problem(model, tokens, targets, name=NAME, trajectory=shipped.trajectory, law=source().law(tokens))

"""Problems to test on: lambdas with a seed, called in fixtures; nothing is shared and nothing is built at import."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from lossnav.core import Anchor, Gaussian, Problem, Trajectory
from torch import Tensor, nn
from torch.nn import functional as F


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64).to(dtype)


def labels(*shape: int, classes: int, seed: int = 0) -> Tensor:
    return torch.randint(0, classes, shape, generator=seeded(seed))


def initialised(model: nn.Module, seed: int = 0, dtype: torch.dtype = torch.float64) -> nn.Module:
    """The model with every parameter drawn anew from the seed, whatever the global state of torch's generator."""
    generator = seeded(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            scale = 1.0 if parameter.ndim <= 1 else parameter[0].numel() ** -0.5
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point():  # `model.to(dtype)` would drop the imaginary part of complex buffers
            tensor.data = tensor.data.to(dtype)
    return model


def mlp(widths: tuple[int, ...] = (3, 5, 4), activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), activation()]
    return nn.Sequential(*layers[:-1])


def classifier(seed: int = 0, dtype: torch.dtype = torch.float64, n: int = 12, **more: object) -> Problem:
    model = initialised(mlp(), seed, dtype)
    return Problem(model, normal(n, 3, seed=seed, dtype=dtype), labels(n, classes=4, seed=seed), **more)  # type: ignore[arg-type]


def smooth(seed: int = 0, n: int = 12, **more: object) -> Problem:
    """A classifier with tanh, whose Hessian is no step function."""
    model = initialised(mlp((3, 4, 3), nn.Tanh), seed)
    return Problem(model, normal(n, 3, seed=seed), labels(n, classes=3, seed=seed), **more)  # type: ignore[arg-type]


def with_path(seed: int = 0, steps: int = 7, **more: object) -> Problem:
    """A classifier with a training path that ends at θ₀ and bends through the full parameter space."""
    problem = classifier(seed)
    generator, point, path = seeded(seed + 100), problem.parameters, []
    for t in reversed(range(steps)):
        pull = 1.0 + 0.5 * t
        path.append(
            {k: v + pull * 0.2 * t * torch.randn(v.shape, generator=generator).double() for k, v in point.items()}
        )
    return classifier(seed, trajectory=Trajectory(path, steps=[3 * t for t in range(steps)]), **more)


def with_anchor(seed: int = 0, strength: float = 0.7) -> Problem:
    point = classifier(seed).parameters
    generator = seeded(seed + 50)
    anchor = Anchor(
        {k: v + 0.3 * torch.randn(v.shape, generator=generator).double() for k, v in point.items()},
        {k: torch.rand(v.shape, generator=generator).double() for k, v in point.items()},
        strength,
        "first task",
    )
    return classifier(seed, anchor=anchor)


class Tied(nn.Module):
    """An embedding whose weights are the output layer's too."""

    def __init__(self, tokens: int = 6, width: int = 4) -> None:
        super().__init__()
        self.embed = nn.Embedding(tokens, width)
        self.mix = nn.Linear(width, width)
        self.head = nn.Linear(width, tokens, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(torch.tanh(self.mix(self.embed(tokens))))  # type: ignore[no-any-return]


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(3, 4), nn.Linear(2, 4)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.left(left) - torch.tanh(self.right(right))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.memory, self.head = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.memory(x)[0][:, -1])  # type: ignore[no-any-return]


class Attention(nn.Module):
    """torch's own encoder layer, which takes a fused fast path in evaluation mode, with a causal mask of −∞."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.3, batch_first=True)
        self.head = nn.Linear(8, 3)
        self.register_buffer("mask", torch.full((4, 4), float("-inf")).triu(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x, src_mask=self.mask)[:, -1])  # type: ignore[no-any-return]


class Rotary(nn.Module):
    """A complex buffer, as rotary position embeddings keep."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 4)
        self.head = nn.Linear(4, 3)
        self.register_buffer("turn", torch.polar(torch.ones(2), torch.tensor([0.3, 1.2])))

    def forward(self, x: Tensor) -> Tensor:
        turned = torch.view_as_complex(self.inner(x).reshape(-1, 2, 2)) * self.turn
        return self.head(torch.view_as_real(turned).flatten(1))  # type: ignore[no-any-return]


def convolution(batchnorm: str = "eval", seed: int = 0, n: int = 10) -> Problem:
    model = initialised(
        nn.Sequential(
            nn.Conv2d(2, 3, 3),
            nn.BatchNorm2d(3),
            nn.ReLU(),
            nn.Conv2d(3, 3, 2),
            nn.BatchNorm2d(3),
            nn.Flatten(),
            nn.Linear(12, 3),
        ),
        seed,
    )
    data = normal(n, 2, 5, 5, seed=seed)
    with torch.no_grad():
        for _ in range(50):  # statistics as training leaves them
            model.train()(data)
    return Problem(model, data, labels(n, classes=3, seed=seed), batchnorm=batchnorm)


def tokens(seed: int = 0, ignored: bool = True) -> Problem:
    words = labels(5, 7, classes=6, seed=seed)
    targets = labels(5, 7, classes=6, seed=seed + 1)
    if ignored:
        targets[:, 5:] = -100
        targets[0] = -100
        targets[1] = -100
    return Problem(initialised(Tied(), seed), words, targets)


def soft(seed: int = 0) -> Problem:
    return Problem(
        initialised(mlp(), seed), normal(9, 3, seed=seed), normal(9, 4, seed=seed + 1).softmax(-1), data_entropy=None
    )


def with_law(seed: int = 0) -> Problem:
    law = (2 * normal(12, 4, seed=seed + 1)).softmax(-1)
    law[3] = torch.tensor([0.0, 1.0, 0.0, 0.0])
    law[4] = torch.tensor([0.5, 0.0, 0.5, 0.0])
    return classifier(seed, law=law)


def regression(seed: int = 0, loss: object = "mse", outputs: int = 2, activation: type[nn.Module] = nn.Tanh) -> Problem:
    model = initialised(mlp((3, 4, outputs), activation), seed)
    return Problem(model, normal(8, 3, seed=seed), normal(8, outputs, seed=seed + 1), loss=loss)  # type: ignore[arg-type]


def linear(seed: int = 0, outputs: int = 1, n: int = 9) -> Problem:
    """Linear regression: its loss is a quadratic in the weights."""
    model = initialised(nn.Linear(3, outputs, bias=False), seed)
    return Problem(model, normal(n, 3, seed=seed), normal(n, outputs, seed=seed + 1), loss="mse")


def frozen(seed: int = 0) -> Problem:
    model = initialised(mlp((3, 5, 5, 4)), seed)
    model[2].requires_grad_(False)
    return Problem(model, normal(6, 3, seed=seed), labels(6, classes=4, seed=seed))


def _classes_of(model: nn.Module, inputs: object, n: int, seed: int = 0) -> Problem:
    return Problem(initialised(model, seed), inputs, labels(n, classes=3, seed=seed))  # type: ignore[arg-type]


class Noisy(nn.Module):
    """Dropout that is kept on, as where a network says how sure it is."""

    def __init__(self, share: float = 0.4) -> None:
        super().__init__()
        self.first, self.last, self.share = nn.Linear(3, 6), nn.Linear(6, 4), share

    def forward(self, x: Tensor) -> Tensor:
        return self.last(F.dropout(torch.tanh(self.first(x)), self.share, training=True))  # type: ignore[no-any-return]


def four_classes(model: nn.Module, n: int = 12, **more: object) -> Problem:
    targets = labels(n, classes=4)
    return Problem(initialised(model, 2), normal(n, 3), targets, **more)  # type: ignore[arg-type]


def parametrized() -> nn.Module:
    return nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 4)), nn.Tanh(), nn.Linear(4, 3))


CASES: dict[str, Callable[[], Problem]] = {
    "classifier": lambda: classifier(1),
    "smooth": lambda: smooth(2),
    "convolution": lambda: convolution(),
    "tied tokens": lambda: tokens(3),
    "soft labels": lambda: soft(4),
    "law": lambda: with_law(5),
    "regression": lambda: regression(6),
    "gaussian": lambda: regression(7, Gaussian(0.5)),
    "custom": lambda: regression(8, lambda f, y: (f - y).abs().sum(1)),
    "frozen": lambda: frozen(9),
    "two inputs": lambda: Problem(
        initialised(TwoInputs()), (normal(6, 3), normal(6, 2, seed=1)), labels(6, classes=4, seed=2)
    ),
    "named inputs": lambda: Problem(
        initialised(TwoInputs()), {"right": normal(6, 2, seed=1), "left": normal(6, 3)}, labels(6, classes=4, seed=2)
    ),
    "dropout": lambda: _classes_of(
        nn.Sequential(nn.Linear(3, 6), nn.Dropout(0.5), nn.ReLU(), nn.Linear(6, 3)), normal(7, 3), 7
    ),
    "recurrent": lambda: _classes_of(Recurrent(), normal(5, 4, 3), 5),
    "attention": lambda: _classes_of(Attention(), normal(5, 4, 8), 5),
    "weight norm": lambda: _classes_of(parametrized(), normal(5, 3), 5),
    "complex buffer": lambda: _classes_of(Rotary(), normal(5, 4), 5),
    "path": lambda: with_path(10),
    "anchor": lambda: with_anchor(11),
}

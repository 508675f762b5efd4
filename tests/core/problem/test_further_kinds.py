"""Networks and losses of further kinds, each against what its own training code computes at a place beside θ₀.

The truth is plain torch: the network's own copy with the moved weights, its loss as a training loop has it, and autograd.
"""

from __future__ import annotations

import copy
import itertools
import json
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import cases
import pytest
import torch
from lossnav.core import Estimation, InputError, Plane, Problem, spectrum, survey
from lossnav.core.curvature.gauss_newton import gauss_newton_products
from lossnav.core.curvature.loss_function import LossFunction
from lossnav.core.curvature.second_derivatives import second_derivatives
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

N = 12
X, TWO, CLASSES = cases.normal(N, 3), cases.normal(N, 2, seed=4), cases.labels(N, classes=3)


class Kind(NamedTuple):
    """A problem, and its loss as a training loop has it, of a network."""

    problem: Problem
    own: Callable[[nn.Module], Tensor]
    second: bool = True


def net(*sizes: int) -> nn.Module:
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        layers += [nn.Linear(a, b), nn.Tanh()]
    return cases.initialised(nn.Sequential(*layers[:-1]))


def module(forward: Callable[..., Any], **parts: Any) -> nn.Module:
    """A module of these parts, whose forward(self, …) is the function."""
    kind = type("Made", (nn.Module,), {"forward": forward})
    made = kind()
    for name, part in parts.items():
        if isinstance(part, Tensor) and not isinstance(part, nn.Parameter):
            made.register_buffer(name, part)
        else:
            setattr(made, name, part)
    return made.double()


# networks -----------------------------------------------------------------------------------------------------------------------
def hypernetwork() -> Kind:
    def forward(self: Any, x: Tensor) -> Tensor:
        w = self.maker(self.code).reshape(3, 3)
        return F.linear(torch.tanh(F.linear(x, w)), self.head)

    model = module(forward, maker=net(2, 5, 9), code=nn.Parameter(torch.ones(2)), head=nn.Parameter(cases.normal(3, 3)))
    return Kind(Problem(model, X, CLASSES), lambda m: F.cross_entropy(m(X), CLASSES))


def unrolled_equilibrium() -> Kind:
    def forward(self: Any, x: Tensor) -> Tensor:
        z = torch.zeros_like(x)
        for _ in range(20):
            z = torch.tanh(0.3 * self.inner(z) + x)
        return self.head(z)  # type: ignore[no-any-return]

    model = module(forward, inner=net(3, 3), head=net(3, 3))
    return Kind(Problem(model, X, CLASSES), lambda m: F.cross_entropy(m(X), CLASSES))


def implicit_equilibrium() -> Kind:
    """A fixed point found without a graph, and a gradient by the implicit function theorem, hooked on: DEQ as published."""

    def forward(self: Any, x: Tensor) -> Tensor:
        def f(z: Tensor) -> Tensor:
            return torch.tanh(0.3 * self.inner(z) + x)

        with torch.no_grad():
            z = torch.zeros_like(x)
            for _ in range(60):
                z = f(z)
        z = f(z)
        if z.requires_grad:
            start = z.detach().requires_grad_()
            there = f(start)

            def solve(g: Tensor) -> Tensor:
                found = g
                for _ in range(60):
                    found = torch.autograd.grad(there, start, found, retain_graph=True)[0] + g
                return found

            z.register_hook(solve)
        return self.head(z)  # type: ignore[no-any-return]

    model = module(forward, inner=net(3, 3), head=net(3, 3))
    return Kind(Problem(model, X, CLASSES), lambda m: F.cross_entropy(m(X), CLASSES), second=False)


def spectral() -> Kind:
    model = nn.Sequential(parametrizations.spectral_norm(nn.Linear(3, 5)), nn.Tanh(), nn.Linear(5, 3)).double().eval()
    return Kind(Problem(model, X, CLASSES), lambda m: F.cross_entropy(m(X), CLASSES))


def orthogonal() -> Kind:
    model = nn.Sequential(parametrizations.orthogonal(nn.Linear(3, 3)), nn.Tanh(), nn.Linear(3, 3)).double()
    return Kind(Problem(model, X, CLASSES), lambda m: F.cross_entropy(m(X), CLASSES))


def tied_autoencoder() -> Kind:
    def forward(self: Any, x: Tensor) -> Tensor:
        return F.linear(torch.tanh(self.code(x)), self.code.weight.T, self.back)

    model = module(forward, code=net(3, 2)[0], back=nn.Parameter(torch.zeros(3)))  # type: ignore[index]
    return Kind(Problem(model, X, X, loss="mse"), lambda m: F.mse_loss(m(X), X))


def ensemble_by_functional_call() -> Kind:
    def forward(self: Any, x: Tensor) -> Tensor:
        weights = {"0.weight": self.first, "0.bias": self.bias}
        each = torch.func.vmap(lambda w: torch.func.functional_call(self.shape[0], w, (x,)), in_dims=0)(weights)
        return each.mean(0)

    shape = [nn.Sequential(nn.Linear(3, 3)).double()]  # in a list: its own weights are no part of the network
    model = module(forward, first=nn.Parameter(cases.normal(4, 3, 3)), bias=nn.Parameter(cases.normal(4, 3)))
    model.shape = shape  # type: ignore[assignment]
    return Kind(Problem(model, X, CLASSES), lambda m: F.cross_entropy(m(X), CLASSES))


def packs_inside() -> Kind:
    lengths = torch.tensor([4, 2, 3] * 4)

    def forward(self: Any, x: Tensor, lengths: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        return self.head(self.rnn(packed)[1][-1])  # type: ignore[no-any-return]

    x = cases.normal(N, 4, 2)
    model = module(forward, rnn=nn.GRU(2, 3, batch_first=True), head=net(3, 3))
    return Kind(Problem(model, (x, lengths), CLASSES), lambda m: F.cross_entropy(m(x, lengths), CLASSES))


def sparse_adjacency() -> Kind:
    ring = torch.eye(N).roll(1, 0).double().to_sparse()

    def forward(self: Any, x: Tensor) -> Tensor:
        return self.last(torch.tanh(torch.sparse.mm(self.ring, self.first(x))))  # type: ignore[no-any-return]

    model = module(forward, first=net(3, 4), last=net(4, 3), ring=ring)
    return Kind(Problem(model, X, CLASSES), lambda m: F.cross_entropy(m(X), CLASSES))


def keeps_its_state() -> Kind:
    """A recurrent network whose state goes on from one batch to the next: every pass begins as the first."""

    def forward(self: Any, x: Tensor) -> Tensor:
        self.state = torch.tanh(self.inner(x).mean(0) + self.state).detach()
        return self.head(torch.tanh(self.inner(x)) + self.state)  # type: ignore[no-any-return]

    model = module(forward, inner=net(3, 4), head=net(4, 3), state=torch.zeros(4))
    return Kind(Problem(model, X, CLASSES, batches="whole"), lambda m: F.cross_entropy(m(X), CLASSES), second=False)


# losses -------------------------------------------------------------------------------------------------------------------------
def mixture_density() -> Kind:
    def forward(self: Any, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        pi, mu, log_sigma = self.net(x).chunk(3, 1)
        return pi.log_softmax(1), mu, log_sigma.exp()

    def nll(outputs: Any, y: Tensor) -> Tensor:
        log_pi, mu, sigma = outputs
        return -torch.logsumexp(log_pi + torch.distributions.Normal(mu, sigma).log_prob(y), 1)

    model, y = module(forward, net=net(3, 5, 6)), TWO[:, :1]
    return Kind(Problem(model, X, y, loss=nll), lambda m: nll(m(X), y).mean())


def a_distribution_comes_out() -> Kind:
    def forward(self: Any, x: Tensor) -> Any:
        mean, log_scale = self.net(x).chunk(2, 1)
        return torch.distributions.Independent(torch.distributions.Normal(mean, log_scale.exp()), 1)

    model = module(forward, net=net(3, 5, 4))
    return Kind(Problem(model, X, TWO, loss=lambda d, y: -d.log_prob(y)), lambda m: -m(X).log_prob(TWO).mean())


def normalising_flow() -> Kind:
    def log_prob(self: Any, x: Tensor) -> Tensor:
        a, b = x.chunk(2, 1)
        shift, scale = self.first(a).chunk(2, 1)
        b = b * torch.exp(torch.tanh(scale)) + shift
        shift, other = self.second(b).chunk(2, 1)
        a = a * torch.exp(torch.tanh(other)) + shift
        z = torch.cat([a, b], 1)
        return (-0.5 * z.square() - 0.5 * math.log(2 * math.pi)).sum(1) + (torch.tanh(scale) + torch.tanh(other))[:, 0]

    model = module(log_prob, first=net(1, 4, 2), second=net(1, 4, 2))
    type(model).log_prob = log_prob  # type: ignore[attr-defined]
    problem = Problem.from_loss(model, TWO, lambda model, x: -model.log_prob(x))
    return Kind(problem, lambda m: -m.log_prob(TWO).mean())  # type: ignore[operator]


def conditional_random_field() -> Kind:
    """−ln p of a tag sequence under a linear chain, by the forward algorithm; the transitions are the network's."""
    x, y = cases.normal(N, 4, 2), torch.arange(4 * N).reshape(N, 4) * 5 % 3

    def nll(self: Any, x: Tensor, y: Tensor) -> Tensor:
        e, t = self.emit(x), self.transitions
        score = e.gather(2, y[..., None])[..., 0].sum(1) + t[y[:, :-1], y[:, 1:]].sum(1)
        alpha = e[:, 0]
        for i in range(1, e.shape[1]):
            alpha = torch.logsumexp(alpha[:, :, None] + t[None], 1) + e[:, i]
        return torch.logsumexp(alpha, 1) - score

    model = module(lambda self, x: self.emit(x), emit=net(2, 3), transitions=nn.Parameter(cases.normal(3, 3)))
    type(model).nll = nll  # type: ignore[attr-defined]
    problem = Problem.from_loss(model, (x, y), lambda model, batch: model.nll(*batch))
    return Kind(problem, lambda m: m.nll(x, y).mean())  # type: ignore[operator]


def ordinal() -> Kind:
    """CORAL: K − 1 cumulative logits of one score, binary cross-entropy of the levels."""

    def coral(z: Tensor, y: Tensor) -> Tensor:
        levels = (y[:, None] > torch.arange(2)).to(z)
        return F.binary_cross_entropy_with_logits(z, levels, reduction="none").sum(1)

    model = module(
        lambda self, x: self.net(x) + self.cuts, net=net(3, 4, 1), cuts=nn.Parameter(torch.tensor([1.0, -1.0]))
    )
    return Kind(Problem(model, X, CLASSES, loss=coral), lambda m: coral(m(X), CLASSES).mean())


def multi_task(inside: bool) -> Kind:
    """Kendall et al.'s uncertainty weights, as parameters of the network or of the loss."""

    class Weighted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.logs = nn.Parameter(torch.tensor([0.3, -0.2]).double())

        def forward(self, outputs: Any, y: Tensor) -> Tensor:
            logs = outputs.get("logs", self.logs)
            a = F.cross_entropy(outputs["kind"], y[:, 0].long(), reduction="none")
            b = (outputs["value"][:, 0] - y[:, 1]).square()
            return a * torch.exp(-logs[0]) + b * torch.exp(-logs[1]) + logs.sum()

    def forward(self: Any, x: Tensor) -> dict[str, Tensor]:
        h = torch.tanh(self.trunk(x))
        return {"kind": self.kind(h), "value": self.value(h), **({"logs": self.logs} if inside else {})}

    parts: dict[str, Any] = {"trunk": net(3, 4), "kind": net(4, 3), "value": net(4, 1)}
    if inside:
        parts["logs"] = nn.Parameter(torch.tensor([0.1, 0.4]))
    model, loss = module(forward, **parts), Weighted()
    y = torch.stack([CLASSES.double(), TWO[:, 0]], 1)
    return Kind(Problem(model, X, y, loss=loss), lambda m: loss(m(X), y).mean())


def focal() -> Kind:
    def loss(z: Tensor, y: Tensor) -> Tensor:
        ce = F.cross_entropy(z, y, reduction="none")
        return (1 - torch.exp(-ce)) ** 2 * ce

    return Kind(Problem(net(3, 5, 3), X, CLASSES, loss=loss), lambda m: loss(m(X), CLASSES).mean())


def dice_of_each_image() -> Kind:
    x, y = cases.normal(N, 1, 4, 4), (cases.normal(N, 4, 4, seed=9) > 0).double()

    def dice(z: Tensor, y: Tensor) -> Tensor:
        p = z[:, 0].sigmoid()
        return 1 - (2 * (p * y).sum((1, 2)) + 1) / (p.sum((1, 2)) + y.sum((1, 2)) + 1)

    model = cases.initialised(nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.Tanh(), nn.Conv2d(3, 1, 1)))
    return Kind(Problem(model, x, y, loss=dice), lambda m: dice(m(x), y).mean())


def quantiles() -> Kind:
    levels = torch.tensor([0.1, 0.5, 0.9]).double()

    def pinball(z: Tensor, y: Tensor) -> Tensor:
        gap = y - z
        return torch.maximum(levels * gap, (levels - 1) * gap).mean(1)

    y = TWO[:, :1]
    return Kind(Problem(net(3, 5, 3), X, y, loss=pinball), lambda m: pinball(m(X), y).mean())


def cox() -> Kind:
    """The partial likelihood: everyone still at risk is in each one's denominator."""
    times = torch.stack([cases.normal(N, seed=6).abs(), (torch.arange(N) % 3 > 0).double()], 1)

    def partial(risk: Tensor, y: Tensor) -> Tensor:
        order = y[:, 0].argsort(descending=True)
        risk, event = risk[order, 0], y[order, 1]
        return -((risk - torch.logcumsumexp(risk, 0)) * event).sum() / event.sum()

    return Kind(Problem(net(3, 4, 1), X, times, loss=partial), lambda m: partial(m(X), times))


def memory_bank() -> Kind:
    """MoCo: a queue of keys in a buffer, which the forward writes to; every pass begins with the one that was stored."""

    def forward(self: Any, x: Tensor) -> Tensor:
        q = F.normalize(self.query(x), dim=1)
        with torch.no_grad():
            k = F.normalize(self.key(x), dim=1)
        z = torch.cat([(q * k).sum(1, keepdim=True), q @ self.queue.clone().T], 1) / 0.2
        self.queue[: len(k)] = k
        return z

    query, key = net(3, 4), net(3, 4)
    key.requires_grad_(False)
    model = module(forward, query=query, key=key, queue=F.normalize(cases.normal(20, 4), dim=1))
    y = torch.zeros(N, dtype=torch.long)
    return Kind(Problem(model, X, y, batches="whole"), lambda m: F.cross_entropy(m(X), y))


def slow_teacher() -> Kind:
    """BYOL: a predictor on the student follows a teacher that stays where it is."""

    def forward(self: Any, one: Tensor, other: Tensor) -> Tensor:
        with torch.no_grad():
            aim = F.normalize(self.teacher(other), dim=1)
        return 2 - 2 * (F.normalize(self.predictor(self.student(one)), dim=1) * aim).sum(1)

    student = net(3, 4)
    teacher = copy.deepcopy(student).requires_grad_(False)
    model, other = module(forward, student=student, predictor=net(4, 4), teacher=teacher), X + 0.1
    problem = Problem.from_loss(model, (X, other), lambda model, batch: model(*batch))
    return Kind(problem, lambda m: m(X, other).mean())


def discriminator() -> Kind:
    """One half of a GAN's parameters, the other staying: parameters=."""
    z = cases.normal(N, 2, seed=8)

    def loss(model: Any, batch: Any) -> Tensor:
        real, noise = batch
        there, made = model["d"](real), model["d"](model["g"](noise).detach())
        return F.softplus(-there)[:, 0] + F.softplus(made)[:, 0]

    model = nn.ModuleDict({"g": net(2, 4, 3), "d": net(3, 4, 1)})
    problem = Problem.from_loss(model, (X, z), loss, parameters="d.*")
    return Kind(problem, lambda m: loss(m, (X, z)).mean())


def energy_model() -> Kind:
    """Contrastive divergence: samples by Langevin steps down the energy, inside the loss."""

    def loss(model: Any, x: Tensor) -> Tensor:
        made = torch.zeros_like(x)
        for step in range(3):
            made = made.detach().requires_grad_()
            (slope,) = torch.autograd.grad(model(made).sum(), made)
            made = made - 0.1 * slope + 0.05 * (step + 1)
        return (model(x) - model(made.detach()))[:, 0]

    model = net(3, 5, 1)
    return Kind(Problem.from_loss(model, X, loss), lambda m: loss(m, X).mean(), second=False)


def siamese() -> Kind:
    y = (torch.arange(N) % 2).double()
    other = X.flip(0)

    def forward(self: Any, a: Tensor, b: Tensor) -> Tensor:
        return (self.net(a) - self.net(b)).square().sum(1).add(1e-6).sqrt()

    def contrast(d: Tensor, y: Tensor) -> Tensor:
        return y * d.square() + (1 - y) * (1 - d).clamp_min(0).square()

    model = module(forward, net=net(3, 4))
    return Kind(Problem(model, (X, other), y, loss=contrast), lambda m: contrast(m(X, other), y).mean())


def sample_weights() -> Kind:
    w = cases.normal(N, seed=3).abs()
    problem = Problem.from_loss(
        net(3, 4, 3), (X, CLASSES, w), lambda m, b: F.cross_entropy(m(b[0]), b[1], reduction="none") * b[2]
    )
    return Kind(problem, lambda m: (F.cross_entropy(m(X), CLASSES, reduction="none") * w).mean())


def targets_in_a_dict() -> Kind:
    data = [(X[i], {"kind": CLASSES[i], "value": TWO[i, 0]}) for i in range(N)]

    def loss(model: Any, batch: Any) -> Tensor:
        x, y = batch
        z = model(x)
        return F.cross_entropy(z[:, :3], y["kind"], reduction="none") + (z[:, 3] - y["value"]).square()

    whole = (X, {"kind": CLASSES, "value": TWO[:, 0]})
    problem = Problem.from_loss(net(3, 4, 4), torch.utils.data.DataLoader(data, 5), loss)  # type: ignore[arg-type]
    return Kind(problem, lambda m: loss(m, whole).mean())


def sparse_inputs() -> Kind:
    x = (X * (X > 0)).to_sparse()
    model = module(lambda self, x: self.last(torch.tanh(self.first(x))), first=net(3, 4), last=net(4, 3))
    return Kind(Problem(model, x, CLASSES), lambda m: F.cross_entropy(m(x.to_dense()), CLASSES))


KINDS: dict[str, Callable[[], Kind]] = {
    "a hypernetwork": hypernetwork,
    "an equilibrium, unrolled": unrolled_equilibrium,
    "an equilibrium, by its implicit gradient": implicit_equilibrium,
    "spectral norm": spectral,
    "an orthogonal parametrisation": orthogonal,
    "a decoder tied to its encoder": tied_autoencoder,
    "an ensemble by functional_call": ensemble_by_functional_call,
    "packs its sequences inside": packs_inside,
    "a sparse adjacency": sparse_adjacency,
    "keeps its state": keeps_its_state,
    "a mixture density": mixture_density,
    "a distribution comes out": a_distribution_comes_out,
    "a normalising flow": normalising_flow,
    "a conditional random field": conditional_random_field,
    "ordinal levels": ordinal,
    "uncertainty weights of the network": lambda: multi_task(True),
    "uncertainty weights of the loss": lambda: multi_task(False),
    "focal loss": focal,
    "dice of each image": dice_of_each_image,
    "quantiles": quantiles,
    "Cox's partial likelihood": cox,
    "a memory bank": memory_bank,
    "a slow teacher": slow_teacher,
    "a discriminator": discriminator,
    "an energy model": energy_model,
    "Siamese twins": siamese,
    "weights of examples": sample_weights,
    "targets in a dict": targets_in_a_dict,
    "sparse inputs": sparse_inputs,
}


@pytest.mark.parametrize("name", KINDS)
def test_loss_gradient_and_curvature_are_those_of_the_training_code(name: str) -> None:
    torch.manual_seed(0)
    kind = KINDS[name]()
    function = LossFunction(kind.problem, None, "cpu")
    function.point += 0.2 * torch.randn(function.point.shape, generator=torch.Generator().manual_seed(1)).to(
        function.point
    )
    model = copy.deepcopy(kind.problem.model).eval()
    model.load_state_dict({**model.state_dict(), **function.layout.views(function.point)})
    before = {k: v.clone() for k, v in model.named_buffers()}
    chosen = [p for k, p in model.named_parameters() if k in kind.problem.parameters]
    loss = kind.own(model)
    slopes = torch.autograd.grad(loss, chosen, create_graph=kind.second)
    value, gradient = function.loss_and_gradient(function.point)
    assert value == pytest.approx(float(loss.detach()), rel=1e-6)
    views = list(function.layout.views(gradient).values())
    for mine, own in zip(views, slopes, strict=True):
        torch.testing.assert_close(mine, own.detach(), rtol=1e-5, atol=1e-7)
    v = torch.randn(function.point.shape, generator=torch.Generator().manual_seed(2)).to(function.point)
    found = function.hessian_products(v[None])[0]
    if kind.second:
        along = sum((s * d).sum() for s, d in zip(slopes, function.layout.views(v).values(), strict=True))
        own_products = torch.autograd.grad(along, chosen, allow_unused=True)
    else:
        own_products = tuple(_difference(model, before, chosen, kind.own, function.layout.views(v).values()))
    for mine, product in zip(function.layout.views(found).values(), own_products, strict=True):
        torch.testing.assert_close(mine, torch.zeros_like(mine) if product is None else product, rtol=1e-4, atol=1e-5)


def test_an_implicit_gradient_has_its_products_by_differences_and_that_is_said() -> None:
    found = second_derivatives(implicit_equilibrium().problem)
    assert found.how == "differences"
    assert "second derivatives are wrong" in found.sentence


def _difference(model: nn.Module, before: Any, chosen: Any, own: Any, v: Any) -> Any:
    """H v as a central difference of gradients by the training code, its buffers put back."""
    slopes, h = [], 1e-5
    for sign in (1, -1):
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                buffer.copy_(before[name])
            for p, d in zip(chosen, v, strict=True):
                p.add_(sign * h * d)
        slopes.append(torch.autograd.grad(own(model), chosen))
        with torch.no_grad():
            for p, d in zip(chosen, v, strict=True):
                p.sub_(sign * h * d)
    return [(a - b) / (2 * h) for a, b in zip(*slopes, strict=True)]


# what comes in another shape ------------------------------------------------------------------------------------------------------
class Grows(nn.Module):
    """Its last layer is made when the first input is seen."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(3, 4), None

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.first(x))
        if self.head is None:
            self.head = nn.Linear(h.shape[1], 3).double()
        return self.head(h)  # type: ignore[no-any-return]


def sharded() -> nn.Module:
    """By its name alone: the real one needs a process group."""
    return type("FullyShardedDataParallel", (nn.Module,), {})()  # type: ignore[no-any-return]


def with_a_program_inside() -> nn.Module:
    return nn.Sequential(torch.jit.trace(net(3, 4), X), net(4, 3))  # type: ignore[no-untyped-call]


def with_sparse_weights() -> nn.Module:
    return module(lambda self, x: torch.sparse.mm(self.w, x.T).T, w=nn.Parameter(torch.eye(3).to_sparse()))


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "parameters made in the first pass": (
        lambda: Problem(Grows().double(), X, CLASSES),
        r"makes parameters in its first pass",
    ),
    "sharded weights": (lambda: Problem(sharded(), X, CLASSES), "get_model_state_dict"),
    "a program inside": (lambda: Problem(with_a_program_inside(), X, CLASSES), "'0' is a TorchScript program"),
    "sparse weights": (lambda: Problem(with_sparse_weights(), X, CLASSES), r"'w' is a sparse tensor.*to_dense"),
    "a step that gives a dict": (
        lambda: Problem.from_loss(net(3, 3), (X, CLASSES), lambda m, b: {"loss": F.cross_entropy(m(b[0]), b[1])}),
        "but returned dict",
    ),
    "a step that sums": (
        lambda: Problem.from_loss(
            net(3, 3), (X, CLASSES), lambda m, b: F.cross_entropy(m(b[0]), b[1], reduction="sum")
        ),
        "gives the sum over a batch",
    ),
    "nested tensors": (
        lambda: Problem(net(2, 3), torch.nested.nested_tensor([torch.ones(2 + i % 2, 2) for i in range(N)]), CLASSES),
        "have different lengths",
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_had_is_said_with_what_to_do(name: str) -> None:
    build, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        build()


def test_what_grew_is_taken_once_it_has() -> None:
    """The remedy, followed."""
    model = Grows().double()
    model(X[:2])
    problem = Problem(model, X, CLASSES)
    function = LossFunction(problem, None, "cpu")
    assert function.loss(function.point) == pytest.approx(float(F.cross_entropy(model(X), CLASSES).detach()))


class Steps(nn.Module):
    """A LightningModule's shape."""

    def __init__(self) -> None:
        super().__init__()
        self.net = net(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)  # type: ignore[no-any-return]

    def training_step(self, batch: Any, _index: int) -> Tensor:
        x, y = batch
        return F.cross_entropy(self(x), y, ignore_index=0)


def test_a_training_step_is_a_loss() -> None:
    """One number for a batch, its mean over those that are predicted there: batches are as named."""
    data = torch.utils.data.TensorDataset(X, CLASSES)
    problem = Problem.from_loss(
        Steps(),
        torch.utils.data.DataLoader(data, 5),
        lambda model, batch: model.training_step(batch, 0),
        batches="loader",
    )
    function = LossFunction(problem, None, "cpu")
    cuts = [slice(0, 5), slice(5, 10), slice(10, 12)]
    own = sum(float(problem.model.training_step((X[c], CLASSES[c]), 0).detach()) * len(X[c]) for c in cuts) / N
    assert function.loss(function.point) == pytest.approx(own, rel=1e-9)
    assert any("one number for a batch" in note for note in problem.notes)


@pytest.mark.filterwarnings("ignore")
def test_a_compiled_forward_is_that_of_the_copy() -> None:
    model = net(3, 4, 3)
    model.forward = torch.compile(model.forward, backend="eager")  # type: ignore[method-assign]
    function = LossFunction(Problem(model, X, CLASSES), None, "cpu")
    moved = net(3, 4, 3)
    moved.load_state_dict({k: v + 0.1 for k, v in model.state_dict().items()})
    assert function.loss(function.point + 0.1) == pytest.approx(float(F.cross_entropy(moved(X), CLASSES).detach()))
    assert "forward" in vars(model)


# in every readout -----------------------------------------------------------------------------------------------------------------
class Flat(nn.Module):
    def __init__(self, flat: bool) -> None:
        super().__init__()
        self.net, self.flat = net(3, 4, 1), flat

    def forward(self, x: Tensor) -> Tensor:
        z: Tensor = self.net(x)
        return z[:, 0] if self.flat else z


def readouts(problem: Problem, *names: str) -> Any:
    effort = Estimation(probes=3, steps=3, examples=N)
    return survey(problem, Plane.random(problem), (1, 1), overlays=names, fidelity=False, effort=effort)


def test_one_output_without_a_dimension_has_the_fisher_of_one_with_it() -> None:
    y = TWO[:, 0]
    lands = [
        readouts(
            Problem(Flat(flat), X, y, loss=lambda z, y: (z.reshape(-1) - y) ** 2),
            "effective_rank",
            "effective_dimension",
        )
        for flat in (True, False)
    ]
    for name in ("density_effective_rank", "density_effective_dimension"):
        assert float(lands[0][name][0, 0]) == pytest.approx(float(lands[1][name][0, 0]), rel=1e-9)


def test_a_loss_of_the_network_says_that_it_has_no_fisher() -> None:
    for data, loss in (
        ((X, TWO), lambda m, b: (m(b[0]) - b[1]).square().sum(1)),
        ((X, TWO[:5]), lambda m, b: m(b[0]).square().mean() + b[1].sum()),
    ):
        problem = Problem.from_loss(net(3, 4, 2), data, loss)
        reasons = json.loads(readouts(problem, "effective_rank", "effective_dimension").attrs["unavailable"])
        assert all(
            "no outputs between" in reasons[f"density_{name}"] for name in ("effective_rank", "effective_dimension")
        )


def test_one_number_for_a_batch_has_the_gauss_newton_matrix_of_all_its_outputs() -> None:
    """Jᵀ H_z J with H_z over the outputs of all examples, as Cox's denominators join them."""
    kind = cox()
    problem, function = kind.problem, LossFunction(kind.problem, None, "cpu")
    model, loss = problem.model, problem.likelihood.function  # type: ignore[attr-defined]

    def outputs(flat: Tensor) -> Tensor:
        named = dict(function.layout.views(flat))
        return torch.func.functional_call(model, named, (X,)).reshape(-1)

    jacobian = torch.autograd.functional.jacobian(outputs, function.point)
    middle = torch.autograd.functional.hessian(
        lambda z: loss(z.reshape(-1, 1), problem.targets), outputs(function.point).detach()
    )
    v = torch.randn(function.point.shape, generator=torch.Generator().manual_seed(2)).to(function.point)
    found = gauss_newton_products(function, v[None])[0]
    torch.testing.assert_close(found, jacobian.T @ middle @ jacobian @ v, rtol=1e-6, atol=1e-9)


def test_what_is_no_tensor_has_no_gauss_newton_matrix() -> None:
    with pytest.raises(InputError, match="object of type Independent"):
        spectrum(a_distribution_comes_out().problem, of="ggn", top=1)


@pytest.mark.parametrize("name", ["packs its sequences inside", "a sparse adjacency", "a mixture density"])
def test_no_readout_is_lost_by_accident(name: str) -> None:
    land = readouts(KINDS[name]().problem, "all")
    reasons = json.loads(land.attrs["unavailable"])
    assert not any("could not be measured" in reason for reason in reasons.values()), reasons

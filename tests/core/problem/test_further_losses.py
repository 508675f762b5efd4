"""Losses and targets of further kinds, each against what its own training code computes at a place beside θ₀."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from typing import Any

import cases
import pytest
import torch
from further import CLASSES, TWO, Kind, N, X, agrees_with_its_training_code, module, net, readouts
from lossnav.core import InputError, Problem, spectrum
from lossnav.core.curvature.gauss_newton import gauss_newton_products
from lossnav.core.curvature.loss_function import LossFunction
from torch import Tensor, nn
from torch.nn import functional as F


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


LOSSES: dict[str, Callable[[], Kind]] = {
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


@pytest.mark.parametrize("name", LOSSES)
def test_loss_gradient_and_curvature_are_those_of_the_training_code(name: str) -> None:
    agrees_with_its_training_code(LOSSES[name]())


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


@pytest.mark.parametrize("name", ["a mixture density"])
def test_no_readout_is_lost_by_accident(name: str) -> None:
    land = readouts(LOSSES[name]().problem, "all")
    reasons = json.loads(land.attrs["unavailable"])
    assert not any("could not be measured" in reason for reason in reasons.values()), reasons

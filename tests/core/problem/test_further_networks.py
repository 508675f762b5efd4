"""Networks of further kinds, each against what its own training code computes at a place beside θ₀."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import cases
import pytest
import torch
from further import CLASSES, Kind, N, X, agrees_with_its_training_code, module, net, readouts
from lossnav.core import Problem
from lossnav.core.curvature.second_derivatives import second_derivatives
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations


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


NETWORKS: dict[str, Callable[[], Kind]] = {
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
}


@pytest.mark.parametrize("name", NETWORKS)
def test_loss_gradient_and_curvature_are_those_of_the_training_code(name: str) -> None:
    agrees_with_its_training_code(NETWORKS[name]())


def test_an_implicit_gradient_has_its_products_by_differences_and_that_is_said() -> None:
    found = second_derivatives(implicit_equilibrium().problem)
    assert found.how == "differences"
    assert "second derivatives are wrong" in found.sentence


@pytest.mark.parametrize("name", ["packs its sequences inside", "a sparse adjacency"])
def test_no_readout_is_lost_by_accident(name: str) -> None:
    land = readouts(NETWORKS[name]().problem, "all")
    reasons = json.loads(land.attrs["unavailable"])
    assert not any("could not be measured" in reason for reason in reasons.values()), reasons

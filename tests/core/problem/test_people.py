"""From a training script to a landscape: a PINN, a segmentation project in Lightning's shape, and losses as loops write them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import cases
import pytest
import torch
from lossnav.core import Estimation, InputError, Plane, Problem, Trajectory, check, load_weights, survey
from lossnav.core.curvature.second_derivatives import second_derivatives
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

EFFORT = Estimation(probes=3, steps=4, examples=8)


def at(model: nn.Module, plane: Plane, alpha: float, beta: float) -> nn.Module:
    """The network moved as the plane has it."""
    moved = type(model)()
    moved.load_state_dict(model.state_dict() | plane.at(alpha, beta))
    return moved.eval()


# a PINN as a training script has it -----------------------------------------------------------------------------------------------
class Pinn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = cases.initialised(nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 1)))

    def forward(self, t: Tensor, x: Tensor) -> Tensor:
        return self.net(torch.cat([t, x], 1))  # type: ignore[no-any-return]


def burgers(model: nn.Module, inside: Any, start: Any, boundary: Any) -> Tensor:
    """Residual, initial and boundary loss with weights between them."""
    t, x = inside
    t.requires_grad_(True)
    x.requires_grad_(True)
    u = model(t, x)
    u_t = torch.autograd.grad(u, t, torch.ones_like(u), create_graph=True)[0]
    u_x = torch.autograd.grad(u, x, torch.ones_like(u), create_graph=True)[0]
    u_xx = torch.autograd.grad(u_x, x, torch.ones_like(u_x), create_graph=True)[0]
    residual = (u_t + u * u_x - 0.01 / math.pi * u_xx).square().mean()
    return residual + 10.0 * (model(*start[:2]) - start[2]).square().mean() + 5.0 * model(*boundary).square().mean()


def points() -> Any:
    t, x = cases.normal(20, 2).abs().split(1, 1)
    x_0 = cases.normal(7, 1, seed=3)
    return (t, x), (torch.zeros(7, 1), x_0, -torch.sin(x_0)), (cases.normal(6, 1, seed=4).abs(), torch.ones(6, 1))


def pinn(folder: Path) -> Problem:
    model = Pinn()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for step in range(3):
        torch.save({"model_state_dict": model.state_dict(), "step": step}, folder / f"pinn_{step}.pt")
        optimizer.zero_grad()
        burgers(model, *points()).backward()
        optimizer.step()
    trained = load_weights(Pinn(), folder / "pinn_2.pt")
    path = Trajectory.from_folder(folder)
    return Problem.from_loss(trained, points(), lambda model, batch: burgers(model, *batch), trajectory=path)


def test_a_pinn_from_its_training_script(tmp_path: Path) -> None:
    problem = pinn(tmp_path)
    plane = Plane.trajectory(problem)
    asked = ("slope", "viscosity", "coupling", "memory", "elasticity", "perplexity")
    land = survey(problem, plane, shape=(2, 2), fidelity=False, overlays=asked, effort=EFFORT)
    for i, alpha in enumerate(land["alpha"].values):
        for j, beta in enumerate(land["beta"].values):
            own = float(burgers(at(problem.model, plane, float(alpha), float(beta)), *points()).detach())
            assert float(land["loss"][i, j]) == pytest.approx(own, rel=1e-5)
    assert set(asked[:4]) <= set(land.data_vars)
    reasons = json.loads(land.attrs["unavailable"])
    assert "Problem.from_loss(…, anchor=Anchor(…))" in reasons["elasticity"]
    assert not any(
        "Gaussian" in reason for reason in reasons.values()
    )  # a loss of the network has no outputs to say it of
    assert any(line.says == "1 example." for line in check(problem))


# a segmentation project -----------------------------------------------------------------------------------------------------------
class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
        self.middle = nn.Sequential(nn.Conv2d(4, 8, 3, padding=1), nn.ReLU())
        self.up = nn.ConvTranspose2d(8, 4, 2, 2)
        self.head = nn.Conv2d(8, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        down = self.down(x)
        return self.head(torch.cat([self.up(self.middle(F.max_pool2d(down, 2))), down], 1))  # type: ignore[no-any-return]


class DiceAndCrossEntropy(nn.Module):
    """One number for a batch, as MONAI's and the many handwritten ones give it."""

    def __init__(self) -> None:
        super().__init__()
        self.ce = nn.CrossEntropyLoss(torch.tensor([0.3, 1.0, 1.0]), ignore_index=255)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        there = y != 255
        hot = F.one_hot(y.masked_fill(~there, 0), 3).permute(0, 3, 1, 2) * there[:, None]
        p = z.softmax(1) * there[:, None]
        dice = 1 - ((2 * (p * hot).sum((0, 2, 3)) + 1) / ((p + hot).sum((0, 2, 3)) + 1)).mean()
        return self.ce(z, y) + dice  # type: ignore[no-any-return]


def images() -> TensorDataset:
    y = torch.arange(10 * 64).reshape(10, 8, 8) // 7 % 3
    y[:3, :2] = 255
    return TensorDataset(cases.normal(10, 1, 8, 8, seed=2).float(), y)


def segmentation(folder: Path, **more: Any) -> Problem:
    module = nn.ModuleDict({"model": cases.initialised(UNet()).float()})
    for step in (8, 16):
        state = {
            "epoch": step // 8,
            "global_step": step,
            "state_dict": module.state_dict(),
            "hyper_parameters": {"lr": 0.1},
        }
        torch.save(state, folder / f"epoch={step // 8}-step={step}.ckpt")
        with torch.no_grad():
            for p in module.parameters():
                p.add_(0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(step)))
    model = load_weights(UNet(), folder / "epoch=2-step=16.ckpt")
    path = Trajectory.from_folder(folder)
    return Problem(model, DataLoader(images(), 4), loss=DiceAndCrossEntropy(), trajectory=path, **more)


@pytest.mark.parametrize("batches", [None, "loader"])
def test_a_segmentation_project_from_its_training_script(tmp_path: Path, batches: str | None) -> None:
    problem = segmentation(tmp_path, batches=batches)
    plane = Plane.random(problem)
    land = survey(
        problem, plane, shape=(2, 2), fidelity=False, overlays=("slope", "viscosity_trace", "memory"), effort=EFFORT
    )
    x, y = images().tensors
    cuts = [slice(0, 10)] if batches is None else [slice(0, 4), slice(4, 8), slice(8, 10)]
    for i, alpha in enumerate(land["alpha"].values):
        model, loss = at(problem.model, plane, float(alpha), float(land["beta"][0])), DiceAndCrossEntropy()
        own = sum(float(loss(model(x[cut]), y[cut]).detach()) * len(x[cut]) for cut in cuts) / len(x)
        assert float(land["loss"][i, 0]) == pytest.approx(own, rel=1e-5)
    assert {"slope", "viscosity_trace", "memory"} <= set(land.data_vars)


# losses as loops write them -------------------------------------------------------------------------------------------------------
def line(loss: Any, **more: Any) -> Problem:
    return Problem(
        cases.initialised(nn.Linear(2, 3)), cases.normal(6, 2), torch.tensor([0, 1, 2, -1, 0, -1]), loss=loss, **more
    )


def test_one_number_for_a_batch_is_the_batches_own() -> None:
    """Its mean is over the three that are predicted in one half and the two in the other, and a count of its own."""
    masked = lambda z, y: F.cross_entropy(z, y, ignore_index=-1)  # noqa: E731
    whole, halves = line(masked), line(masked, batches=3)
    for problem, size in ((whole, 6), (halves, 3)):
        land = survey(problem, Plane.random(problem), shape=(1, 1), span=((0, 0), (0, 0)), fidelity=False)
        z, y = problem.model(problem.args[0]), problem.targets
        own = torch.stack([masked(z[i : i + size], y[i : i + size]) for i in range(0, 6, size)]).mean()
        assert float(land["loss"][0, 0]) == pytest.approx(float(own.detach()), rel=1e-6)


def test_a_sum_over_a_batch_is_refused() -> None:
    with pytest.raises(InputError, match=r"gives the sum over a batch.*reduction='mean'"):
        line(lambda z, y: F.cross_entropy(z, y, ignore_index=-1, reduction="sum"))


def test_a_contrast_over_a_batch_is_no_sum() -> None:
    """Two like examples have ln 2, four ln 4: twice it, and no sum."""
    z = torch.zeros(2, 3)
    contrast = lambda z, y: F.cross_entropy(z @ z.T, torch.arange(len(z)))  # noqa: E731
    assert float(contrast(torch.cat([z, z]), None)) == pytest.approx(2 * float(contrast(z, None)))
    zeros = nn.Linear(2, 3)
    nn.init.zeros_(zeros.weight)
    nn.init.zeros_(zeros.bias)
    assert not Problem(zeros, cases.normal(4, 2), torch.zeros(4), loss=contrast).likelihood.is_per_example


class Scaled(nn.Module):
    """RMSNorm as Llama's: in float32, whatever comes in."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = cases.initialised(nn.Linear(2, 6)), cases.initialised(nn.Linear(6, 3))

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.first(x))
        h = (h.float() * torch.rsqrt(h.float().square().mean(-1, keepdim=True) + 1e-6)).to(h.dtype)
        return self.last(h)  # type: ignore[no-any-return]


def test_curvature_of_a_network_that_computes_in_float32_is_confirmed() -> None:
    found = second_derivatives(Problem(Scaled(), cases.normal(8, 2), torch.arange(8) % 3))
    assert found.how == "exact"
    assert found.confirmed

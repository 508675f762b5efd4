"""A likelihood stated beside a loss that is none: its readouts by hand, and the loss's own untouched."""

from __future__ import annotations

import cases
import numpy as np
import pytest
import torch
import xarray as xr
from lossnav.core import InputError, Plane, Problem, survey
from lossnav.core.curvature.fisher import fisher_diagonal
from lossnav.core.curvature.loss_function import LossFunction
from lossnav.core.curvature.operators import Curvature
from lossnav.core.density import density_map
from lossnav.core.problem.identity import problem_identity
from lossnav.core.problem.likelihoods import Gaussian
from lossnav.core.survey.check import check
from torch import Tensor, nn
from torch.nn import functional as F

OF_LIKELIHOOD = (
    "perplexity",
    "probability",
    "density",
    "density_effective_rank",
    "density_effective_dimension",
    "elasticity",
    "calibration",
)


def dice(z: Tensor, y: Tensor) -> Tensor:
    """Soft Dice loss of each example, pixels marked −100 left out."""
    shown = (y >= 0)[:, None]
    p, t = z.softmax(1) * shown, F.one_hot(y.clamp(min=0), z.shape[1]).movedim(-1, 1) * shown
    return 1 - (2 * (p * t).sum((1, 2, 3)) + 1) / ((p + t).sum((1, 2, 3)) + 1)


def focal(z: Tensor, y: Tensor) -> Tensor:
    """Focal loss of a binary label, γ = 2 (Lin et al. 2017)."""
    right = torch.where(y > 0, z, -z).squeeze(1)
    return (1 - right.sigmoid()).square() * F.softplus(-right)


class Named(nn.Module):
    """Gives its logits in a dict, among other things."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        z = self.inner(x)
        return {"logits": z, "features": z.square()}


def segmenting() -> tuple[nn.Module, Tensor, Tensor]:
    net = cases.initialised(nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.Tanh(), nn.Conv2d(3, 3, 1)))
    targets = cases.labels(12 * 16, classes=3).reshape(12, 4, 4)
    targets[:, 0] = -100
    return net, cases.normal(12, 1, 4, 4), targets


def measured(problem: Problem, *overlays: str) -> xr.Dataset:
    return survey(problem, Plane.random(problem), (3, 3), overlays=overlays, device="cpu")


def same(one: xr.Dataset, other: xr.Dataset, names: tuple[str, ...]) -> None:
    for name in names:
        np.testing.assert_allclose(one[name].values, other[name].values, rtol=2e-5, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("whole", [False, True], ids=["a loss each", "one number"])
@pytest.mark.parametrize("named", [False, True], ids=["tensor", "dict"])
def test_dice_keeps_its_landscape_and_has_the_softmaxs_readouts(whole: bool, named: bool) -> None:
    net, x, y = segmenting()
    net = Named(net) if named else net

    def loss(z, y):  # type: ignore[no-untyped-def]
        each = dice(z["logits"] if named else z, y)
        return each.mean() if whole else each

    beside, alone = Problem(net, x, y, loss=loss, likelihood="softmax"), Problem(net, x, y, loss=loss)
    classes = Problem(net, x, y)
    land = measured(beside, *OF_LIKELIHOOD, "viscosity", "slope")
    of_loss, of_classes = measured(alone, "viscosity", "slope"), measured(classes, *OF_LIKELIHOOD)
    same(land, of_loss, ("loss", "viscosity", "viscosity_lambda_min", "slope"))
    shared = ("accuracy", "perplexity", "probability", "probability_calibration", "density", "elasticity")
    same(land, of_classes, (*shared, "density_effective_rank", "density_effective_dimension"))
    z = (net(x)["logits"] if named else net(x)).detach()
    shown = y >= 0
    assert float(land["loss"][1, 1]) == pytest.approx(float(dice(z, y).mean()), rel=1e-5)
    assert float(land["accuracy"][1, 1]) == pytest.approx(float((z.argmax(1) == y)[shown].double().mean()), rel=1e-6)
    assert float(land["perplexity"][1, 1]) == pytest.approx(float(F.cross_entropy(z, y).exp()), rel=1e-5)
    assert land["loss"].attrs["units"] == "loss units"


def test_focal_loss_beside_a_bernoulli() -> None:
    net, x = cases.initialised(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))), cases.normal(30, 3)
    y = cases.labels(30, classes=2).float()[:, None]
    land = measured(Problem(net, x, y, loss=focal, likelihood="sigmoid"), "perplexity", "probability")
    z = net(x).detach()
    assert float(land["loss"][1, 1]) == pytest.approx(float(focal(z, y).mean()), rel=1e-5)
    surprise = F.binary_cross_entropy_with_logits(z, y)
    assert float(land["perplexity"][1, 1]) == pytest.approx(float(surprise.exp()), rel=1e-5)
    assert float(land["accuracy"][1, 1]) == pytest.approx(float(((z > 0) == (y > 0)).double().mean()), rel=1e-6)
    confidence = torch.maximum(z.sigmoid(), (-z).sigmoid()).mean()
    assert float(land["probability"][1, 1]) == pytest.approx(float(confidence), rel=1e-5)


def test_the_fisher_is_the_likelihoods_and_the_gauss_newton_matrix_the_losss() -> None:
    net, x, y = cases.initialised(nn.Linear(3, 4)).double(), cases.normal(10, 3).double(), cases.labels(10, classes=4)

    def brier(z: Tensor, y: Tensor) -> Tensor:
        return (z.softmax(1) - F.one_hot(y, 4)).square().sum(1)

    beside, classes = Problem(net, x, y, loss=brier, likelihood="cross_entropy"), Problem(net, x, y)
    rows = cases.normal(3, 16).double()

    def products(problem: Problem, of: str) -> Tensor:
        return Curvature(LossFunction(problem, device="cpu"), of).products(rows)

    torch.testing.assert_close(products(beside, "fisher"), products(classes, "fisher"))
    for of in ("hessian", "ggn", "empirical_fisher"):
        torch.testing.assert_close(products(beside, of), products(Problem(net, x, y, loss=brier), of))
    torch.testing.assert_close(fisher_diagonal(beside), fisher_diagonal(classes))


def test_a_fisher_follows_the_function_to_another_point() -> None:
    net, x, y = cases.initialised(nn.Linear(3, 2)), cases.normal(10, 3), cases.labels(10, classes=2)
    problem = Problem(net, x, y, loss=lambda z, y: z.square().sum(1), likelihood="softmax")
    function = LossFunction(problem, device="cpu")
    matrix = Curvature(function, "fisher")
    rows = cases.normal(2, 8)
    before = matrix.products(rows)
    function.point = function.point * 2
    there = {k: v * 2 for k, v in problem.parameters.items()}
    expected = Curvature(LossFunction(Problem(net, x, y), there, device="cpu"), "fisher").products(rows)
    torch.testing.assert_close(matrix.products(rows), expected)
    assert not torch.allclose(before, expected)


def test_a_density_map_has_the_likelihoods_numbers_beside_the_losses() -> None:
    net, x, y = cases.initialised(nn.Linear(3, 4)), cases.normal(20, 3), cases.labels(20, classes=4)
    found = density_map(Problem(net, x, y, loss=lambda z, y: z.square().sum(1), likelihood="softmax"), device="cpu")
    z = net(x).detach()
    np.testing.assert_allclose(found["loss"], z.square().sum(1), rtol=1e-5)
    np.testing.assert_allclose(found["perplexity"], F.cross_entropy(z, y, reduction="none").exp(), rtol=1e-5)
    np.testing.assert_allclose(found["confidence"], z.softmax(1).amax(1), rtol=1e-5)
    assert found["label"].values.tolist() == y.tolist()


def test_parts_and_copies_keep_it() -> None:
    net, x, y = segmenting()
    problem = Problem(net, x, y, loss=dice, likelihood="softmax")
    for part in (problem.subset(torch.arange(5)), problem.of_examples(5), problem.over("0.weight")):
        land = measured(part, "perplexity")
        z, wanted = net(part.args[0]).detach(), part.targets
        assert float(land["perplexity"][1, 1]) == pytest.approx(float(F.cross_entropy(z, wanted).exp()), rel=1e-5)


def test_it_is_part_of_the_identity_and_said() -> None:
    net, x, y = segmenting()
    plain, problem = Problem(net, x, y, loss=dice), Problem(net, x, y, loss=dice, likelihood="softmax")
    assert "likelihood" not in problem_identity(plain)
    assert problem_identity(problem)["likelihood"]["name"] == "cross_entropy"
    assert any("of the likelihood 'cross_entropy' stated beside the loss" in note for note in problem.notes)
    assert any("cross_entropy, stated beside the loss" in line.says for line in check(problem))


@pytest.mark.parametrize(
    ("loss", "likelihood", "said"),
    [
        ("cross_entropy", "softmax", "is a likelihood: leave it out"),
        ("mse", "softmax", "write it as a function"),
        (dice, "mse", "states none: give 'cross_entropy'"),
        (dice, "softmx", "softmx"),
        (dice, Gaussian(1.0), "targets"),
    ],
)
def test_what_it_cannot_be_is_said(loss: object, likelihood: object, said: str) -> None:
    net, x, y = segmenting()
    targets = torch.zeros(12, 3, 4, 4) if loss == "mse" else y
    with pytest.raises(InputError, match=said):
        Problem(net, x, targets, loss=loss, likelihood=likelihood)  # type: ignore[arg-type]


def test_a_loss_of_the_network_itself_has_none() -> None:
    with pytest.raises(InputError, match="has no outputs that a likelihood could be of"):
        Problem.from_loss(nn.Linear(1, 1), torch.ones(4, 1), lambda m, x: m(x).squeeze(1), likelihood="softmax")

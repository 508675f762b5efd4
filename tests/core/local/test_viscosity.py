"""Viscosity and slope at points of a plane, through surveys, against whole Hessians and direct evaluation."""

from __future__ import annotations

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import Anchor, Gaussian, Plane, Problem, survey
from lossnav.core.local.estimation import Estimation
from scipy import stats
from torch import Tensor, nn

SPAN = ((-0.6, 0.7), (-0.4, 0.5))
HERE = ((0.4, 0.4), (-0.3, -0.3))  # one point beside the origin
EXACT = Estimation(coordinates="parameters", probes=24, steps=24, examples=None)  # more products than parameters
NAMES = ("classifier", "smooth", "convolution", "tied tokens", "soft labels", "gaussian", "recurrent", "frozen")


def wide(seed: int = 0, n: int = 24) -> Problem:
    """125 parameters, more than a few products can know."""
    model = cases.initialised(cases.mlp((6, 10, 5), nn.Tanh), seed)
    return Problem(model, cases.normal(n, 6, seed=seed), cases.labels(n, classes=5, seed=seed))


@pytest.mark.parametrize("name", NAMES)
def test_with_as_many_products_as_parameters_everything_is_exact(name: str) -> None:
    problem = cases.CASES[name]()
    plane = Plane.random(problem, seed=3)
    shape = (2, 2) if problem.parameter_count < 100 else (2, 1)
    land = survey(problem, plane, shape, SPAN, overlays=("viscosity",), effort=EXACT)
    for place, point in reference.places(land, plane):
        values = torch.linalg.eigvalsh(reference.hessian(problem, point)).numpy()
        low, high = values[0], values[-1]
        zero = 1e-12 * np.abs(values).max()
        expected = {
            "viscosity": high,
            "viscosity_lambda_min": low,
            "viscosity_trace": values.sum(),
            "viscosity_convexity": abs(low / high),
            "viscosity_flat_share": (np.abs(values) <= 0.01 * abs(high)).mean(),
            "viscosity_index": (values < -zero).mean(),
        }
        for variable, truth in expected.items():
            assert float(land[variable][place]) == pytest.approx(truth, rel=1e-8, abs=1e-10), variable
            assert float(land[f"{variable}_se"][place]) == pytest.approx(0.0, abs=1e-12), variable


def test_a_smallest_eigenvalue_of_zero_has_an_error_too() -> None:
    model = cases.initialised(nn.Linear(1, 1))
    problem = Problem(model, torch.zeros(4, 1).double(), cases.normal(4, 1), loss="mse")  # H = diag(0, 2)
    land = survey(problem, Plane.random(problem, ignore=None), (1, 1), HERE, overlays=("viscosity",))
    assert land["viscosity_lambda_min"].item() == 0.0
    assert land["viscosity_convexity"].item() == 0.0
    assert land["viscosity_convexity_se"].item() == pytest.approx(0.0, abs=1e-14)
    assert (land["viscosity_flat_share"].item(), land["viscosity_index"].item()) == (0.5, 0.0)


@pytest.mark.parametrize("of", ["ggn", "fisher"])
def test_the_curvature_matrix_is_the_callers_choice(of: str) -> None:
    problem = cases.smooth(2)
    plane = Plane.random(problem, seed=3)
    effort = Estimation(coordinates="parameters", probes=24, steps=24, examples=None, of=of)
    land = survey(problem, plane, (2, 1), SPAN, overlays=("viscosity",), effort=effort)
    for place, point in reference.places(land, plane):
        values = torch.linalg.eigvalsh(reference.fisher_matrix(problem, point)).numpy()
        assert float(land["viscosity"][place]) == pytest.approx(values[-1], rel=1e-8)
        assert float(land["viscosity_trace"][place]) == pytest.approx(values.sum(), rel=1e-8)
        assert float(land["viscosity_index"][place]) == 0.0


@pytest.fixture(scope="module")
def drawn() -> tuple[Tensor, np.ndarray, dict[str, np.ndarray]]:
    """All eigenvalues at one point, and what 200 seeds say of them from 4 probes of 5 steps."""
    problem = wide()
    plane = Plane.random(problem, seed=1)
    effort = Estimation(coordinates="parameters", probes=4, steps=5, examples=None)
    lands = [
        survey(problem, plane, (1, 1), HERE, overlays=("viscosity",), seed=seed, effort=effort) for seed in range(200)
    ]
    found = {str(name): np.array([land[name].item() for land in lands]) for name in lands[0].data_vars}
    H = reference.hessian(problem, plane.at(0.4, -0.3))
    return H, torch.linalg.eigvalsh(H).numpy(), found


@pytest.mark.slow
def test_extreme_eigenvalues_lie_outside_of_their_ritz_values_and_no_farther_than_said(
    drawn: tuple[Tensor, np.ndarray, dict[str, np.ndarray]],
) -> None:
    _, values, found = drawn
    for variable in ("viscosity", "viscosity_lambda_min"):
        ritz, bound = found[variable], found[f"{variable}_se"]
        assert (ritz <= values[-1] + 1e-12).all()
        assert (ritz >= values[0] - 1e-12).all()
        end, sign = (values[-1], 1) if variable == "viscosity" else (values[0], -1)
        assert np.mean(sign * (end - ritz) <= 2 * bound + 1e-12) >= 0.95
    assert (found["viscosity"] > 0.9 * values[-1]).all()
    truth = abs(values[0] / values[-1])
    assert np.abs(found["viscosity_convexity"] - truth).max() < 0.3 * truth


@pytest.mark.slow
def test_trace_has_no_bias_and_its_interval_covers_it(
    drawn: tuple[Tensor, np.ndarray, dict[str, np.ndarray]],
) -> None:
    _, values, found = drawn
    trace, error = found["viscosity_trace"], found["viscosity_trace_se"]
    assert abs(trace.mean() - values.sum()) < 3 * trace.std() / 200**0.5
    reach = stats.t.ppf(0.975, 3) * error  # a mean of four probes
    assert 0.90 <= (np.abs(trace - values.sum()) <= reach).mean() <= 0.98


@pytest.mark.parametrize("steps", [12, 40])
def test_in_single_precision_the_bound_allows_for_rounding(steps: int) -> None:
    """40 steps settle λₘₐₓ to 1e-15 by their own account, which no product in float32 can."""
    problem = wide(2)
    plane = Plane.random(problem, seed=1)
    values = torch.linalg.eigvalsh(reference.hessian(problem, plane.at(0.4, -0.3))).numpy()
    effort = Estimation(coordinates="parameters", probes=3, steps=steps, examples=None)
    land = survey(problem, plane, (1, 1), HERE, overlays=("viscosity",), effort=effort, dtype="float32")
    for variable in ("viscosity", "viscosity_lambda_min"):
        nearest = np.abs(values - land[variable].item()).min()
        assert nearest <= land[f"{variable}_se"].item()
    assert 1e-7 < land["viscosity_se"].item() < 1e-3


def test_shares_of_eigenvalues_approach_the_truth_with_steps_and_probes() -> None:
    problem = wide(1)
    plane = Plane.random(problem, seed=1)
    values = torch.linalg.eigvalsh(reference.hessian(problem, plane.at(0.4, -0.3))).numpy()
    flat = (np.abs(values) <= 0.01 * values[-1]).mean()
    index = (values < -1e-12).mean()

    def misses(probes: int, steps: int) -> tuple[float, float]:
        effort = Estimation(coordinates="parameters", probes=probes, steps=steps, examples=None)
        lands = [survey(problem, plane, (1, 1), HERE, overlays=("viscosity",), seed=s, effort=effort) for s in range(8)]
        pairs = (("viscosity_flat_share", flat), ("viscosity_index", index))
        return tuple(float(np.mean([abs(land[v].item() - t) for land in lands])) for v, t in pairs)  # type: ignore[return-value]

    first, second, third = misses(3, 4), misses(5, 12), misses(8, 15)
    assert third[0] < second[0] < first[0]
    assert third[1] < second[1] < first[1]
    assert max(third) < 0.04
    assert misses(9, 14) == pytest.approx((0.0, 0.0), abs=1e-12)


@pytest.mark.parametrize("name", [*NAMES, "attention", "weight norm", "regression"])
def test_slope_and_steepest_step_are_direct_evaluations(name: str) -> None:
    problem = cases.CASES[name]()
    plane = Plane.random(problem, seed=5)
    effort = Estimation(coordinates="parameters", rho=0.2, examples=3)  # both are over all examples whatever the sample
    land = survey(problem, plane, (2, 2), SPAN, overlays=("slope", "sam"), effort=effort)
    for place, point in reference.places(land, plane):
        row, slope = reference.flat(point), reference.gradient(problem, point)
        assert float(land["slope"][place]) == pytest.approx(float(slope.norm()), rel=1e-9)
        up = reference.unflat(row + 0.2 * slope / slope.norm(), point)
        rise = float(reference.loss(problem, up) - reference.loss(problem, point))
        assert float(land["viscosity_sam"][place]) == pytest.approx(rise, rel=1e-8, abs=1e-11)


def test_on_a_diagonal_quadratic_keskar_is_the_corner_that_lies_uphill() -> None:
    """L = mean_i (x_i w_i − y_i)²: the highest corner is sign(∇L), whatever the box's size."""
    x = torch.diag(torch.tensor([1.0, 2.0, 0.5]).double())
    problem = Problem(cases.initialised(nn.Linear(3, 1, bias=False)), x, cases.normal(3, 1, seed=1), loss="mse")
    plane = Plane.random(problem, seed=2)
    for reach in (1e-3, 0.3, 2.0):
        effort = Estimation(coordinates="parameters", keskar=reach)
        land = survey(problem, plane, (2, 2), SPAN, overlays=("viscosity_keskar",), effort=effort)
        for place, point in reference.places(land, plane):
            here = float(reference.loss(problem, point))
            corner = reference.flat(point)
            corner = corner + reach * (corner.abs() + 1) * reference.gradient(problem, point).sign()
            top = float(reference.loss(problem, reference.unflat(corner, point)))
            assert top == pytest.approx(reference.box_maximum(problem, point, reach), rel=1e-12)
            assert float(land["viscosity_keskar"][place]) == pytest.approx(100 * (top - here) / (1 + here), rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_keskar_is_never_above_the_highest_corner_of_a_convex_loss_and_near_it(seed: int) -> None:
    problem = cases.linear(seed, outputs=2)  # 6 weights, 64 corners
    plane = Plane.random(problem, seed=seed)
    for reach in (0.05, 1.0):
        effort = Estimation(coordinates="parameters", keskar=reach)
        land = survey(problem, plane, (2, 2), SPAN, overlays=("viscosity_keskar",), effort=effort)
        for place, point in reference.places(land, plane):
            here, top = float(reference.loss(problem, point)), reference.box_maximum(problem, point, reach)
            highest = 100 * (top - here) / (1 + here)
            assert 0.5 * highest < float(land["viscosity_keskar"][place]) <= highest + 1e-9


def test_keskar_where_the_slope_is_zero_still_finds_a_rise() -> None:
    problem = Problem(
        cases.initialised(nn.Linear(3, 1, bias=False)), cases.normal(9, 3), torch.zeros(9, 1).double(), loss="mse"
    )
    zeros = {k: torch.zeros_like(v) for k, v in problem.parameters.items()}
    with torch.no_grad():
        for p in problem.model.parameters():
            p.zero_()
    plane = Plane.line(problem.model, {k: v + 1.0 for k, v in zeros.items()})
    land = survey(problem, plane, (1, 1), ((0, 0), (0, 0)), overlays=("viscosity_keskar", "slope"))
    assert land["slope"].item() == 0.0
    rise = land["viscosity_keskar"].item()
    assert 0 < rise <= 100 * reference.box_maximum(problem, zeros, 1e-3) + 1e-12


def test_keskar_needs_a_loss_that_is_above_minus_one() -> None:
    """A density above 1 makes the loss negative; relative to 1 + L ≤ 0 a rise has no meaning."""
    model = cases.initialised(nn.Linear(2, 1, bias=False))
    x = cases.normal(6, 2)
    problem = Problem(model, x, (x @ model.weight.T).detach(), loss=Gaussian(0.01))  # L = −3.69
    land = survey(problem, Plane.random(problem), (1, 1), ((0, 0), (0, 0)), overlays=("viscosity_keskar",))
    assert land["loss"].item() < -1
    assert np.isnan(land["viscosity_keskar"].item())


@pytest.mark.parametrize("c", [0.1, 10.0])
def test_rescaled_layers_are_one_function_with_another_sharpness(c: float) -> None:
    """Dinh et al. 2017: (W₁, b₁) → c (W₁, b₁), W₂ → W₂/c leaves a ReLU network's function as it is."""
    problem = cases.classifier(1)
    scaled = cases.classifier(1)
    with torch.no_grad():
        for tensor in (scaled.model[0].weight, scaled.model[0].bias):  # type: ignore[index]
            tensor.mul_(c)
        scaled.model[2].weight.div_(c)  # type: ignore[index]
    overlays = ("perplexity", "probability", "density", "viscosity")
    first, second = (
        survey(p, Plane.random(p, seed=4), (2, 2), SPAN, overlays=overlays, effort=EXACT) for p in (problem, scaled)
    )
    for variable in ("loss", "accuracy", "perplexity", "probability", "probability_entropy", "density"):
        assert second[variable].values == pytest.approx(first[variable].values, rel=1e-9), variable
    for variable in ("viscosity", "viscosity_trace"):
        ratio = second[variable].values / first[variable].values
        assert (np.abs(np.log(ratio)) > 0.3).all(), variable


SHARED = ("slope", "shape", "viscosity", "viscosity_keskar", "coupling", "density", "elasticity", "memory_basin")


@pytest.mark.parametrize("name", ["classifier", "tied tokens", "convolution", "recurrent", "attention"])
def test_no_number_depends_on_how_many_threads_there_are(name: str) -> None:
    problem = cases.CASES[name]()
    plane = Plane.random(problem, seed=3)
    effort = Estimation(coordinates="parameters", probes=3, steps=2, examples=4, descent_steps=5)
    lands = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        lands.append(survey(problem, plane, (3, 2), SPAN, overlays=SHARED, effort=effort, device="cpu"))
        assert torch.get_num_threads() == threads
    for other in lands[1:]:
        for variable in lands[0].data_vars:
            np.testing.assert_array_equal(other[variable].values, lands[0][variable].values, str(variable))


def test_a_readout_at_a_point_does_not_depend_on_the_grid_around_it() -> None:
    problem = cases.with_anchor(11)
    plane = Plane.random(problem, seed=3)
    effort = Estimation(coordinates="parameters", probes=3, steps=3, examples=6, descent_steps=5)
    overlays = tuple(o for o in SHARED if o not in ("shape", "memory_basin"))  # which look at the points around them
    span = ((-0.5, 0.5), (-1.0, 1.0))
    large = survey(problem, plane, (5, 3), span, overlays=overlays, effort=effort)
    small = survey(problem, plane, (3, 1), ((-0.5, 0.5), (0.0, 0.0)), overlays=overlays, effort=effort)
    alone = survey(problem, plane, (1, 1), ((0.5, 0.5), (1.0, 1.0)), overlays=overlays, effort=effort)
    for variable in small.data_vars:
        np.testing.assert_array_equal(large[variable].values[::2, 1:2], small[variable].values, str(variable))
        np.testing.assert_array_equal(large[variable].values[-1:, -1:], alone[variable].values, str(variable))


def all_finite(land: object, variables: list[str]) -> None:
    for variable in variables:
        values = land[variable].values  # type: ignore[index]
        assert np.isfinite(values).all(), variable


MEASURED = ["slope", "coupling", "coupling_interlayer", "density_coverage", "density_gradient_signal", "viscosity_sam"]
CURVED = [f"viscosity{v}" for v in ("", "_lambda_min", "_trace", "_convexity", "_flat_share", "_index", "_keskar")]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    "effort", [Estimation(coordinates="parameters", probes=3, steps=4), Estimation(probes=8, steps=8)]
)
def test_a_network_with_batchnorm_has_every_readout_on_the_usual_square(dtype: torch.dtype, effort: Estimation) -> None:
    problem = cases.convolution()
    overlays = ("all", "viscosity_keskar")
    land = survey(problem, Plane.random(problem), (3, 3), overlays=overlays, effort=effort, dtype=dtype)
    all_finite(land, [*MEASURED, *CURVED, *[f"{v}_se" for v in (*MEASURED[1:5], *CURVED[:-1])]])
    all_finite(land, ["shape", "memory_basin", "density_sparse_share"])
    assert np.isfinite(np.delete(land["elasticity_recovery"].values.ravel(), 4)).all()  # 4 is the anchor itself


def test_where_the_loss_is_not_finite_there_is_no_number_and_elsewhere_there_is() -> None:
    class Broken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.tensor([1.0, 1.0]).double())

        def forward(self, x: Tensor) -> Tensor:
            return x * self.w[0].sqrt() + self.w[1] / self.w[0]  # NaN for w₀ < 0

    model = Broken()
    problem = Problem(model, cases.normal(8, 1), cases.normal(8, 1, seed=1), loss="mse")
    ones = {"w": torch.ones(2).double()}
    anchor = Anchor({"w": torch.tensor([1.2, 0.9]).double()}, ones, 0.5)
    problem = Problem(model, problem.args[0], problem.targets, loss="mse", anchor=anchor)
    plane = Plane.line(model, {"w": torch.tensor([-1.0, 2.0]).double()})
    for effort in (Estimation(), Estimation(coordinates="parameters", probes=3, steps=1, descent_steps=5)):
        land = survey(problem, plane, (5, 1), ((0, 1), (0, 0)), overlays=("all", "viscosity_keskar"), effort=effort)
        measured = ["loss", "slope", "shape", "coupling", "viscosity_sam", *CURVED, "memory_basin"]
        measured += ["density_coverage", "density_sparse_share", "elasticity_pull", "elasticity_recovery"]
        for variable in measured:
            values = land[variable].values.ravel()
            assert np.isnan(values[3:]).all(), variable
            assert not np.isnan(values[:2]).any(), variable


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_overflow_far_away_is_no_error(dtype: torch.dtype) -> None:
    model = cases.initialised(cases.mlp((3, 5, 5, 5, 4)), dtype=dtype)
    problem = Problem(model, cases.normal(9, 3, dtype=dtype), cases.labels(9, classes=4))
    far = 1e100 if dtype == torch.float64 else 1e15
    overlays = ("all", "viscosity_keskar")
    land = survey(problem, Plane.random(problem), (3, 1), ((0, far), (0, 0)), overlays=overlays, dtype=dtype)
    for variable in [*MEASURED, *CURVED]:
        assert np.isfinite(land[variable].values[0, 0]), variable
    for variable in CURVED[:-1]:
        assert np.isnan(land[variable].values[-1, 0]), variable


@pytest.mark.parametrize("shape", [(1, 1), (2, 2)])
@pytest.mark.parametrize("name", ["one weight", "one layer", "two examples", "few tokens"])
def test_the_smallest_problems_have_every_readout(name: str, shape: tuple[int, int]) -> None:
    tiny = {
        "one weight": lambda: Problem(
            cases.initialised(nn.Linear(1, 1, bias=False)), cases.normal(5, 1), cases.normal(5, 1, seed=1), loss="mse"
        ),
        "one layer": lambda: cases.linear(1, outputs=2),
        "two examples": lambda: cases.smooth(1, n=2),
        "few tokens": lambda: cases.tokens(3),
    }
    problem = tiny[name]()
    overlays = ("all", "viscosity_keskar")
    for effort in ("preview", Estimation(coordinates="parameters", probes=4, steps=1), Estimation(examples=2)):
        land = survey(problem, Plane.random(problem), shape, SPAN, overlays=overlays, effort=effort)
        all_finite(land, ["slope", "shape", "coupling", "coupling_interlayer", "viscosity_sam", *CURVED])
        if problem.prediction_count > 2 and effort != Estimation(examples=2):  # two have but one pair
            assert (land["density_coverage"].values > 0).all()
    if name in ("one weight", "one layer"):
        assert not land["coupling_interlayer"].values.any()


def test_recalibrated_statistics_are_those_of_the_terrain() -> None:
    problem = cases.convolution("recalibrate")
    plane = Plane.random(problem)
    step, places = 1e-4, ((0.3, -0.2), (1.0, -1.0))
    for alpha, beta in places:
        span = ((alpha, alpha), (beta, beta))
        land = survey(
            problem,
            plane,
            (1, 1),
            span,
            overlays=("slope", "sam"),
            effort=Estimation(coordinates="parameters", rho=step, examples=None),
        )
        # the rise along the gradient, at held statistics, is the slope times the step
        assert land["viscosity_sam"].item() == pytest.approx(step * land["slope"].item(), rel=1e-2)
    held = cases.convolution("eval")
    there = survey(held, Plane.random(held), (1, 1), ((1.0, 1.0), (-1.0, -1.0)), overlays=("slope",))
    assert abs(there["slope"].item() / land["slope"].item() - 1) > 0.05

"""Maps of the data against sums made by hand, loops over examples, and data made so that a claim holds or fails."""

from __future__ import annotations

import json
import math
from pathlib import Path

import cases
import numpy as np
import pytest
import reference
import torch
import xarray as xr
from lossnav.core import InputError, Plane, Problem, density_map, load_problem, survey
from lossnav.core.density import input_rows, neighbour_density, rows
from lossnav.core.density.claims import DENSITY_CLAIMS, evidence, permuted_correlations
from lossnav.core.density.kernel import bandwidth_of, kernel_density
from lossnav.core.formats.density_map import read_density_map, write_density_map
from scipy.stats import kstest, rankdata
from torch import nn


def test_real_inputs_lie_flat_side_by_side() -> None:
    problem = cases.convolution()
    np.testing.assert_array_equal(input_rows(problem), problem.inputs[0].flatten(1).numpy())
    two = cases.CASES["named inputs"]()
    np.testing.assert_array_equal(input_rows(two), torch.cat(two.inputs, 1).numpy())


def test_the_squared_distance_of_tokens_is_twice_the_number_of_places_that_differ() -> None:
    problem = cases.tokens()
    found = input_rows(problem)
    words = problem.inputs[0]
    for a in range(len(words)):
        for b in range(len(words)):
            differing = int((words[a] != words[b]).sum())
            assert float(np.square(found[a] - found[b]).sum()) == 2 * differing


def test_too_many_tokens_get_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MOST_BYTES", 1000)
    with pytest.raises(InputError, match="choose a layer's activations"):
        input_rows(cases.tokens())


def test_the_density_is_minus_the_logarithm_of_the_kth_distance() -> None:
    points = cases.normal(60, 7).numpy()
    between = np.array([[np.sqrt(sum((a - b) ** 2)) for b in points] for a in points])
    for k in (1, 10, 59, 1000):
        wanted = -np.log(np.sort(between, axis=1)[:, min(k, 59)])
        np.testing.assert_allclose(neighbour_density(points, k), wanted, rtol=1e-12)


@pytest.mark.parametrize("dimensions", [2, 40])
def test_duplicates_tie_for_the_densest_place(dimensions: int) -> None:
    points = cases.normal(50, dimensions).numpy()
    points[:4] = points[0]
    found = neighbour_density(points, k=3)
    assert np.isfinite(found).all()
    assert found[:4].tolist() == [found.max()] * 4
    assert found[4:].max() == found.max()  # the smallest positive distance is some other example's
    assert neighbour_density(np.ones((5, 3))).tolist() == [0.0] * 5


def test_one_example_has_no_neighbour() -> None:
    with pytest.raises(InputError, match="at least two examples"):
        neighbour_density(np.ones((1, 3)))
    with pytest.raises(InputError, match="k should be 1 or more"):
        neighbour_density(np.ones((3, 3)), k=0)


def made(mislabelled: str, n: int = 60) -> Problem:
    """A dense cluster and a sparse cloud, a linear model that is sure of both, and one of the two labelled wrongly."""
    dense = 0.1 * cases.normal(n, 2, seed=1) + torch.tensor([3.0, 0.0])
    sparse = 4.0 * cases.normal(n, 2, seed=2)
    inputs = torch.cat([dense, sparse])
    right = (inputs[:, 0] < 0).long()
    wrong = torch.arange(2 * n) < n if mislabelled == "dense" else torch.arange(2 * n) >= n
    model = nn.Linear(2, 2).double()
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
        model.bias.zero_()
    return Problem(model, inputs, torch.where(wrong, 1 - right, right))


def claims(found: xr.Dataset) -> tuple[dict[str, object], dict[str, object]]:
    first, second = json.loads(found.attrs["claims"])
    return first, second


def of_example(problem: Problem, n: int) -> Problem:
    part = slice(n, n + 1)
    inputs = {k: t[part] for k, t in problem.kwargs.items()} or tuple(t[part] for t in problem.args)
    return Problem(problem.model, inputs, problem.targets[part], problem.likelihood)


KINDS = ["classifier", "convolution", "tied tokens", "soft labels", "gaussian", "regression", "custom", "recurrent"]


@pytest.mark.parametrize("name", [*KINDS, "attention", "named inputs"])
def test_the_numbers_of_each_example_are_those_of_a_loop(name: str) -> None:
    problem = cases.CASES[name]()
    point = {k: v + 0.1 for k, v in problem.parameters.items()}
    found = density_map(problem, point, permutations=20, device="cpu")
    for n in range(problem.example_count):
        row = found.isel(example=n)
        if not problem.targets.is_floating_point() and bool((problem.targets[n] == -100).all()):
            assert np.isnan([row[v] for v in ("loss", "perplexity", "confidence", "gradient_norm")]).all()
            continue
        one = of_example(problem, n)
        losses = reference.example_losses(one, point)
        assert float(row["loss"]) == pytest.approx(float(losses.mean()), rel=1e-9)
        assert float(row["gradient_norm"]) == pytest.approx(float(reference.gradient(one, point).norm()), rel=1e-8)
        if problem.likelihood.is_likelihood:
            assert float(row["perplexity"]) == pytest.approx(math.exp(float(losses.mean())), rel=1e-9)
        if problem.likelihood.is_categorical:
            confidence, _ = reference.confidence_and_entropy(one, point, 1.0)
            assert float(row["confidence"]) == pytest.approx(confidence, rel=1e-9)
    assert found["density"].values == pytest.approx(neighbour_density(input_rows(problem)))


def test_what_has_no_meaning_says_why() -> None:
    squares = density_map(cases.regression(), permutations=20)
    reasons = json.loads(squares.attrs["unavailable"])
    assert "'mse' states no likelihood" in reasons["perplexity"]
    assert set(reasons) == {"perplexity", "confidence", "label"}
    assert not set(reasons) & set(squares.data_vars)
    assert claims(squares)[1]["verdict"] == "undecided"
    assert "cannot be tested here: the loss 'mse' states no likelihood" in str(claims(squares)[1]["sentence"])
    assert json.loads(density_map(cases.soft(), permutations=20).attrs["unavailable"]) == {
        "label": "the labels are soft"
    }
    words = density_map(cases.tokens(), permutations=20)
    assert json.loads(words.attrs["unavailable"]) == {"label": "each example is a sequence of tokens"}
    assert json.loads(words.attrs["notes"]) == ["2 of 5 examples predict nothing and have no numbers."]
    whole = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, track_running_stats=False), nn.Linear(4, 3))
    bound = Problem(cases.initialised(whole), cases.normal(8, 3), cases.labels(8, classes=3))
    assert "belong together" in json.loads(density_map(bound, permutations=20).attrs["unavailable"])["gradient_norm"]


def test_a_network_that_vmap_cannot_take_has_its_gradients_one_by_one() -> None:
    class Looking(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) if float(x.detach().sum()) > 1e9 else 2 * super().forward(x)

    problem = Problem(Looking(3, 3), cases.normal(12, 3).float(), cases.labels(12, classes=3))
    found = density_map(problem, permutations=20)
    norms = []
    for x, y in zip(problem.inputs[0], problem.targets, strict=True):
        loss = nn.functional.cross_entropy(problem.model(x[None]), y[None])
        pieces = torch.autograd.grad(loss, list(problem.model.parameters()))
        norms.append(float(torch.cat([piece.flatten() for piece in pieces]).norm()))
    np.testing.assert_allclose(found["gradient_norm"], norms, rtol=1e-5)


def test_two_dimensional_inputs_are_shown_as_themselves() -> None:
    problem = made("sparse")
    found = density_map(problem, permutations=20)
    np.testing.assert_array_equal(np.stack([found["x"], found["y"]], 1), problem.inputs[0])
    assert found.attrs["placed"] == "inputs"
    assert json.loads(found.attrs["explained"]) is None
    np.testing.assert_array_equal(found["label"], problem.targets)


def test_other_inputs_are_shown_by_their_principal_components() -> None:
    found = density_map(cases.classifier(n=40), permutations=20)
    inputs = cases.classifier(n=40).inputs[0].numpy()
    shares = np.linalg.svd(inputs - inputs.mean(0), compute_uv=False) ** 2
    assert json.loads(found.attrs["explained"]) == pytest.approx((shares / shares.sum())[:2].tolist())
    one = Problem(nn.Linear(1, 2), torch.linspace(0, 1, 20)[:, None], cases.labels(20, classes=2))
    assert json.loads(density_map(one, permutations=20).attrs["explained"]) == pytest.approx([1.0, 0.0])


def test_a_layer_is_shown_by_its_activations_at_the_point() -> None:
    problem = cases.smooth(n=40)
    away = {k: v + 0.5 for k, v in problem.parameters.items()}
    found = density_map(problem, away, layer="1", permutations=20, device="cpu")
    hidden = torch.tanh(problem.inputs[0] @ away["0.weight"].T + away["0.bias"]).numpy()
    assert found["density"].values == pytest.approx(neighbour_density(hidden))
    assert found["x"].values.var() == pytest.approx(np.linalg.eigvalsh(np.cov(hidden.T, bias=True))[-1])
    assert json.loads(found.attrs["layers"]) == ["0", "1", "2"]
    with pytest.raises(InputError, match=r"Unknown layer 'blcks.0'.*did you mean 'blocks.0'"):
        density_map(load_problem("markov-gpt"), layer="blcks.0")


def test_ones_own_coordinates() -> None:
    problem = cases.classifier()
    own = cases.normal(12, 2, seed=5).numpy()
    np.testing.assert_array_equal(density_map(problem, coordinates=own, permutations=20)["x"], own[:, 0])
    for wrong in (own[:5], own * np.nan):
        with pytest.raises(InputError, match="coordinates should be finite numbers of shape"):
            density_map(problem, coordinates=wrong)


@pytest.mark.parametrize("name", ["classifier", "tied tokens", "gaussian"])
def test_the_estimate_integrates_to_one_and_reaches_beyond_every_example(name: str) -> None:
    found = density_map(cases.CASES[name](), permutations=20)
    points, h = np.stack([found["x"], found["y"]], 1), found.attrs["bandwidth"]
    x, y = (np.linspace(p.min() - 8 * h, p.max() + 8 * h, 900) for p in points.T)
    total = kernel_density(points, h, x, y).sum() * (x[1] - x[0]) * (y[1] - y[0])
    assert total == pytest.approx(1.0, abs=1e-6)
    drawn = found["kernel_density"].sum() * np.diff(found["grid_x"])[0] * np.diff(found["grid_y"])[0]
    assert float(drawn) == pytest.approx(1.0, abs=0.02)


def test_the_estimate_is_the_sum_of_its_kernels() -> None:
    points, x, y = cases.normal(9, 2).numpy(), np.array([-1.0, 0.3]), np.array([0.0, 0.7, 2.0])
    wanted = [[sum(math.exp(-((a - p) ** 2 + (b - q) ** 2) / (2 * 0.4**2)) for p, q in points) for b in y] for a in x]
    np.testing.assert_allclose(kernel_density(points, 0.4, x, y), np.array(wanted) / (9 * 2 * np.pi * 0.4**2))


def test_the_bandwidth_is_near_the_best_for_a_known_law() -> None:
    points = cases.normal(800, 2, seed=3).numpy()
    assert bandwidth_of(points) == pytest.approx(800 ** (-1 / 6), rel=0.35)  # Scott's rule is the best for a Gaussian
    assert bandwidth_of(7 * points) == pytest.approx(7 * bandwidth_of(points), rel=1e-6)
    assert bandwidth_of(np.repeat(points[:100], 3, axis=0)) == bandwidth_of(points[:100])  # duplicates do not shrink it
    assert bandwidth_of(np.zeros((5, 2))) == 1.0


def test_both_claims_on_data_made_for_them_and_on_data_made_against_them() -> None:
    weak, unmapped = claims(density_map(made("dense")))
    assert (weak["verdict"], unmapped["verdict"]) == ("supported", "not supported")
    assert str(weak["sentence"]).startswith("Sparse examples carry a weaker gradient: rank correlation 0.")
    assert str(weak["sentence"]).endswith("one-sided p = 0.0005, n = 120.")
    assert str(unmapped["sentence"]).startswith("Sparse examples have lower perplexity, the reverse of the claim: rank")
    weak, unmapped = claims(density_map(made("sparse")))
    assert (weak["verdict"], unmapped["verdict"]) == ("not supported", "supported")
    assert str(weak["sentence"]).startswith("Sparse examples carry a stronger gradient, the reverse of the claim: rank")
    assert str(unmapped["sentence"]).startswith("Sparse examples have higher perplexity: rank correlation −0.")


def test_verdicts_on_numbers_without_any_relation() -> None:
    few, many = (cases.normal(n, 2, seed=4).numpy().T for n in (30, 5000))
    undecided = evidence(DENSITY_CLAIMS[0], *few, 200, 0)
    assert undecided["verdict"] == "undecided"
    assert "no more than chance would have it" in undecided["sentence"]
    settled = evidence(DENSITY_CLAIMS[1], *many, 200, 0)
    assert settled["verdict"] == "not supported"
    assert settled["sentence"].startswith("Density and perplexity hardly go together")
    flat = evidence(DENSITY_CLAIMS[0], few[0], np.ones(30), 200, 0)
    assert flat["sentence"].endswith("density or gradient norm is the same everywhere.")
    assert evidence(DENSITY_CLAIMS[0], few[0], np.full(30, np.nan), 200, 0)["sentence"].endswith(
        "only 0 examples have both numbers."
    )


def test_the_statistic_is_spearmans_and_permutations_keep_its_law() -> None:
    x, y = cases.normal(50, 2, seed=7).numpy().T
    y = np.round(y, 1)  # ties
    found = evidence(DENSITY_CLAIMS[0], x, y + 0.5 * x, 500, 0)
    ranks = [rankdata(v) for v in (x, y + 0.5 * x)]
    assert found["statistic"] == pytest.approx(np.corrcoef(*ranks)[0, 1])
    chance = permuted_correlations(x, y, 4000, 0)
    assert chance.mean() == pytest.approx(0.0, abs=4 * 49**-0.5 / 4000**0.5)
    assert chance.std() == pytest.approx(49**-0.5, rel=0.05)  # Var = 1 / (n − 1) under permutation


def test_p_values_are_uniform_where_there_is_nothing() -> None:
    draws = [evidence(DENSITY_CLAIMS[0], *cases.normal(40, 2, seed=s).numpy().T, 199, s) for s in range(200)]
    for key in ("p_claimed", "p_two_sided"):
        assert kstest([d[key] for d in draws], "uniform").pvalue > 0.01


def test_the_same_call_gives_the_same_map() -> None:
    first, second = (density_map(cases.classifier(n=40), seed=3, permutations=50) for _ in range(2))
    xr.testing.assert_identical(first, second)


def test_losses_that_are_not_finite_are_counted_and_left_out() -> None:
    problem = cases.classifier(n=40)
    far = {k: v.clone() for k, v in problem.parameters.items()}
    far["0.weight"][0] *= 1e308
    far["0.weight"][1] *= 1e308
    found = density_map(problem, far, permutations=50)
    lost = int(np.isnan(found["loss"]).sum())
    assert 0 < lost <= 40
    assert np.isfinite(found["kernel_density"]).all()
    assert json.loads(found.attrs["notes"])[0].startswith(f"The loss of {lost} of 40 examples is not finite")
    assert claims(found)[1]["n"] == 40 - lost
    steep = int(np.isnan(found["gradient_norm"]).sum()) - lost
    assert json.loads(found.attrs["notes"])[1].startswith(f"The gradient of {steep} of 40 examples is not finite")
    assert claims(found)[0]["n"] == 40 - lost - steep
    nowhere = {k: torch.full_like(v, torch.inf) for k, v in problem.parameters.items()}
    assert np.isnan(density_map(problem, nowhere, permutations=50)["loss"]).all()
    with pytest.raises(InputError, match="not finite at this point"):
        density_map(problem, nowhere, layer="0")


def test_perplexity_that_overflows_still_has_its_rank() -> None:
    problem = made("sparse")
    loud = {k: 1e3 * v for k, v in problem.parameters.items()}
    found = density_map(problem, loud, permutations=50)
    assert np.isinf(found["perplexity"]).any()
    assert claims(found)[1]["n"] == 120


def test_too_little_and_foreign_input() -> None:
    with pytest.raises(InputError, match="at least two examples"):
        density_map(cases.classifier(n=1))
    with pytest.raises(InputError, match="The point"):
        density_map(cases.classifier(), cases.smooth().parameters)


def test_a_map_reads_back_as_it_was_written(tmp_path: Path) -> None:
    found = density_map(cases.tokens(), permutations=20)
    write_density_map(found, tmp_path / "map.nc")
    xr.testing.assert_identical(read_density_map(tmp_path / "map.nc"), found)
    xr.Dataset({"loss": ("x", [1.0])}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    (tmp_path / "text.nc").write_text("no")
    for name, said in (("other", "is no lossnav density map"), ("text", "is no NetCDF"), ("none", "No density map")):
        with pytest.raises(InputError, match=said):
            read_density_map(tmp_path / f"{name}.nc")


def test_statistics_of_batchnorm_are_those_of_the_point_where_asked_for() -> None:
    at = {k: v + 0.2 for k, v in cases.convolution().parameters.items()}
    kept, renewed = (
        density_map(cases.convolution(mode), at, permutations=20)["loss"].mean() for mode in ("eval", "recalibrate")
    )
    assert float(kept) != pytest.approx(float(renewed), rel=1e-3)
    problem = cases.convolution("recalibrate")
    corner = Plane.line(problem.parameters, at)
    land = survey(problem, corner, (2, 1), ((0, 1), (0, 0)), overlays=(), fidelity=False)
    assert float(renewed) == pytest.approx(float(land["loss"].values[1, 0]), rel=1e-6)

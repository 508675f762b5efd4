"""Populations of small networks: against autograd, against the library's own matrices, on resume, on any number of threads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from lossnav.core import Problem, spectrum
from lossnav.core.claims.population import (
    CONTRASTS,
    Population,
    Recipe,
    Shape,
    chunks,
    contrast_of,
    data_of,
    hessians,
    made,
)
from lossnav.core.claims.population.chunks import Chunk
from lossnav.core.claims.population.finish import LEVELS, finished
from lossnav.core.claims.population.history import histories
from lossnav.core.claims.population.network import losses, losses_and_gradients
from lossnav.core.claims.population.optimiser import Optimiser
from lossnav.core.claims.population.streams import Stream
from lossnav.core.claims.population.twins import mirrored_weights, twins
from lossnav.core.curvature.dense import dense_matrix
from lossnav.core.curvature.operators import curvature

SHAPE = Shape()
POPULATION = Population("test", "digits", Recipe(rate=0.3), 7)


def draws(count: int) -> torch.Tensor:
    return 0.4 * torch.randn(count, SHAPE.parameters, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def silent(*_: object) -> None:
    pass


def test_gradients_are_autograds() -> None:
    data, theta = data_of("digits"), draws(4).requires_grad_()
    wanted = losses(SHAPE, theta, data.inputs, data.targets)
    wanted.sum().backward()
    loss, gradient = losses_and_gradients(SHAPE, theta.detach(), data.inputs, data.targets)
    torch.testing.assert_close(loss, wanted.detach(), rtol=1e-14, atol=0)
    torch.testing.assert_close(gradient, theta.grad, rtol=0, atol=1e-15)
    own = torch.nn.functional.cross_entropy(SHAPE.module(theta[2].detach())(data.inputs), data.targets)
    assert float(loss[2]) == pytest.approx(float(own.detach()), rel=1e-14)


@pytest.mark.parametrize("shape", [Shape(), Shape(3, 4, 5)])
def test_hessians_are_the_librarys(shape: Shape) -> None:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(40, shape.inputs, generator=generator, dtype=torch.float64)
    targets = torch.randint(0, shape.outputs, (40,), generator=generator)
    theta = torch.randn(2, shape.parameters, generator=generator, dtype=torch.float64)
    for each, matrix in zip(theta, hessians(shape, theta, inputs, targets), strict=True):
        problem = Problem(shape.module(each), inputs, targets, loss="cross_entropy")
        whole = dense_matrix(curvature(problem, None, "hessian", "cpu"))
        assert float((matrix - whole).abs().max()) < 1e-12 * float(whole.abs().max())
        wanted = spectrum(problem, method="exact").eigenvalues
        found = torch.linalg.eigvalsh(matrix).numpy()
        assert np.abs(found - wanted).max() < 1e-12 * np.abs(wanted).max()


@pytest.mark.parametrize(
    "recipe", [Recipe(rate=0.05, momentum=0.9), Recipe(optimiser="adam", rate=0.01), Recipe(rate=0.2)]
)
def test_steps_are_torchs_own(recipe: Recipe) -> None:
    theta = draws(1)
    parameter = theta[0].clone().requires_grad_()
    torchs = (
        torch.optim.Adam([parameter], recipe.rate)
        if recipe.optimiser == "adam"
        else torch.optim.SGD([parameter], recipe.rate, recipe.momentum)
    )
    mine, data = Optimiser(recipe, theta), data_of("digits")
    for _ in range(20):
        _, gradient = losses_and_gradients(SHAPE, theta, data.inputs, data.targets)
        theta = theta + mine.step(gradient)
        parameter.grad = losses_and_gradients(SHAPE, parameter.detach()[None], data.inputs, data.targets)[1][0]
        torchs.step()
    torch.testing.assert_close(theta[0], parameter.detach(), rtol=1e-10, atol=1e-12)


def test_a_network_is_the_same_whoever_trains_beside_it() -> None:
    recipe, data = Recipe(noise=0.02, first="shuffled", rate=0.3), data_of("digits")
    together, alone = (
        histories(SHAPE, data, recipe, [Stream(recipe, "x", seed) for seed in seeds]) for seeds in ((5, 6, 7), (6,))
    )
    assert together["history"][1, 0] == alone["history"][0, 0]
    np.testing.assert_allclose(together["theta"][1], alone["theta"][0], rtol=1e-6)


@pytest.mark.parametrize("data", ["digits", "mixture"])
def test_losses_are_equal_to_rounding_and_what_was_measured_is_of_those_networks(data: str) -> None:
    chunk = Chunk(Population("test", data, Recipe(rate=0.3), 3), 0, 3, Path())
    found = chunk.arrays()
    for name, level in LEVELS.items():
        assert np.abs(found[f"{name}_loss"] - level).max() < 1e-12
        matrices = hessians(
            SHAPE, torch.from_numpy(found[f"{name}_theta"]), data_of(data).inputs, data_of(data).targets
        )
        matrix = matrices[1].numpy()
        assert found[f"{name}_trace"][1] == pytest.approx(np.trace(matrix), rel=1e-12)
        assert found[f"{name}_norm"][1] == pytest.approx(np.linalg.norm(matrix), rel=1e-12)
        off = matrix - np.diag(np.diag(matrix))
        assert found[f"{name}_offdiagonal"][1] == pytest.approx((np.linalg.norm(off) / np.linalg.norm(matrix)) ** 2)
        np.testing.assert_allclose(found[f"{name}_spectrum"][1], np.linalg.eigvalsh(matrix), atol=1e-13)
    assert (found["history"][:, 3] >= 1).all()  # tortuosity


def test_a_level_that_is_never_reached_is_nan_and_stays_apart() -> None:
    data = data_of("digits")
    theta = torch.stack([draws(1)[0], torch.full((SHAPE.parameters,), torch.nan, dtype=torch.float64)])
    found = finished(SHAPE, data, theta, (1.5,))
    assert bool(found[0, 0].isfinite().all())
    assert bool(found[0, 1].isnan().all())
    assert float(losses(SHAPE, found[0, :1], data.inputs, data.targets)) == pytest.approx(1.5, abs=1e-12)


def test_a_stopped_population_goes_on_with_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 4)
    count = 7
    (whole,) = made([(POPULATION, count)], tmp_path / "a", silent)
    files = sorted((tmp_path / "a").rglob("*.npz"))
    kept = {file: file.read_bytes() for file in files}
    files[0].unlink()
    asked: list[int] = []
    (again,) = made([(POPULATION, count)], tmp_path / "a", lambda _what, _done, of: asked.append(of))
    assert set(asked) == {1}
    assert {file: file.read_bytes() for file in files} == kept
    for name, values in whole.items():
        np.testing.assert_array_equal(values, again[name])
    assert whole["seed"].tolist() == list(range(7, 7 + count))


def test_no_number_depends_on_the_number_of_threads(tmp_path: Path) -> None:
    small = [(Population(f"t{k}", "digits", Recipe(rate=0.3), 7), 4) for k in range(2)]
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(made(small, tmp_path / str(threads), silent))
    torch.set_num_threads(1)
    for one, two in zip(*found, strict=True):
        for name in one:
            np.testing.assert_array_equal(one[name], two[name])
    assert not np.array_equal(found[0][0]["late_theta"], found[0][1]["late_theta"])


def test_another_recipe_is_another_folder() -> None:
    keys = {Population("x", "digits", recipe, 0).key for each in CONTRASTS for recipe in each.recipes}
    assert len(keys) == len({recipe for each in CONTRASTS for recipe in each.recipes})
    assert Population("x", "digits", Recipe(), 0).key != Population("x", "digits", Recipe(), 1).key


def test_networks_of_other_code_are_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    before = POPULATION.key
    monkeypatch.setattr(chunks, "made_by", lambda: "other")
    assert POPULATION.key != before


def test_the_exchange_leaves_the_spectrum_and_turns_the_outputs() -> None:
    data, theta = data_of("mirrored"), draws(1)
    turned = mirrored_weights(SHAPE, theta)
    one, two = (torch.linalg.eigvalsh(hessians(SHAPE, each, data.inputs, data.targets)) for each in (theta, turned))
    assert float((one - two).abs().max()) < 1e-12 * float(one.abs().max())
    exchanged = data.held_out.roll(8, 1)
    logits = SHAPE.module(theta[0])(data.held_out).roll(5, 1)
    torch.testing.assert_close(SHAPE.module(turned[0])(exchanged), logits, rtol=1e-12, atol=1e-12)


def test_twins_have_one_spectrum_and_two_histories() -> None:
    data = data_of("mirrored")
    for pair in twins(contrast_of("mirrored"), 3):
        spectra = torch.linalg.eigvalsh(hessians(SHAPE, pair, data.inputs, data.targets))
        assert float((spectra[0] - spectra[1]).abs().max()) < 1e-12 * float(spectra.max())
        torch.testing.assert_close(mirrored_weights(SHAPE, pair[:1])[0], pair[1], rtol=0, atol=1e-12)
        assert float((pair[0] - pair[1]).norm()) > 1

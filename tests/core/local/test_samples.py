"""Samples and probes: drawn once from the seed, each preset's the first of the next."""

from __future__ import annotations

import json
from dataclasses import replace

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import InputError, Plane, Problem, survey
from lossnav.core.curvature.loss_function import LossFunction
from lossnav.core.local import samples
from lossnav.core.local.context import Instruments
from lossnav.core.local.estimation import PRESETS, Estimation, preset
from lossnav.core.local.samples import example_flops, sample_sizes, sampled_examples, sampled_predictions
from lossnav.core.plane.filter_coordinates import COORDINATES
from torch import Tensor, nn


def large(n: int = 300) -> Problem:
    """As many examples as make the presets differ; each input says which it is."""
    model = cases.initialised(cases.mlp((1, 6, 3), nn.Tanh))
    return Problem(model, torch.arange(n).double()[:, None], cases.labels(n, classes=3))


def instruments(problem: Problem, effort: str | Estimation, seed: int = 0) -> Instruments:
    plane = Plane.random(problem).over(problem.parameters)
    estimation = replace(preset(effort), pass_flops=0.0)  # small as these problems are, they would get all examples
    return Instruments(problem, plane, estimation, seed, torch.device("cpu"))


def chosen(problem: Problem) -> list[int]:
    return problem.args[0][:, 0].int().tolist()


def test_what_a_smaller_preset_looks_at_a_larger_one_looks_at_too() -> None:
    problem = large()
    preview, standard, full = (instruments(problem, name) for name in ("preview", "standard", "full"))
    for less, more in ((preview, standard), (standard, full)):
        assert set(chosen(less.part)) < set(chosen(more.part))
        assert set(chosen(less.single)) < set(chosen(more.single))
        for rows in ("probes", "rest_probes", "signs"):
            few, many = getattr(less, rows), getattr(more, rows)
            assert torch.equal(few, many[: len(few)])
        assert less.estimation.steps <= more.estimation.steps
    assert [len(chosen(i.part)) for i in (preview, standard, full)] == [128, 256, 300]
    assert not torch.equal(full.probes, full.rest_probes)


def test_seeds_draw_other_samples_and_the_same_seed_the_same() -> None:
    problem = large()
    first, again, other = (instruments(problem, "preview", seed) for seed in (0, 0, 1))
    assert chosen(first.part) == chosen(again.part) != chosen(other.part)
    assert torch.equal(first.probes, again.probes)
    assert not torch.equal(first.probes, other.probes)


def test_every_example_is_as_likely_as_every_other() -> None:
    problem = large(20)
    counts = np.zeros(20)
    for seed in range(400):
        counts[chosen(sampled_examples(problem, 5, seed))] += 1
    assert np.abs(counts - 100).max() < 4.5 * np.sqrt(400 * 0.25 * 0.75)


@pytest.mark.parametrize("count", [None, 12, 500])
def test_a_sample_of_no_less_than_the_data_is_the_data(count: int | None) -> None:
    problem = cases.classifier(1)
    assert sampled_examples(problem, count, 3) is problem
    single, places = sampled_predictions(problem, count, 3)
    assert places.tolist() == list(range(12))
    assert torch.equal(single.args[0], problem.args[0])


def gradients(problem: Problem) -> Tensor:
    from lossnav.core.curvature.example_gradients import example_gradients

    function = LossFunction(problem, device="cpu")
    rows = torch.cat(list(example_gradients(function)))
    return torch.stack([reference.flat(function.layout.views(row)) for row in rows])


@pytest.mark.parametrize("name", ["tied tokens", "classifier", "soft labels", "gaussian", "convolution", "two inputs"])
def test_predictions_one_by_one_have_the_gradients_of_their_own_losses(name: str) -> None:
    problem = cases.CASES[name]()
    single, places = sampled_predictions(problem, None, 0)
    expected = reference.prediction_gradients(problem, problem.parameters)
    assert len(places) == single.prediction_count == problem.prediction_count == len(expected)
    torch.testing.assert_close(gradients(single), expected, rtol=1e-9, atol=1e-12)
    for seed in range(3):
        few, rows = sampled_predictions(problem, 4, seed)
        assert len(rows) == few.example_count == few.prediction_count == 4
        for g in gradients(few):  # each of them is one of the data's
            assert float((expected - g).norm(dim=1).min()) < 1e-10


def test_a_sample_holds_only_examples_that_predict_something() -> None:
    """Two of the five sequences predict no token; a mean over such a sample would be a mean over nothing."""
    problem = cases.tokens(3)
    for seed in range(20):
        part = sampled_examples(problem, 2, seed)
        assert part.prediction_count == 10
        land = survey(
            problem,
            Plane.random(problem),
            (1, 1),
            ((0, 0), (0, 0)),
            overlays=("viscosity", "coupling"),
            seed=seed,
            effort=Estimation(examples=2),
        )
        assert np.isfinite(land["viscosity"].item())
        assert np.isfinite(land["coupling"].item())


def test_gradients_of_a_large_network_are_taken_of_as_few_as_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = cases.classifier(1)  # 44 parameters
    monkeypatch.setattr(samples, "GRADIENT_NUMBERS", 44 * 5 + 3)
    single, places = sampled_predictions(problem, None, 0)
    assert len(places) == single.example_count == 5
    assert len(sampled_predictions(problem, 3, 0)[1]) == 3
    monkeypatch.setattr(samples, "GRADIENT_NUMBERS", 1)
    assert len(sampled_predictions(problem, None, 0)[1]) == 2


def test_a_landscape_says_what_it_was_measured_with() -> None:
    problem = cases.tokens(3)
    effort = Estimation(probes=3, steps=2, examples=4, rho=0.2)
    land = survey(
        problem, Plane.random(problem), (1, 1), ((0, 0), (0, 0)), overlays=("coupling",), seed=5, effort=effort
    )
    notes = json.loads(land.attrs["estimation"])
    expected = {"probes": 3, "steps": 2, "rho": 0.2, "of": "hessian", "seed": 5, "all_examples": 5}
    assert {k: notes[k] for k in expected} == expected
    assert (notes["predictions"], notes["all_predictions"]) == (4, 15)


@pytest.mark.parametrize("coordinates", COORDINATES)
def test_curvature_is_that_of_the_sampled_examples(coordinates: str) -> None:
    problem = cases.smooth(2, n=30)
    plane = Plane.random(problem, seed=1)
    effort = Estimation(probes=20, steps=20, examples=7, coordinates=coordinates)
    unit = reference.filter_lengths(problem) if coordinates == COORDINATES[0] else torch.ones(problem.parameter_count)
    part = sampled_examples(problem, 7, 4)
    land = survey(problem, plane, (2, 1), overlays=("viscosity", "coupling"), seed=4, effort=effort)
    for place, point in reference.places(land, plane):
        H = unit[:, None] * reference.hessian(part, point) * unit
        values = torch.linalg.eigvalsh(H)
        assert float(land["viscosity"][place]) == pytest.approx(float(values[-1]), rel=1e-9)
        shares = reference.shares(H, reference.parameter_owners(problem))
        assert float(land["coupling_offdiagonal"][place]) == pytest.approx(shares[0], rel=1e-9)


def test_settings_that_cannot_be_are_named() -> None:
    for wrong in ({"probes": 2}, {"steps": 0}, {"examples": 1}, {"rho": 0.0}, {"barrier": -1.0}, {"of": "hessain"}):
        with pytest.raises(InputError, match=next(iter(wrong)) if "of" not in wrong else "did you mean 'hessian'"):
            Estimation(**wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="preview"):
        preset("previev")
    assert preset("full") is PRESETS["full"]


def test_a_small_network_gets_more_examples_than_were_asked_for() -> None:
    problem = cases.classifier(n=40)  # 3-5-4: 2 (15 + 20) operations an example
    assert example_flops(problem) == 70
    assert sample_sizes(problem, Estimation(examples=10)) == (10, 10)
    assert sample_sizes(problem, Estimation(examples=10, pass_flops=70 * 25)) == (25, 10)
    assert sample_sizes(problem, Estimation(examples=3, pass_flops=70 * 160)) == (None, 20)
    assert sample_sizes(problem, Estimation(examples=10, pass_flops=70 * 5)) == (10, 10)
    assert sample_sizes(problem, Estimation(examples=None)) == (None, None)
    assert sample_sizes(problem, Estimation(examples=50)) == (None, None)


def test_operations_that_torch_does_not_count_are_taken_from_the_parameters() -> None:
    model = cases.initialised(nn.BatchNorm1d(3))
    problem = Problem(model, cases.normal(4, 3), cases.normal(4, 3), loss="mse")
    assert example_flops(problem) == 2 * problem.parameter_count


def test_as_many_points_at_once_as_threads_and_memory_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = instruments(large(), "standard")
    torch.set_num_threads(3)
    assert shared.worker_count == 3
    monkeypatch.setattr("os.sysconf", lambda name: 1)  # a machine of one byte
    assert instruments(large(), "standard").worker_count == 1

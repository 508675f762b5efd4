"""Memory: directions drawn anew are those that are held, no copy is made without need, what does not fit is refused."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cases
import numpy as np
import pytest
import torch
from lossnav.core import InputError, Plane, Problem, Trajectory, check, survey
from lossnav.core.engine import placement
from lossnav.core.local.estimation import Estimation
from lossnav.core.network.workspace import Workspace
from lossnav.core.parameters import guarded as watched
from lossnav.core.parameters import vectors
from lossnav.core.parameters.guarded import Watched
from lossnav.core.parameters.layout import Layout
from lossnav.core.plane import random_directions as pairs
from lossnav.core.plane.directions import IGNORE_CHOICES, NORMALIZATIONS, gaussian_pair
from lossnav.core.plane.identity import plane_identity, plane_recipe
from lossnav.core.properties.elasticity import ElasticityProperty
from lossnav.core.survey import footprint as memory_needs
from lossnav.core.survey import specification
from lossnav.core.survey.footprint import (
    KEPT_PASSES,
    OVERHEAD_BYTES,
    TRIAL_VECTORS,
    Footprint,
    refuse_what_does_not_fit,
)
from lossnav.core.survey.footprint import footprint as footprint_of
from lossnav.core.survey.specification import Specification
from torch import nn

CPU = torch.device("cpu")
PLAIN = [how for how in NORMALIZATIONS if how != "product"]  # which is of low-rank adapters
WAYS = list(itertools.product(PLAIN, IGNORE_CHOICES, (False, True)))


def footprint(*what: Any, **how: Any) -> Footprint:
    return footprint_of(Specification(*what, **how))


@pytest.fixture
def in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every tensor were large: cut into pieces, drawn anew, laid nowhere flat, θ₀ not copied."""
    monkeypatch.setattr(vectors, "PIECE_NUMBERS", 16)
    monkeypatch.setattr(pairs, "REMEMBERED", 0)
    monkeypatch.setattr(placement, "FLAT_BYTES", 0)
    monkeypatch.setattr(watched, "OWNED_NUMBERS", 0)


def wide(seed: int = 0, **more: object) -> Problem:
    """A network whose tensors, biases too, are cut where pieces are of 16 numbers."""
    model = cases.initialised(cases.mlp((8, 40, 3), nn.Tanh), seed)
    return Problem(model, cases.normal(12, 8, seed=seed), cases.labels(12, classes=3, seed=seed), **more)  # type: ignore[arg-type]


def same(a: object, b: object) -> bool:
    return all(torch.equal(x[k], y[k]) for x, y in zip(a, b, strict=True) for k in x)  # type: ignore[call-overload]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("case", ["classifier", "convolution", "tied tokens", "recurrent"])
def test_directions_drawn_anew_are_those_that_are_held(case: str, threads: int) -> None:
    torch.set_num_threads(threads)
    problem = cases.CASES[case]()
    for how, ignore, orthogonal in WAYS:
        held, drawn = (Plane.random(problem, 5, how, ignore, orthogonal, held=held) for held in (True, False))
        assert drawn.is_streamed
        assert not held.is_streamed
        assert same(held.directions, drawn.directions), (how, ignore, orthogonal)


@pytest.mark.parametrize(("how", "ignore", "orthogonal"), WAYS)
def test_pieces_are_the_numbers_of_the_whole(
    how: str, ignore: str, orthogonal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = wide()
    whole = Plane.random(problem, 2, how, ignore, orthogonal)
    monkeypatch.setattr(vectors, "PIECE_NUMBERS", 16)
    monkeypatch.setattr(pairs, "REMEMBERED", 0)
    assert all(len(vectors.pieces_of(k, v.shape)) > 1 for k, v in whole.origin.items() if v.numel() > 16)
    for held in (True, False):
        cut = Plane.random(problem, 2, how, ignore, orthogonal, held=held)
        for a, b in zip(whole.directions, cut.directions, strict=True):
            for name in a:  # sums over a tensor in pieces may round otherwise, draws may not
                torch.testing.assert_close(
                    b[name], a[name], rtol=1e-14 if how == "layer" or orthogonal else 0, atol=1e-15
                )


def test_drawn_pieces_join_to_the_draw_of_the_whole() -> None:
    """torch draws normal numbers in blocks, the last one again where it is not full: pieces must keep to them."""
    for shape, most in itertools.product([(40, 7), (33, 16), (1000,), (50, 3, 3), (129, 1)], [16, 48, 100]):
        whole = gaussian_pair({"w": torch.zeros(shape)}, seed=3)[0]["w"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(vectors, "PIECE_NUMBERS", most)
            cut = vectors.pieces_of("w", torch.Size(shape))
        generator = torch.Generator().manual_seed(3)
        drawn = [torch.randn(p.of(whole).shape, generator=generator, dtype=torch.float64) for p in cut]
        assert len(cut) > 1
        assert torch.equal(torch.cat(drawn), whole)


@pytest.mark.parametrize("overlays", [(), ("all",)])
def test_a_survey_has_the_same_numbers_whether_directions_are_held_or_not(
    overlays: tuple[str, ...], in_small_pieces: None
) -> None:
    problem = wide()
    lands = [survey(problem, Plane.random(problem, 1, held=h), (3, 4), overlays=overlays) for h in (True, False)]
    for name in lands[0].data_vars:
        assert np.array_equal(lands[0][name].values, lands[1][name].values, equal_nan=True), name


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("held", [True, False])
def test_placing_in_pieces_is_placing_at_once(
    dtype: torch.dtype, held: bool, in_small_pieces: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = wide()
    plane, layout = Plane.random(problem, 4, held=held), Layout.of(problem.parameters)
    flats = []
    for most in (0, 10**9):
        monkeypatch.setattr(placement, "FLAT_BYTES", most)
        flat = torch.zeros(layout.size, dtype=dtype)
        placement.Placement(plane, layout, CPU, dtype).place(0.3, -1.7, flat)
        flats.append(flat)
    assert torch.equal(*flats)
    expected = layout.flatten(plane.at(0.3, -1.7), CPU, dtype)
    torch.testing.assert_close(flats[0], expected)


def test_everything_read_off_a_plane_needs_no_directions_held(in_small_pieces: None) -> None:
    start = wide().parameters
    path = [{k: v + s * cases.normal(*v.shape, seed=s) for k, v in start.items()} for s in (3, 2, 1, 0)]
    problem = wide(trajectory=Trajectory(path))
    held, drawn = (Plane.random(problem, 3, orthogonal=True, held=h) for h in (True, False))
    assert drawn.gram == pytest.approx(held.gram, rel=1e-14)
    assert drawn.cosine == pytest.approx(held.cosine, rel=1e-10)
    assert plane_recipe(drawn) == plane_recipe(held)
    assert plane_identity(drawn)["vectors"] == plane_identity(held)["vectors"]
    assert same([drawn.at(0.5, -2.0)], [held.at(0.5, -2.0)])
    assert problem.trajectory is not None
    point = problem.trajectory.at(1)
    assert drawn.project(point) == pytest.approx(held.project(point), rel=1e-12)
    assert drawn.project(drawn.at(0.5, -2.0)) == pytest.approx((0.5, -2.0, 0.0), abs=1e-12)
    land = survey(problem, drawn, (3, 3), overlays=("memory", "elasticity"), fidelity=True)
    facts = json.loads(land.attrs["facts"])
    expected = json.loads(
        survey(problem, held, (3, 3), overlays=("memory", "elasticity"), fidelity=True).attrs["facts"]
    )
    assert facts["elasticity"]["ewc"] == pytest.approx(expected["elasticity"]["ewc"], rel=1e-12)
    assert facts["memory"]["off_plane"] == pytest.approx(expected["memory"]["off_plane"], rel=1e-12)


@pytest.mark.parametrize("held", [True, False])
def test_the_users_model_stays_as_it_is_where_it_is_not_copied(held: bool, in_small_pieces: None) -> None:
    problem = cases.convolution()
    before = {k: v.clone() for k, v in problem.model.state_dict().items()}
    plane = Plane.random(problem, held=held)
    assert plane.origin["0.weight"].data_ptr() == problem.parameters["0.weight"].data_ptr()
    survey(problem, plane, (3, 3), overlays=("all",))
    assert all(torch.equal(before[k], v) for k, v in problem.model.state_dict().items())


def test_a_small_plane_stays_where_it_is_when_training_goes_on() -> None:
    problem = cases.classifier()
    plane = Plane.random(problem)
    centre = {k: v.clone() for k, v in plane.at(0.0, 0.0).items()}
    with torch.no_grad():
        problem.model[0].weight.mul_(2.0)
    assert same([centre], [plane.at(0.0, 0.0)])


@pytest.mark.parametrize("written", ["counted", "through data"])
def test_a_large_plane_is_refused_when_training_went_on(written: str, in_small_pieces: None) -> None:
    problem = cases.classifier()
    plane = Plane.random(problem)
    weight = problem.model[0].weight
    with torch.no_grad():
        (weight if written == "counted" else weight.data).mul_(1.5)
    with pytest.raises(InputError, match=r"model's '0.weight' has changed since the plane .* make the plane again"):
        survey(problem, plane, (3, 3))


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.complex128])
@pytest.mark.parametrize(
    "write", [lambda w: w.flip(0), lambda w: -w, lambda w: w + 0.5], ids=["places", "sign", "value"]
)
def test_watching_finds_what_is_not_counted(
    write: Callable[[torch.Tensor], torch.Tensor], kind: torch.dtype, in_small_pieces: None
) -> None:
    weight = torch.arange(-20, 21).to(kind)
    seen = Watched({"w": weight})
    seen.check()
    weight.data.copy_(write(weight))
    assert torch.equal(seen["w"], weight)
    with pytest.raises(InputError, match="'w' has changed"):
        seen.check()


def test_the_working_copy_has_no_parameters_of_its_own_beside_the_flat_buffer() -> None:
    problem = cases.tokens()  # the embedding's weights are the output layer's too
    space = Workspace(problem, CPU)
    start, end = space.flat.data_ptr(), space.flat.data_ptr() + space.flat.nbytes
    assert all(start <= p.data_ptr() < end for p in space.model.parameters())
    assert space.model.head.weight is space.model.embed.weight
    assert not any(start <= p.data_ptr() < end for p in problem.model.parameters())


SCRIPT = """
import sys, torch
from torch import nn
from lossnav.core import Plane, Problem, survey
torch.set_num_threads(1)
width, held = int(sys.argv[1]), sys.argv[2] == "held"

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

small = Problem(nn.Linear(8, 8), torch.ones(4, 8), torch.ones(4, 8), loss="mse")
survey(small, Plane.random(small), (2, 2))  # whatever is loaded on the way
before = peak()
model = nn.Sequential(*(nn.Linear(width, width, bias=False) for _ in range(4)))
size = sum(p.nbytes for p in model.parameters())
problem = Problem(model, torch.ones(4, width), torch.ones(4, width), loss="mse")
plane = Plane.random(problem, held=held)
assert plane.is_streamed is not held
survey(problem, plane, (2, 1))
print((peak() - before) / size)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peaks are read from Linux's /proc")
@pytest.mark.parametrize(("way", "count"), [("held", 4), ("drawn", 2)])
def test_peak_is_model_and_copy_and_directions(way: str, count: int) -> None:
    """In units of the model's own size; half of one (40 MB) is left for what does not grow with it."""
    returned = {**os.environ, "MALLOC_TRIM_THRESHOLD_": "131072"}  # freed memory goes back at once, and does not count
    command = [sys.executable, "-c", SCRIPT, "2300", way]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, env=returned)
    assert run.returncode == 0, run.stderr
    tests = 2  # what a problem is tested for beforehand takes a copy, moved, for a moment
    assert count - 0.5 < float(run.stdout) < count + tests + 0.5


def test_the_formula_counts_vectors(in_small_pieces: None) -> None:
    problem = Problem(
        cases.initialised(nn.Linear(64, 64, bias=False)), cases.normal(5, 64), cases.labels(5, classes=64)
    )
    vector, data = 64 * 64 * 8, 5 * 64 * 8 + 5 * 8
    for held, own in ((True, 2), (False, 0)):
        found = footprint(problem, Plane.random(problem, held=held), device="cpu")
        there = {"model": vector, "copy": vector, "plane": own * vector, "data": data, "points": 0}
        kept = KEPT_PASSES * 5 * (64 * 8 + 1)  # the layer's output, for each of five examples
        assert found.lasting == {**there, "kept": kept, "overhead": OVERHEAD_BYTES}
        assert found.held == (1 + own) * vector + data
        assert found.needed == vector + kept + OVERHEAD_BYTES + max(found.passing.values())


def test_the_formula_counts_data_that_are_laid_out_anew() -> None:
    images = Problem(cases.initialised(nn.Conv2d(1, 2, 3)), cases.normal(4, 1, 5, 5), cases.normal(4, 2, 3, 3), "mse")
    rows = Problem(cases.initialised(nn.Linear(6, 3)), cases.normal(5, 6), cases.labels(5, classes=3))
    each, known = [t.nbytes for t in images.inputs], images.targets.nbytes
    plain = footprint(images, Plane.random(images), device="cpu").lasting["data"]
    assert plain == 2 * sum(each) + 2 * known  # images, in and out, with their channels last
    single = footprint(rows, Plane.random(rows), device="cpu", dtype=torch.float32).lasting["data"]
    assert single == (8 + 4) * rows.inputs[0].numel() + rows.targets.nbytes


def test_the_formula_counts_an_anchor_of_its_own() -> None:
    problem = cases.classifier()
    plane, vector = Plane.random(problem), Layout.of(problem.parameters).size * 8
    found = [
        footprint(problem, plane, (3, 3), names, "cpu").lasting.get("anchor") for names in ((), ("ewc",), ("pull",))
    ]
    assert found == [None, vector, 3 * vector]


def test_the_formula_does_not_grow_with_the_grid_but_with_probes_and_examples() -> None:
    problem = cases.classifier()
    plane = Plane.random(problem)
    few, many = (footprint(problem, plane, (n, n), ("viscosity",), "cpu") for n in (3, 301))
    assert few.peak == many.peak
    costs = [
        footprint(problem, plane, (5, 5), ("viscosity",), "cpu", effort=e) for e in ("preview", "standard", "full")
    ]
    assert costs[0].peak < costs[1].peak < costs[2].peak
    assert footprint(problem, plane, (5, 5), ("viscosity",), "cpu", fidelity=True).passing["fidelity"] > 0
    basins = [footprint(problem, plane, (n, n), ("basin",), "cpu").peak for n in (3, 33)]
    assert basins[0] < basins[1]


def test_the_formula_counts_the_test_of_second_derivatives_until_it_is_made() -> None:
    problem = cases.classifier()
    plane = Plane.random(problem)
    vector = Layout.of(problem.parameters).size * 8
    asked = ("viscosity",), ()
    before = [footprint(problem, plane, (3, 3), names, "cpu").passing.get("trials") for names in asked]
    assert before == [TRIAL_VECTORS * vector, None]
    check(problem)
    assert "trials" not in footprint(problem, plane, (3, 3), ("viscosity",), "cpu").passing


def test_the_formula_counts_the_examples_that_are_used() -> None:
    problem = cases.classifier()
    plane, effort = Plane.random(problem), Estimation(examples=problem.example_count // 3)
    few, all_of_them = (
        footprint(problem, plane, (3, 3), ("viscosity",), "cpu", effort=e).passing["costly stages"]
        for e in (effort, replace(effort, examples=None))
    )
    assert few < all_of_them


def test_what_does_not_fit_is_refused_with_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_needs, "free_bytes", lambda device: 22_000_000_000)
    gigabyte = 10**9
    lasting = {"model": 4 * gigabyte, "copy": 4 * gigabyte, "plane": 12 * gigabyte, "points": 0, "data": 0}
    fits = Footprint(CPU, lasting, {"activations": 100}, held=16 * gigabyte)
    refuse_what_does_not_fit(fits)
    costly = Footprint(CPU, lasting, {"activations": 100, "costly stages": 27 * gigabyte}, held=16 * gigabyte)
    with pytest.raises(InputError) as error:
        refuse_what_does_not_fit(costly)
    assert str(error.value) == (
        "This survey needs about 31 GB of memory, and 22 GB are free: ask for readouts that need no curvature "
        "(overlays=('forward',), --overlay forward), or a lower effort (--effort preview)."
    )


def test_a_survey_that_does_not_fit_is_refused_before_anything_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, passes = cases.classifier(), []
    plane = Plane.random(problem)
    monkeypatch.setattr(memory_needs, "free_bytes", lambda device: 1000)
    monkeypatch.setattr(specification, "Evaluator", lambda *args: passes.append("forward"))
    monkeypatch.setattr(ElasticityProperty, "prepared", lambda *args: passes.append("anchor"))
    with pytest.raises(InputError, match=r"This survey needs about .* 1 MB are free"):
        survey(problem, plane, (3, 3), overlays=("elasticity",), device="cpu")
    assert not passes


def test_directions_are_drawn_anew_where_they_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = cases.classifier()
    monkeypatch.setattr(watched, "OWNED_NUMBERS", 0)
    vector = problem.parameter_count * 8
    monkeypatch.setattr(pairs, "free_bytes", lambda device: 4 * vector)
    assert not Plane.random(problem).is_streamed
    monkeypatch.setattr(pairs, "free_bytes", lambda device: 3 * vector)
    assert Plane.random(problem).is_streamed
    assert not Plane.random(problem, held=True).is_streamed

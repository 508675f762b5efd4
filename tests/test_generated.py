"""Promises that hold for all values, tried on generated ones: scales, plans, requests as commands, digests."""

from __future__ import annotations

import json
import math
import shlex
from typing import Any

import numpy as np
import torch
import typer
from hypothesis import example, given, settings
from hypothesis import strategies as some
from lossnav.core.parameters.hashing import canonical, digest, tensor_digest
from lossnav.core.survey.grid import finest_complete, grid_plan, nested_grids
from lossnav.explorer.cli import app
from lossnav.explorer.figures.shared.scales import KINDS, Scale
from lossnav.explorer.request.survey import SurveyRequest

generated = settings(derandomize=True, deadline=None, max_examples=60, database=None)
numbers = some.floats(-1e12, 1e12, allow_subnormal=False)
columns = some.lists(numbers | some.just(math.nan) | some.just(math.inf), min_size=1, max_size=30)
scales = some.builds(Scale, some.sampled_from(KINDS), linear_width=some.floats(1e-6, 1e6))
content = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | some.text(),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(), inner, max_size=4),
    max_leaves=12,
)
sizes = some.tuples(some.integers(1, 40), some.integers(1, 40))


@generated
@given(scales, columns)
def test_a_scale_is_undone_and_keeps_the_order(scale: Scale, values: list[float]) -> None:
    given_, positions = np.array(values), scale.apply(values)
    drawn = np.isfinite(positions)
    assert not drawn[~np.isfinite(given_)].any()
    assert (np.diff(positions[drawn][np.argsort(given_[drawn], kind="stable")]) >= 0).all()
    near = 1e-9 * (np.abs(given_[drawn]) + (scale.width if scale.kind == "symlog" else 0))
    assert (np.abs(scale.invert(positions[drawn]) - given_[drawn]) <= near).all()


@generated
@example(Scale("symlog", linear_width=1.0), [0.0, 8.2e-215])
@given(scales, columns)
def test_ticks_and_levels_lie_within_the_limits(scale: Scale, values: list[float]) -> None:
    low, high = scale.limits(values)
    assert low < high
    room = 1e-9 * max(abs(low), abs(high), 1.0)
    for positions, labels in (scale.ticks(values), scale.levels(values)):
        assert len(positions) == len(labels)
        assert (positions >= low - room).all()
        assert (positions <= high + room).all()
        assert (np.diff(positions) > 0).all()


@generated
@given(sizes, some.integers(0, 1600))
def test_a_plan_has_every_cell_once_and_its_levels_are_grids(shape: tuple[int, int], done: int) -> None:
    plan = grid_plan(shape, ((-1.0, 1.0), (0.0, 2.0)))
    assert sorted(map(tuple, plan.cells.tolist())) == [(i, j) for i in range(shape[0]) for j in range(shape[1])]
    assert (np.diff(plan.levels) <= 0).all()
    grids = nested_grids(shape)
    for rows, lines in grids:
        inside = np.zeros(shape, bool)
        inside[np.ix_(rows, lines)] = True
        assert inside[tuple(plan.cells[: inside.sum()].T)].all()  # the first points of the plan are just this grid
    measured = plan.grid(np.arange(len(plan.cells)) < done, False)
    finest = finest_complete(measured)
    complete = [len(rows) * len(lines) for rows, lines in grids if len(rows) * len(lines) <= done]
    assert (0 if finest is None else finest[0].size * finest[1].size) == (complete[-1] if complete else 0)


@generated
@given(
    some.integers(0, 2**31),
    some.integers(2, 400),
    some.floats(0.05, 20).map(lambda zoom: float(f"{zoom:.3g}")),
    some.booleans(),
    some.floats(-180, 180).map(round).map(float),
)
def test_a_request_as_a_command_is_parsed_into_the_same_request(
    seed: int, grid: int, zoom: float, orthogonal: bool, turn: float
) -> None:
    request = SurveyRequest("gaussians-mlp", seed=seed, grid=grid, zoom=zoom, orthogonal=orthogonal, turn=turn).settled
    words = shlex.split(request.command)
    command: Any = typer.main.get_command(app).commands["survey"]  # type: ignore[attr-defined]
    parsed = command.make_context("survey", words[2:]).params
    assert parsed["target"] == "gaussians-mlp"
    assert (parsed["seed"], parsed["orthogonal"], parsed["turn"]) == (seed, orthogonal, request.turn)
    assert parsed["zoom"] == zoom
    assert request.settled == request


@generated
@given(content)
def test_a_digest_follows_the_content_and_nothing_else(one: Any) -> None:
    assert digest(json.loads(json.dumps(one))) == digest(one)
    if isinstance(one, dict):
        assert digest(dict(reversed(one.items()))) == digest(one)
    assert json.loads(canonical(one)) == one


@generated
@given(content, content)
def test_other_content_has_another_digest(one: Any, other: Any) -> None:
    assert (digest(one) == digest(other)) == (canonical(one) == canonical(other))
    assert digest([one, other]) != digest([[one], other])


@generated
@given(some.lists(some.floats(-10, 10, width=32), min_size=1, max_size=20), some.data())
def test_one_changed_number_changes_a_tensors_digest(values: list[float], data: some.DataObject) -> None:
    tensor, changed = torch.tensor(values), torch.tensor(values)
    place = data.draw(some.integers(0, len(values) - 1))
    changed[place] = torch.nextafter(changed[place], torch.tensor(100.0))
    assert tensor_digest({"a": tensor}) == tensor_digest({"a": tensor.clone()})
    assert tensor_digest({"a": tensor}) != tensor_digest({"a": changed})
    assert tensor_digest({"a": tensor}) != tensor_digest({"b": tensor})
    assert tensor_digest({"a": tensor}) != tensor_digest({"a": tensor[None]})

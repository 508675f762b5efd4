"""Kinds of planes: what identifies them, what their axes are, and places by their names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cases
import pytest
import reference
import torch
from lossnav.core import InputError, Plane
from lossnav.core.plane.identity import plane_recipe
from lossnav.core.plane.kinds import KINDS, axes_of, kind_named
from lossnav.core.plane.places import place_of
from safetensors.torch import save_file


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_makes_its_plane_and_says_its_axes(kind) -> None:
    problem = cases.with_path()
    plane = Plane.make(kind.name, problem)
    assert plane.kind == kind.stored_as
    assert plane.is_line != kind.turns
    assert set(kind.found) <= set(plane.details)
    titles = [axis.title for axis in axes_of({"kind": plane.kind, **plane.details, "explained": plane.explained})]
    assert all(titles) or kind.name in ("random", "line")
    assert plane_recipe(plane) == plane_recipe(Plane.make(kind.name, problem))


def test_all_details_identify_but_what_was_found_and_how_places_are_called() -> None:
    plane = Plane.random(cases.classifier())
    changed = replace(plane, details={**plane.details, "twist": 3})
    assert plane_recipe(changed) != plane_recipe(plane)
    eigen = Plane.eigen(cases.smooth())
    assert {"eigenvalues", "residuals"}.isdisjoint(plane_recipe(eigen))
    assert {"which", "seed"} <= set(plane_recipe(eigen))
    problem = cases.with_path()
    named = [Plane.make("line", problem, between=words) for words in ("initial,trained", "checkpoint:0,trained")]
    assert (
        plane_recipe(named[0]) == plane_recipe(named[1]) == plane_recipe(Plane.line(problem.trajectory.at(0), problem))
    )


def test_planes_through_other_corners_are_other_planes() -> None:
    a, b, c = (cases.classifier(seed).parameters for seed in range(3))
    along = {k: b[k] - a[k] for k in a}
    nearby = {k: c[k] + 0.5 * along[k] for k in a}  # the same plane in space, another corner
    mirrored = {k: 2 * a[k] - c[k] for k in a}
    planes = [Plane.through(a, b, corner) for corner in (c, nearby, mirrored)]
    assert len({str(plane_recipe(plane)["lengths"]) for plane in planes}) == 1
    assert len({str(plane_recipe(plane)) for plane in planes}) == 3


def test_a_kind_that_nobody_listed_is_identified_by_its_bytes() -> None:
    point = cases.classifier().parameters
    pair = [{k: cases.normal(*v.shape, seed=seed) for k, v in point.items()} for seed in (1, 2)]
    swapped = {k: -v for k, v in pair[1].items()}
    first, second = (Plane.around(point, pair[0], other, "unheard of", {}) for other in (pair[1], swapped))
    assert plane_recipe(first)["lengths"] == plane_recipe(second)["lengths"]
    assert plane_recipe(first) != plane_recipe(second)


def test_places_by_their_names(tmp_path: Path) -> None:
    problem = cases.with_path(steps=7)
    assert problem.trajectory is not None
    save_file({k: v.contiguous() for k, v in cases.classifier(5).parameters.items()}, tmp_path / "w.safetensors")
    ends = {
        "initial": problem.trajectory.at(0),
        "middle": problem.trajectory.at(3),
        "checkpoint:2": problem.trajectory.at(2),
        "trained": problem.parameters,
        str(tmp_path / "w.safetensors"): cases.classifier(5).parameters,
    }
    for name, expected in ends.items():
        line = Plane.make("line", problem, between=f"checkpoint:1,{name}")
        assert reference.flat(line.at(1.0)).numpy() == pytest.approx(reference.flat(expected).numpy(), abs=1e-14)
        assert line.details["origin"] == "checkpoint:1"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("checkpoint:7", "from 0 to 6, but is 7"),
        ("checkpoint:last", "whole number K"),
        ("nowhere.pt", "is no place of"),
        ("initail", "is no place of"),
    ],
)
def test_no_such_place(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        place_of(cases.with_path(), name)


def test_a_place_on_a_path_that_is_not_there() -> None:
    for name in ("initial", "middle", "checkpoint:0"):
        with pytest.raises(InputError, match="no training trajectory"):
            place_of(cases.classifier(), name)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"seed": "x"}, "seed should be like 0"),
        ({"seed": -1}, "from 0 to"),
        ({"normalize": "fliter"}, "did you mean 'filter'"),
        ({"sed": 1}, "has no parameter 'sed'"),
    ],
)
def test_values_that_a_kind_cannot_have(values: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        kind_named("random").checked(values)


def test_a_turned_plane_is_said_to_be_turned() -> None:
    plane = Plane.eigen(cases.smooth()).turned(30.0)
    first, second = axes_of({"kind": plane.kind, **plane.details})
    assert (first.title, second.title) == ("top eigenvector", "second eigenvector, turned by 30°")
    assert axes_of({"kind": "unknown", "explained": None}) == axes_of({})


def test_a_line_is_what_has_no_second_direction() -> None:
    problem = cases.classifier()
    assert not Plane.random(problem).is_line
    assert not Plane.random(problem, held=False).is_line
    zeros = {k: torch.zeros_like(v) for k, v in problem.parameters.items()}
    assert Plane.around(problem.parameters, problem.parameters, zeros, "mine", {}).is_line

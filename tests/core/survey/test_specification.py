"""A survey is one value: everything reads it, every default is there once, and what follows from it is found once."""

from __future__ import annotations

import inspect
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import MISSING, fields

import cases
import pytest
import torch
from lossnav.core import Estimation, InputError, Plane, Problem, survey
from lossnav.core.network.workspace import Workspace
from lossnav.core.parameters.hashing import digest
from lossnav.core.survey import specification as module
from lossnav.core.survey.reading import read_points
from lossnav.core.survey.specification import Specification
from lossnav.core.survey.survey import surveyed

SAMPLED = Estimation(examples=32, pass_flops=1e5)


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often what costs something is done."""
    found: Counter[str] = Counter()

    def count(owner: object, name: str, label: str) -> None:
        own = getattr(owner, name)

        def counting(*args: object, **more: object) -> object:
            found[label] += 1
            return own(*args, **more)

        monkeypatch.setattr(owner, name, counting)

    count(Problem, "working_copy", "copies")
    count(Workspace, "__init__", "copies to work on")
    for name in ("problem_identity", "plane_identity", "plane_recipe", "grid_plan", "wanted"):
        count(module, name, name)
    return found


def test_what_a_survey_needs_is_made_once(counted: Counter[str], threads: int, tmp_path) -> None:
    """25 points with all overlays on a sample of the data, kept on disk, with a first look and the plane's fidelity."""
    problem = cases.smooth(n=300)
    plane = Plane.random(problem)
    counted.clear()
    how = {"overlays": ("all",), "device": "cpu", "effort": SAMPLED, "fidelity": True, "tolerance": 0.05}
    survey(problem, plane, (5, 5), store=tmp_path / "land", **how)
    workers = 1 if threads == 1 else 1 + threads  # the main thread compares what the workers find
    on_points = 1 + workers  # and forward passes
    at_the_centre = 1 + 2  # Fisher information; derivatives at θ₀ and slices of other seeds
    trials = 2  # sizes of activations, and operations
    tested = 7  # draws, examples that belong together (3), weights that count, weights borrowed, second derivatives
    assert counted == {
        "copies": trials + tested + on_points + at_the_centre,
        "copies to work on": tested + on_points + at_the_centre,
        "problem_identity": 1,
        "plane_identity": 1,
        "plane_recipe": 1,
        "grid_plan": 1,
        "wanted": 1,
    }


def test_a_second_survey_of_the_same_problem_tries_nothing_again(counted: Counter[str]) -> None:
    problem = cases.smooth(n=300)
    first, again = (_copies(counted, problem) for _ in range(2))
    assert first - again == 2 + 7  # trials and tests
    problem.model[0].weight.data = problem.model[0].weight.data.float().double()  # other numbers of the same shapes
    assert _copies(counted, problem) == again
    problem.args = tuple(torch.cat([t, t]).reshape(len(t), 2, -1)[:, 0] for t in problem.args)
    assert _copies(counted, problem) == again


def _copies(counted: Counter[str], problem: Problem) -> int:
    counted.clear()
    survey(problem, Plane.random(problem), (1, 1), overlays=("viscosity",), device="cpu", effort=SAMPLED)
    return counted["copies"]


def test_the_function_has_the_defaults_of_the_specification() -> None:
    defaults = {f.name: f.default for f in fields(Specification) if f.default is not MISSING}
    arguments = inspect.signature(survey).parameters
    assert {name: arguments[name].default for name in defaults} == defaults
    assert set(arguments) - set(defaults) == {"problem", "plane", "store", "progress"}


def test_a_survey_and_its_specification_are_one_thing(tmp_path) -> None:
    problem = cases.with_path()
    plane = Plane.trajectory(problem)
    spec = Specification(problem, plane, (3, 3), ("memory", "viscosity"), "cpu", every=2, seed=4)
    land = surveyed(spec, tmp_path / "land")
    survey(
        problem,
        plane,
        (3, 3),
        overlays=("memory", "viscosity"),
        device="cpu",
        every=2,
        seed=4,
        store=tmp_path / "land",
    )
    written = json.loads((tmp_path / "land" / "zarr.json").read_text())["attributes"]
    assert written["spec"] == json.loads(json.dumps(spec.as_json()))
    assert written["spec_digest"] == digest(spec.as_json())
    assert read_points(tmp_path / "land").columns == tuple(c for names in spec.columns.values() for c in names)
    assert json.loads(land.attrs["spec"])["precision"] is None
    with pytest.raises(InputError, match="another landscape"):
        surveyed(Specification(problem, plane, (3, 3), ("memory", "viscosity"), "cpu", seed=5), tmp_path / "land")


def test_one_specification_can_be_surveyed_twice() -> None:
    """What a run learns of the basins on its way is not the specification's."""
    problem = cases.smooth()
    spec = Specification(problem, Plane.random(problem), (3, 3), ("basin",), "cpu")
    first, again = (surveyed(spec) for _ in range(2))
    assert first["memory_basin"].values.tolist() == again["memory_basin"].values.tolist()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"every": 3}, "every should be 1, 2, 4"),
        ({"shape": (0, 3)}, "shape should be two whole numbers"),
        ({"effort": "ful"}, "did you mean 'full'"),
        ({"overlays": ("viscositi",)}, "did you mean 'viscosity'"),
        ({"tolerance": 2}, "tolerance should be a share"),
        ({"dtype": "flot32"}, "did you mean 'float32'"),
        ({"device": "cuda:99"}, "cuda:99"),
    ],
)
def test_what_cannot_be_is_refused_at_once(wrong: dict[str, object], words: str) -> None:
    problem = cases.classifier()
    with pytest.raises(InputError, match=words):
        Specification(problem, Plane.random(problem), **wrong)  # type: ignore[arg-type]

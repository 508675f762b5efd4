"""Stores: stopped anywhere, taken up again, the same numbers; what is done is said, never inferred."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cases
import numpy as np
import pytest
import torch
import zarr
from lossnav.core import InputError, Plane, Problem, Settings, read_landscape, survey
from lossnav.core.engine.evaluator import Evaluator
from lossnav.core.local.estimation import Estimation
from lossnav.core.local.evaluator import LocalEvaluator
from lossnav.core.survey import run as course
from lossnav.core.survey.packing import pack
from lossnav.core.survey.reading import read_points
from lossnav.core.survey.store import LandscapeStore
from torch import nn
from xarray import Dataset

SHAPE = (9, 7)
QUICK = Estimation(probes=3, steps=2, examples=5, descent_steps=3)


def make(place: Path | None = None, **how: object) -> Dataset:
    problem = cases.with_path()
    how = {"overlays": ("all",), "effort": QUICK, **how}
    return survey(problem, Plane.random(problem), SHAPE, store=place, **how)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def whole() -> Dataset:
    """The survey that nothing stops and nothing stores."""
    return make()


def same_numbers(first: Dataset, second: Dataset) -> bool:
    numbers = [land.drop_attrs() for land in (first, second)]
    return numbers[0].identical(numbers[1])


class StopAfter:
    def __init__(self, points: int) -> None:
        self.points = points

    def __call__(self, done: int, total: int) -> None:
        if self.points <= done < total:
            raise KeyboardInterrupt


@contextmanager
def eager() -> Iterator[None]:
    """Every tile is written, and progress told, as soon as it is measured."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(course, "SECONDS_BETWEEN_WRITES", -1.0)
        yield


def test_read_landscape_is_what_survey_returned(tmp_path: Path, whole: Dataset) -> None:
    land = make(tmp_path / "land", fidelity=True)
    again = read_landscape(tmp_path / "land")
    assert again.identical(land)
    assert again.attrs == land.attrs
    assert same_numbers(land, whole)


@pytest.mark.parametrize("stops", [[1], [5], [3, 17, 40], [70, 130, 250]])
def test_a_stopped_survey_ends_in_the_same_numbers(tmp_path: Path, stops: list[int], whole: Dataset) -> None:
    for stop in stops:
        with eager(), pytest.raises(KeyboardInterrupt):
            make(tmp_path / "land", progress=StopAfter(stop))
        points = read_points(tmp_path / "land")
        assert stop <= points.made < points.planned
    resumed = make(tmp_path / "land")
    assert same_numbers(resumed, whole)
    runs = json.loads(resumed.attrs["provenance"])
    assert len(runs) == len(stops) + 1
    assert sum(run["measurements"] for run in runs) == 4 * SHAPE[0] * SHAPE[1]


def test_points_that_are_done_are_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with eager(), pytest.raises(KeyboardInterrupt):
        make(tmp_path / "land", progress=StopAfter(30))
    before = read_points(tmp_path / "land").made
    measured: list[int] = []

    def count(evaluator: type) -> None:
        evaluate = evaluator.evaluate  # type: ignore[attr-defined]

        def counted(self: object, points: np.ndarray, *more: object) -> object:
            measured.append(len(points))
            return evaluate(self, points, *more)

        monkeypatch.setattr(evaluator, "evaluate", counted)

    count(Evaluator)
    count(LocalEvaluator)
    make(tmp_path / "land")
    assert sum(measured) == 4 * SHAPE[0] * SHAPE[1] - before
    measured.clear()
    finished = read_landscape(tmp_path / "land")
    assert make(tmp_path / "land").identical(finished)
    assert not measured


def test_a_half_written_store_reads_as_far_as_it_goes(tmp_path: Path, whole: Dataset) -> None:
    with eager(), pytest.raises(KeyboardInterrupt):
        make(tmp_path / "land", progress=StopAfter(20))
    half = read_landscape(tmp_path / "land")
    measured = half["measured"].values
    assert 20 <= measured.sum() < measured.size
    for name in ("loss", "accuracy", "perplexity", "probability", "density"):
        assert np.isnan(half[name].values[~measured]).all()
        assert np.array_equal(half[name].values[measured], whole[name].values[measured])


def test_costly_readouts_on_a_coarser_grid_are_refined_later(tmp_path: Path, whole: Dataset) -> None:
    coarse = make(tmp_path / "land", every=4)
    expected = np.zeros(SHAPE, bool)
    expected[np.ix_([0, 4, 8], [0, 3, 6])] = True
    assert coarse["measured"].values.all()
    for stage, variable in {"curvature": "viscosity", "gradient": "slope", "descent": "memory_basin"}.items():
        assert np.array_equal(coarse[f"measured_{stage}"].values, expected)
        assert np.array_equal(np.isfinite(coarse[variable].values), expected)
    finer = make(tmp_path / "land", every=1)
    assert finer["measured_curvature"].values.all()
    assert same_numbers(finer, whole)
    assert make(tmp_path / "land", every=4).identical(finer)  # what is there is not thrown away


def test_a_value_without_its_mark_is_not_shown_and_measured_again(tmp_path: Path) -> None:
    land = make(tmp_path / "land")
    group = zarr.open_group(tmp_path / "land", mode="r+")
    group["done"][10:20] = False  # type: ignore[index]
    group["values"][10:20] = 123.0  # type: ignore[index]
    half = read_landscape(tmp_path / "land")
    assert (~half["measured"].values).sum() == 10
    assert np.isnan(half["loss"].values[~half["measured"].values]).all()
    # basins are numbered in the order in which they were met, which is another one now
    assert same_numbers(make(tmp_path / "land").drop_vars("memory_basin"), land.drop_vars("memory_basin"))


def test_values_are_on_disk_before_their_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    original = zarr.Array.__setitem__

    def noted(self: zarr.Array, *more: object) -> None:
        written.append(self.basename)
        original(self, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(zarr.Array, "__setitem__", noted)
    make(tmp_path / "land")
    assert written == ["values", "done"] * (len(written) // 2)
    assert written


@pytest.mark.parametrize("loss", [-3.0, 0.0, np.nan, np.inf, -np.inf])
def test_no_value_means_not_measured(tmp_path: Path, loss: float) -> None:
    model = cases.initialised(nn.Linear(2, 1))
    calls: list[int] = []

    def stepped(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        calls.append(1)  # a loss that did not depend on the weights at all would be refused
        return loss + (outputs.squeeze(1) > 0).to(outputs)

    problem = Problem(model, cases.normal(3, 2), cases.normal(3, 1), loss=stepped)
    plane = Plane.random(problem)
    with eager(), pytest.raises(KeyboardInterrupt):
        survey(problem, plane, (5, 5), store=tmp_path / "land", progress=StopAfter(6))
    done = read_points(tmp_path / "land").made
    calls.clear()
    land = survey(problem, plane, (5, 5), store=tmp_path / "land")
    assert land["measured"].values.all()
    assert len(calls) == 25 - done
    assert np.isin(loss, land["loss"].values) or np.isnan(land["loss"].values).all()


KILLED = """
import sys, time
import cases
from lossnav.core import Plane, survey
from lossnav.core.survey import run as course
from lossnav.core.engine.evaluator import Evaluator
from lossnav.core.local.estimation import Estimation
from lossnav.core.local.evaluator import LocalEvaluator
problem = cases.with_path()
def waits_to_be_killed(done, total):
    print(done, flush=True)
    if done >= int(sys.argv[2]):
        time.sleep(600)
course.SECONDS_BETWEEN_WRITES = -1.0
effort = Estimation(probes=3, steps=2, examples=5, descent_steps=3)
plane, stop = Plane.random(problem), waits_to_be_killed
survey(problem, plane, (9, 7), overlays=("all",), effort=effort, store=sys.argv[1], progress=stop)
"""


@pytest.mark.parametrize("until", [12, 100, 220])
def test_a_killed_process_is_resumed(tmp_path: Path, until: int, whole: Dataset) -> None:
    place = tmp_path / "land"
    paths = os.pathsep.join([str(Path(cases.__file__).parent), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(place), str(until)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
    )
    with process:
        assert process.stdout is not None
        try:
            while int(process.stdout.readline()) < until:
                assert process.poll() is None
            with pytest.raises(InputError, match="Another process is writing"):
                make(place)
            assert LandscapeStore(place).is_being_written
        finally:
            process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not LandscapeStore(place).is_being_written
    points = read_points(place)
    assert until <= points.made < points.planned
    assert same_numbers(make(place), whole)


def test_two_writers_are_refused_and_one_after_another_is_fine(tmp_path: Path) -> None:
    keeper = LandscapeStore(tmp_path / "land")
    with keeper.writing():
        assert keeper.is_being_written
        with pytest.raises(InputError, match="Another process is writing"):
            make(tmp_path / "land")
    assert not keeper.is_being_written
    make(tmp_path / "land")


def test_a_glance_at_the_lock_does_not_stop_a_writer(tmp_path: Path) -> None:
    keeper = LandscapeStore(tmp_path / "land")
    make(tmp_path / "land")
    assert keeper.lock_path.exists()  # removing it would let two processes each lock a file of their own
    assert not keeper.is_being_written
    make(tmp_path / "land")


@pytest.mark.parametrize(
    "change",
    ["weights", "data", "plane", "shape", "span", "fewer overlays", "dtype", "seed", "batchnorm", "loss"],
)
def test_another_landscape_in_the_same_place_is_refused(tmp_path: Path, change: str) -> None:
    def run(changed: bool) -> None:
        problem = cases.classifier(1 if changed and change == "weights" else 0)
        more: dict[str, object] = {}
        if changed and change == "data":
            more["inputs"] = problem.inputs[0] + 1e-9
        if changed and change == "batchnorm":
            more["batchnorm"] = "recalibrate"
        if changed and change == "loss":
            more["loss"] = lambda f, y: f[:, 0]
        again = Problem(problem.model, **{"inputs": problem.inputs[0], "targets": problem.targets, **more})  # type: ignore[arg-type]
        how: dict[str, object] = {"shape": (3, 3), "overlays": ("perplexity",)}
        if changed:
            how |= {
                "shape": {"shape": (3, 4)},
                "span": {"span": ((-1, 1), (-1, 1.5))},
                "fewer overlays": {"overlays": ()},
                "dtype": {"dtype": "float32"},
                "seed": {"seed": 1},
            }.get(change, {})
        survey(again, Plane.random(again, seed=int(changed and change == "plane")), store=tmp_path / "land", **how)  # type: ignore[arg-type]

    run(False)
    run(False)
    with pytest.raises(InputError, match=r"^'.*' already holds another landscape .*\.$"):
        run(True)


def test_two_loss_functions_are_two_landscapes(tmp_path: Path) -> None:
    def absolute(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (f - y).abs().sum(1)

    def squared(f: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (f - y).square().sum(1)

    first, second = (cases.regression(loss=loss) for loss in (absolute, squared))
    survey(first, Plane.random(first), (2, 2), store=tmp_path / "land")
    with pytest.raises(InputError, match="another landscape"):
        survey(second, Plane.random(second), (2, 2), store=tmp_path / "land")


def test_packed_into_one_file_it_reads_the_same(tmp_path: Path) -> None:
    land = make(tmp_path / "land")
    pack(tmp_path / "land", tmp_path / "land.zip")
    assert read_landscape(tmp_path / "land.zip").identical(land)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".land.zip")] == []
    (tmp_path / "land.zip").rename(tmp_path / "moved.zip")
    assert read_landscape(tmp_path / "moved.zip", Settings(temperature=2.0))["loss"].identical(land["loss"])


def test_a_half_done_landscape_can_be_packed(tmp_path: Path) -> None:
    make(tmp_path / "land")
    zarr.open_group(tmp_path / "land", mode="r+")["done"][5:] = False  # type: ignore[index]
    pack(tmp_path / "land", tmp_path / "land.zip")
    assert read_points(tmp_path / "land.zip").made == 4 * 5


def test_provenance_says_where_the_numbers_came_from(tmp_path: Path) -> None:
    before = time.time()
    land = make(tmp_path / "land")
    (run,) = json.loads(land.attrs["provenance"])
    assert run["versions"]["torch"] == torch.__version__.split("+")[0] or run["versions"]["torch"] == torch.__version__
    assert {"python", "numpy", "lossnav", "zarr", "xarray"} <= set(run["versions"])
    assert "not installed" not in run["versions"].values()
    assert run["device"] == "cpu"
    assert 0 <= run["seconds"] <= time.time() - before + 0.01
    assert run["measurements"] == 4 * SHAPE[0] * SHAPE[1]
    assert run["command"]
    problem, plane = json.loads(land.attrs["problem"]), json.loads(land.attrs["plane"])
    assert all(len(problem[k]) == 64 for k in ("weights", "data", "trajectory"))
    assert (plane["kind"], plane["seed"], plane["normalize"], len(plane["vectors"])) == ("random", 0, "filter", 64)
    spec = zarr.open_group(tmp_path / "land", mode="r").attrs["spec"]
    assert isinstance(spec, dict)
    assert {"dtype", "seed", "alpha", "beta", "overlays"} <= set(spec)


def test_an_empty_folder_is_a_place_to_write(tmp_path: Path) -> None:
    land = make(tmp_path)
    assert read_landscape(tmp_path).identical(land)


def test_what_is_no_landscape(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^No landscape at .*\.$"):
        read_landscape(tmp_path / "nowhere")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "note.txt").write_text("no landscape")
    (tmp_path / "broken.zip").write_text("no archive")
    for name in ("folder", "broken.zip"):
        with pytest.raises(InputError, match=r"^'.*' is no lossnav landscape: .*\.$"):
            read_landscape(tmp_path / name)
    with pytest.raises(InputError, match="is no lossnav landscape"):
        make(tmp_path / "folder")
    assert (tmp_path / "folder" / "note.txt").read_text() == "no landscape"
    zarr.open_group(tmp_path / "other", mode="w")
    with pytest.raises(InputError, match="should be a landscape of format 2"):
        read_landscape(tmp_path / "other")


def test_a_survey_goes_on_under_another_number_of_threads(tmp_path: Path) -> None:
    problem = cases.classifier(dtype=torch.float32, n=40)
    for name, make_plane in {"random": Plane.random, "eigen": Plane.eigen, "gradient": Plane.gradient}.items():
        torch.set_num_threads(1)
        first = survey(problem, make_plane(problem), (4, 4), store=tmp_path / name)
        torch.set_num_threads(3)
        again = survey(problem, make_plane(problem), (4, 4), store=tmp_path / name)
        assert np.array_equal(first["loss"].values, again["loss"].values)


def test_a_packed_name_and_a_closed_folder_are_refused(tmp_path: Path) -> None:
    problem = cases.classifier()
    with pytest.raises(InputError, match=r"ends in \.zip"):
        survey(problem, Plane.random(problem), (2, 2), store=tmp_path / "land.zip")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot be made"):
        survey(problem, Plane.random(problem), (2, 2), store=tmp_path / "file" / "land.zarr")


@pytest.mark.parametrize("place", ["s3://bucket/land.zarr", "gs:/bucket/land.zarr", "https://host/land.zarr"])
def test_an_address_is_no_folder(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with (
        pytest.raises(InputError, match="is an address, and a landscape is written to a folder"),
        LandscapeStore(place).writing(),
    ):
        pass
    assert list(tmp_path.iterdir()) == []

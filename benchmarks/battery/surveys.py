"""Surveys of every sample, plane and setting; adaptive, stopped and gone on with, and by every way of running a network."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import zarr
from lossnav.core import PROPERTIES, Estimation, Plane, Problem, Settings, Tolerance, load_problem, read_landscape

from . import ROOM
from .cases import HEAVY, LIGHT, MATRICES, MIDDLE, PLANES, Items, problems, survey
from .digests import parts


def samples() -> Items:
    """Every sample: all that forward passes give, and every stage."""
    for name in (*LIGHT, *MIDDLE, *HEAVY):
        problem, heavy = load_problem(name), name in HEAVY
        plane = Plane.random(problem)
        yield f"{name} forward", survey(problem, plane, (3, 3), overlays=("forward",), fidelity=not heavy)
        shape, effort = ((5, 5), "standard") if name in LIGHT else ((3, 1) if heavy else (3, 2), "preview")
        yield f"{name} all", survey(problem, plane, shape, overlays=("all",), effort=effort)


def planes() -> Items:
    """Every kind of plane, and how a path projects on it."""
    for name in (LIGHT[0], MIDDLE[3]):
        problem = load_problem(name)
        for kind, make in PLANES.items():
            plane = make(problem)
            yield f"{name} {kind}", survey(problem, plane, (3, 3), overlays=("forward", "memory"))
            yield f"{name} {kind} projected", [plane.gram, plane.span, plane.project_path(problem.trajectory)]
    for kind in ("eigen, top", "gradient", "trajectory"):
        problem = load_problem("digits-resnet")
        yield f"digits-resnet {kind}", survey(problem, PLANES[kind](problem), (3, 1), overlays=("forward",))


def settings() -> Items:
    """Each option of a survey once, and each property alone."""
    problem = load_problem("gaussians-mlp")
    plane = Plane.random(problem, seed=2)
    asked: dict[str, dict[str, Any]] = {
        **{effort: {"effort": effort} for effort in ("preview", "full")},
        **{of: {"effort": Estimation(of=of)} for of in MATRICES[1:]},
        "few examples": {"effort": Estimation(examples=50, descent_steps=5, recovery_step=0.1)},
        "float64": {"dtype": "float64", "fidelity": True},
        "bf16": {"precision": "bf16", "overlays": ("forward",)},
        "batches": {"batch_size": 97, "seed": 5},
        "every 2": {"every": 2, "shape": (9, 5), "span": ((-0.5, 1), (0, 0.3))},
        **{owner.name: {"overlays": (owner.name,)} for owner in PROPERTIES},
        "keskar": {"overlays": ("viscosity_keskar", "probability_entropy")},
    }
    for what, more in asked.items():
        yield what, survey(problem, plane, **{"shape": (3, 3), "overlays": ("all",), **more})


def own() -> Items:
    """Small networks of one's own: every likelihood, tokens, BatchNorm both ways."""
    for what, problem in problems().items():
        yield what, survey(problem, Plane.random(problem), (3, 3), overlays=("all",), fidelity=True)


def adaptive() -> Items:
    """Surveys to a tolerance; those of every stage, and those of forward passes alone."""
    for name in LIGHT:
        problem = load_problem(name)
        yield f"{name} all", survey(problem, Plane.random(problem), (17, 17), overlays=("all",), tolerance=0.02)
    for name in (*LIGHT, *MIDDLE):
        problem, allowed = load_problem(name), Tolerance(0.005, "log", 5.0, 0.1)
        yield name, survey(problem, Plane.trajectory(problem), (17, 17), overlays=("forward",), tolerance=allowed)


def resumed() -> Items:
    """Surveys stopped half-way and taken up again; what lies on disk, too."""
    cases: dict[str, tuple[str, dict[str, Any]]] = {
        "every point": ("gaussians-mlp", {"shape": (5, 5), "fidelity": True}),
        "every second row": ("linear-regression", {"shape": (9, 9), "every": 2}),
        "adaptive": ("gaussians-mlp", {"shape": (9, 9), "tolerance": 0.02}),
        "digits": ("digits-two-tasks-ewc", {"shape": (3, 1), "effort": "preview"}),
    }
    for what, (name, asked) in cases.items():
        problem, path = load_problem(name), ROOM / f"resumed {what}.zarr"
        plane = Plane.trajectory(problem)
        for share in (0.1, 0.5, 0.8):
            stopped(problem, plane, path, share, **asked)
        found = survey(problem, plane, overlays=("all",), store=path, **asked)
        yield what, found
        yield f"{what}, read", read_landscape(path, Settings(temperature=2.0))
        yield f"{what}, on disk", on_disk(path)
        if (
            what != "digits"
            and parts(found)["numbers"] != parts(survey(problem, plane, overlays=("all",), **asked))["numbers"]
        ):
            raise AssertionError(f"{what}: resumed, the numbers are not those of a survey in one go")


def stopped(problem: Problem, plane: Plane, path: Path, share: float, **asked: Any) -> None:
    """A survey that is interrupted when this share of it is done."""

    def stop(done: int, total: int) -> None:
        if done >= share * total:
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        survey(problem, plane, overlays=("all",), store=path, progress=stop, **asked)


def ways() -> Items:
    """The ways of running a network that are else chosen by timing, stated in a store and gone on with."""
    fused, last = {"network": "fused"}, {"layout": "channels_last"}
    for name, way in (
        ("digits-plain", fused),
        ("digits-resnet", fused | last),
        ("digits-resnet", last),
        ("markov-gpt", fused),
    ):
        problem, path = load_problem(name), ROOM / f"{name} {' '.join(way.values())}.zarr"
        again = partial(survey, problem, Plane.random(problem), (3, 3), overlays=("forward",), store=path)
        again()
        group = zarr.open_group(path, mode="r+")
        about: Any = group.attrs["about"]
        about["spec"]["way"] |= way
        group.attrs["about"], group["done"][:] = about, False
        yield f"{name} {' '.join(way.values())}", again()


def on_disk(path: Path) -> list[Any]:
    """A store's arrays and attributes."""
    group = zarr.open_group(path, mode="r")
    return [{name: array[:] for name, array in group.arrays()}, dict(group.attrs)]

"""What a survey will cost is said beforehand; no test looks at a clock."""

from __future__ import annotations

from typing import Any

import cases
import numpy as np
import pytest
import torch
from lossnav.core import InputError, Plane, Problem
from lossnav.core.adaptive.tolerance import Tolerance
from lossnav.core.local.estimation import Estimation
from lossnav.core.properties.memory import BASIN
from lossnav.core.properties.protocol import STAGES
from lossnav.core.survey import cost
from lossnav.core.survey import footprint as memory_needs
from lossnav.core.survey.cost import Cost, duration
from lossnav.core.survey.expected_points import expected_points
from lossnav.core.survey.footprint import Footprint, byte_text
from lossnav.core.survey.specification import Specification
from torch import nn

SMALL = Footprint(torch.device("cpu"), {"copy": 1_000_000}, {"activations": 200_000}, 0)


def estimate(*what: Any, **how: Any) -> Cost:
    return cost.estimate(Specification(*what, **how))


@pytest.fixture
def every_thing_takes_a_second(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Timings replaced by one second for each piece of work; the work itself is done once, and kept count of."""
    done: list[object] = []

    def timed(work: object, once: bool = False) -> float:
        done.append(work())  # type: ignore[operator]
        return 1.0

    monkeypatch.setattr(cost, "_timed", timed)
    torch.set_num_threads(1)
    return done


def problem() -> Problem:
    model = cases.initialised(nn.Sequential(nn.Linear(8, 20), nn.Tanh(), nn.Linear(20, 3)))  # 243 parameters
    return Problem(model, cases.normal(12, 8), cases.labels(12, classes=3))


@pytest.mark.usefixtures("every_thing_takes_a_second")
def test_forward_passes_are_counted_by_points() -> None:
    found = problem()
    plane = Plane.random(found)
    assert estimate(found, plane, (5, 7), device="cpu").seconds == {"forward": 35.0}
    assert estimate(found, Plane.line(plane.at(0), plane.at(1)), (5, 7), device="cpu").seconds == {"forward": 5.0}


@pytest.mark.usefixtures("every_thing_takes_a_second")
def test_costly_stages_are_counted_by_their_own_points_and_work() -> None:
    found = problem()
    effort = Estimation(probes=3, steps=4, descent_steps=7)
    how = {"device": "cpu", "effort": effort, "every": 4}
    plane = Plane.random(found)
    seconds = estimate(found, plane, (9, 9), ("viscosity_sam", "sharpness", "interlayer", "basin"), **how).seconds
    assert list(seconds) == ["forward", "gradients", "curvature", "descents"]
    assert seconds["forward"] == 81
    assert seconds["gradients"] == pytest.approx(9 * 1.5)  # with sam's further pass
    assert seconds["curvature"] == pytest.approx(9 * (2 + 4 + 2))  # slopes, blocks of products, what interlayer adds
    assert seconds["descents"] == pytest.approx(9 * (7 + BASIN.work.losses))


@pytest.mark.usefixtures("every_thing_takes_a_second")
def test_more_probes_and_steps_cost_more() -> None:
    found = problem()
    plane = Plane.random(found)
    totals = [
        estimate(found, plane, (5, 5), ("coupling",), "cpu", effort=Estimation(probes=p, steps=s)).total
        for p, s in ((3, 2), (3, 4), (5, 4))
    ]
    assert totals == sorted(totals)
    assert totals[0] < totals[-1]


@pytest.mark.usefixtures("every_thing_takes_a_second")
def test_what_a_network_cannot_take_costs_nothing() -> None:
    class Once(nn.Linear):
        """Its outputs have no derivative."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x).detach()

    found = Problem(cases.initialised(Once(3, 4)), cases.normal(5, 3), cases.labels(5, classes=4))
    seconds = estimate(found, Plane.random(found), (3, 3), ("sharpness",), "cpu").seconds
    assert seconds["curvature"] == 0
    assert seconds["forward"] == 9


def test_every_overlay_of_every_case_has_a_cost(every_thing_takes_a_second: list[object]) -> None:
    for name in ("smooth", "convolution", "tied tokens", "regression", "frozen", "recurrent"):
        found = cases.CASES[name]()
        before = {k: v.clone() for k, v in found.model.state_dict().items()}
        cost = estimate(found, Plane.random(found), (3, 3), ("all",), "cpu", fidelity=True)
        assert all(np.isfinite(s) and s >= 0 for s in cost.seconds.values())
        assert set(cost.seconds) == {"forward", "gradients", "curvature", "descents", "fidelity"}
        assert all(torch.equal(before[k], v) for k, v in found.model.state_dict().items())
    assert every_thing_takes_a_second


@pytest.mark.parametrize(
    ("seconds", "sentence"),
    [
        ({"forward": 0.01}, "About 1 s, 1 MB."),
        (
            {"forward": 8.0, "curvature": 130.0, "descents": 40.0},
            "About 3 min (forward 8 s, curvature 2 min, descents 40 s), 1 MB.",
        ),
        ({"forward": 1.0, "gradients": 7200.0}, "About 2.0 h, 1 MB."),
    ],
)
def test_the_sentence(seconds: dict[str, float], sentence: str) -> None:
    assert str(Cost(seconds, SMALL)) == sentence


@pytest.mark.usefixtures("every_thing_takes_a_second")
def test_an_adaptive_survey_costs_what_is_usual_and_at_most_every_point() -> None:
    found = problem()
    plane, shape = Plane.random(found), (65, 65)
    told, whole = (estimate(found, plane, shape, device="cpu", tolerance=t) for t in (0.01, None))
    usual = {"forward": expected_points("forward", shape, Tolerance(0.01), False), "choice": cost.CHOICE_SECONDS}
    assert told.seconds == usual
    assert told.most == told.longest == whole.total + cost.CHOICE_SECONDS == 65**2 + cost.CHOICE_SECONDS
    assert whole.most is None
    assert str(told) == f"About {duration(told.total)}, at most {duration(65**2)}, {byte_text(told.footprint.peak)}."
    few = estimate(found, plane, (3, 3), ("sharpness",), "cpu", tolerance=0.01)
    assert few.total == pytest.approx(few.most)  # of nine points all are measured


@pytest.mark.usefixtures("every_thing_takes_a_second")
def test_costly_stages_have_a_tolerance_of_their_own() -> None:
    found = problem()
    how = {"device": "cpu", "effort": Estimation(probes=3, steps=4)}
    seconds = [
        estimate(
            found, Plane.random(found), (33, 33), ("sharpness",), tolerance=Tolerance(0.01, costly=c), **how
        ).seconds
        for c in (0.02, 0.2)
    ]
    assert seconds[0]["forward"] == seconds[1]["forward"]
    assert seconds[0]["curvature"] > 2 * seconds[1]["curvature"]


@pytest.mark.parametrize("shape", [(1, 1), (9, 1), (3, 3), (5, 7), (65, 65), (301, 301)])
@pytest.mark.parametrize("stage", STAGES)
def test_expected_points_hold_what_is_certain_and_no_more_than_there_is(stage: str, shape: tuple[int, int]) -> None:
    told = [expected_points(stage, shape, Tolerance(share), True) for share in (0.05, 0.01, 0.001)]
    assert told == sorted(told)
    assert min(shape[0], 5) * min(shape[1], 5) <= told[0]  # the coarse grid, measured whole
    assert told[-1] <= shape[0] * shape[1]


def test_what_does_not_fit_is_not_even_timed(
    every_thing_takes_a_second: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_needs, "free_bytes", lambda device: 1000)
    found = problem()
    with pytest.raises(InputError, match=r"^This survey needs about 7 MB of memory, and 1 MB are free: "):
        estimate(found, Plane.random(found), (3, 3), ("all",), "cpu")
    assert not every_thing_takes_a_second


def test_an_unknown_precision_is_named() -> None:
    found = problem()
    with pytest.raises(InputError, match="Unknown dtype 'flot32': did you mean 'float32'"):
        estimate(found, Plane.random(found), dtype="flot32")

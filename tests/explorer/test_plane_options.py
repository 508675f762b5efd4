"""A kind's parameter that is called as an option of a command: refused when the command is made, not read as the other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lossnav.core.plane.kinds import KINDS, Parameter
from lossnav.explorer.commands import plane_options
from lossnav.explorer.request.survey import SurveyRequest


@pytest.mark.parametrize("name", ["scale", "turn", "plane"])
def test_a_name_that_is_taken_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = replace(KINDS[0], name="new", parameters=(Parameter(name, 1.0, "A number."),))
    monkeypatch.setattr(plane_options, "KINDS", (*KINDS, taken))

    def command(target: str, plane: SurveyRequest, scale: str = "linear") -> None:
        """Measure."""

    with pytest.raises(ValueError, match=f"--{name} is taken: call the parameter of the new plane otherwise"):
        plane_options.with_plane()(command)


def test_a_seed_serves_both() -> None:
    asked: list[SurveyRequest] = []

    def command(target: str, plane: SurveyRequest, seed: int = 0) -> None:
        asked.append(plane)

    run = plane_options.with_plane()(command)
    options = dict.fromkeys((n for n, _ in plane_options._parameters().items() if n != "seed"))
    run(target="gaussians-mlp", seed=7, plane="random", turn=0.0, centre=None, **options)
    assert asked[0].values["seed"] == 7

"""The picked point to its bottom: the commands that its panels mean, and what they show."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from lossnav.core import Plane, Problem, load_problem
from lossnav.core.answers import TRAINED, answers, read_answers
from lossnav.explorer.figures.web.answers import fit_figure
from lossnav.explorer.panels.answers import class_table, continuation_lines, loss_table
from lossnav.explorer.request.answers import AnswersRequest
from lossnav.explorer.request.spectrum import PointSpectrumRequest
from lossnav.explorer.request.survey import SurveyRequest
from lossnav.explorer.summaries.answers import sentences
from streamlit.testing.v1 import AppTest
from torch import nn
from typed_command import computed


@pytest.fixture(scope="module")
def digits():
    problem = load_problem("digits-resnet")
    return answers(problem, {TRAINED: None, "(1, 0)": Plane.random(problem).at(1.0, 0.0)}, examples=4, device="cpu")


def test_the_request_is_the_command_at_the_picked_point() -> None:
    request = AnswersRequest(SurveyRequest("gaussians-mlp", seed=3), (-0.25, 0.5))
    computed(request)
    found = read_answers(request.path)
    problem = load_problem("gaussians-mlp")
    there = Plane.random(problem, seed=3).at(-0.25, 0.5)
    same = answers(problem, {TRAINED: None, "(-0.25, 0.5)": there}, seed=3, device="cpu")
    assert found.places == same.places
    np.testing.assert_allclose(found.numbers["probability"], same.numbers["probability"], rtol=1e-5)
    assert request.path != AnswersRequest(SurveyRequest("gaussians-mlp"), (-0.25, 0.5)).path


def test_a_look_at_the_spectrum_takes_few_steps_and_says_how_many() -> None:
    request = PointSpectrumRequest("digits-resnet", plane=SurveyRequest("digits-resnet"), point=(0.5, 0.0))
    assert request.arguments[-6:] == ["--top", "3", "--steps", "24", "--probes", "2"]
    assert (request.products(70_000), request.products(300)) == (96, 300)


def test_classes_are_shown_with_the_picture_and_the_right_one_marked(digits) -> None:
    shown = class_table(digits)
    assert shown.count("<img src='data:image/png;base64,") == 4
    assert shown.count("✓") == 8  # each example at each place
    widths = [float(w) for w in re.findall(r"width:([\d.e+-]+)%", shown)]
    p = np.sort(digits.numbers["probability"], -1)[..., ::-1]
    assert widths[0] == pytest.approx(100 * p[0, 0, 0], rel=1e-2)
    assert all(str(label) in line for label, line in zip(digits.numbers["label"], sentences(digits), strict=True))


def test_a_continuation_marks_the_texts_own_tokens() -> None:
    found = answers(load_problem("markov-gpt"), device="cpu")
    shown = continuation_lines(found)
    own = (found.numbers["said"][0] == found.numbers["true"]).sum()
    assert shown.count("<b title=") == own > 0


def test_a_fit_is_drawn_at_every_place_over_the_examples() -> None:
    x = torch.linspace(-1, 1, 20)[:, None]
    problem = Problem(nn.Linear(1, 1), x, 2 * x, loss="mse")
    there = {"weight": torch.tensor([[2.0]]), "bias": torch.tensor([0.0])}
    figure = fit_figure(answers(problem, {TRAINED: None, "there": there}, device="cpu"), dark=False)
    assert [trace.name for trace in figure.data] == ["examples", TRAINED, "there"]
    np.testing.assert_allclose(figure.data[2].y, 2 * np.array(figure.data[2].x), atol=1e-6)


def test_losses_are_told_where_no_more_can_be() -> None:
    problem = Problem(nn.Linear(2, 2), torch.ones(3, 2), torch.ones(3, 2), loss=lambda z, y: (z - y).square().sum(1))
    found = answers(problem, device="cpu")
    assert loss_table(found).count("loss ") == 3
    assert sentences(found)[0] == found.why


def _says(path: str) -> None:
    from pathlib import Path

    from lossnav.core.answers import read_answers
    from lossnav.explorer.panels.answers import shown_answers

    shown_answers(read_answers(Path(path)))


def test_the_panel_draws_what_was_computed(digits, tmp_path: Path) -> None:
    from lossnav.core.answers import write_answers

    write_answers(digits, tmp_path / "a.json")
    app = AppTest.from_function(_says, args=(str(tmp_path / "a.json"),), default_timeout=60).run()
    assert not app.exception
    assert app.get("html")[0].proto.body == class_table(digits)

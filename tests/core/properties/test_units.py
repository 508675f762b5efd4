"""Units of what densities and entropies give, and divergences that the stated entropy does not allow."""

import math

import cases
import numpy as np
import pytest
import torch
from lossnav.core import Plane, Problem, Settings, survey
from lossnav.core.problem.likelihoods.gaussian import Gaussian
from lossnav.core.properties.probability import LADDER
from lossnav.core.survey.landscape import landscape
from lossnav.core.survey.run import SurveyRun
from lossnav.core.survey.specification import Specification
from scipy.interpolate import PchipInterpolator
from torch import nn


def line(problem):
    return Plane.line(problem, {k: v * 1.1 for k, v in problem.parameters.items()})


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_gaussian_perplexity_says_that_it_has_ys_unit_and_its_excess_has_none(outputs):
    """y, f and σ in centimetres instead of metres: the perplexity is 100ᵈ times what it was, and the excess is the same."""
    x, y, model = cases.normal(20, 2), cases.normal(20, outputs, seed=1), cases.initialised(nn.Linear(2, outputs))
    lands = []
    for scale in (1.0, 100.0):
        scaled = nn.Linear(2, outputs).double()
        scaled.load_state_dict({k: scale * v for k, v in model.state_dict().items()})
        entropy = outputs * (0.2 + math.log(scale))
        problem = Problem(scaled, x, scale * y, Gaussian(0.7 * scale), data_entropy=entropy)
        lands.append(survey(problem, line(problem), (3, 1), overlays=("perplexity",)))
    np.testing.assert_allclose(lands[1]["perplexity"], 100**outputs * lands[0]["perplexity"], rtol=1e-9)
    np.testing.assert_allclose(lands[1]["perplexity_excess"], lands[0]["perplexity_excess"], rtol=1e-9)
    assert lands[0]["perplexity"].attrs["units"] == ("unit of y" if outputs == 1 else "(unit of y)^3")
    assert lands[0]["perplexity_excess"].attrs["units"] == ""


def test_the_perplexity_of_classes_has_no_unit():
    problem = cases.classifier()
    assert survey(problem, Plane.random(problem), (2, 2), overlays=("perplexity",))["perplexity"].attrs["units"] == ""


def test_a_divergence_below_zero_is_none_and_the_reason_is_said():
    """An entropy of 5 nats cannot be that of 3 classes: the mean surprise, ln 3 for no weights, is below it."""
    model = nn.Linear(2, 3).double()
    nn.init.zeros_(model.weight)
    nn.init.constant_(model.bias, 1e-3)
    problem = Problem(model, cases.normal(6, 2), cases.labels(6, classes=3), data_entropy=5.0)
    land = survey(problem, line(problem), (3, 1), overlays=("density", "perplexity"))
    np.testing.assert_allclose(land["loss"], math.log(3), rtol=1e-3)
    for name in ("density", "perplexity_excess"):
        assert np.isnan(land[name]).all()
        assert "not the entropy of these data" in land[name].attrs["gaps"]


def test_a_divergence_is_surprise_less_entropy_where_the_entropy_is_the_datas():
    model = cases.initialised(nn.Linear(2, 3))
    soft = torch.softmax(cases.normal(6, 3), 1)
    problem = Problem(model, cases.normal(6, 2), soft)
    land = survey(problem, line(problem), (3, 1), overlays=("density",))
    entropy = float(-(soft * soft.log()).sum(1).mean())
    np.testing.assert_allclose(land["density"], land["loss"] - entropy, rtol=1e-9)
    assert "gaps" not in land["density"].attrs


@pytest.mark.parametrize("classes", [2, 3, 50])
def test_the_interpolation_error_of_the_entropy_is_a_share_of_that_of_the_uniform_law(classes):
    """Read with a rung left out, in closed form; the error is the largest, over ln K as the readout is."""
    model = nn.Linear(1, classes, bias=False).double()
    model.weight.data = torch.arange(1, classes + 1).double()[:, None]
    problem = Problem(model, torch.ones(1, 1).double(), torch.zeros(1).long())
    with torch.no_grad():
        z = model.weight[:, 0] * 1.05  # the middle of the span
        laws = [torch.softmax(z / t, 0) for t in LADDER]
    shares = np.array([float(torch.special.entr(p).sum()) / math.log(classes) for p in laws])
    rungs, worst = np.log(LADDER), 0.0
    for i in range(1, len(LADDER) - 1):
        kept = np.arange(len(LADDER)) != i
        worst = max(worst, abs(float(PchipInterpolator(rungs[kept], shares[kept])(rungs[i])) - shares[i]))
    spec = Specification(problem, line(problem), (1, 1), ("probability",), span=((0, 1), (0, 1)))
    points = SurveyRun.of(spec).run()
    found = landscape(points, Settings(temperature=1.2))["probability_entropy"].attrs["interpolation_error"]
    assert found == pytest.approx(worst, rel=1e-6)

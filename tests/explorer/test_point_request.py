"""One point measured in full: the command that it means, and when it is there."""

from __future__ import annotations

import numpy as np
from lossnav.core import read_landscape
from lossnav.explorer.request.point import PointRequest
from lossnav.explorer.request.survey import SurveyRequest
from typed_command import computed


def test_a_point_is_measured_with_all_examples_and_every_readout() -> None:
    request = PointRequest(SurveyRequest("linear-regression", seed=3), (-0.25, 0.5))
    assert not request.ready
    computed(request)
    assert request.ready
    land = read_landscape(request.path)
    assert (land["alpha"].item(), land["beta"].item()) == (-0.25, 0.5)
    assert np.isfinite(land["viscosity_keskar"].values).all()
    assert land["density_coverage_se"].item() == 0  # all examples: nothing was sampled


def test_points_of_other_planes_are_other_requests() -> None:
    plane = SurveyRequest("gaussians-mlp")
    requests = [PointRequest(plane, (0.0, 0.0)), PointRequest(plane, (0.0, 0.1))]
    requests.append(PointRequest(SurveyRequest("gaussians-mlp", seed=1), (0.0, 0.0)))
    assert len({request.path for request in requests}) == 3

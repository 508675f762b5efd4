"""Metrics and a second data set measured by a worker, in this process: the numbers, and why some are none."""

from __future__ import annotations

import numpy as np
import torch
from lossnav.core.cluster import Recipe
from lossnav.core.cluster.bench import measured
from lossnav.core.cluster.identity import identity
from lossnav.core.cluster.tile import Tile

NEVER = ("never", "gap_never", "test_never")  # on the first data, on the second, and their difference


def test_a_worker_gives_the_numbers_and_the_reasons() -> None:
    recipe = Recipe("cluster_recipes:with_metrics", {})
    spec = recipe.specification()
    evaluator, points = spec.evaluator(), np.array([[0.0, 0.0], [0.5, -0.25]])
    tile = Tile(recipe, identity(spec), torch.get_num_threads(), "forward", points, way=evaluator.way)
    answer = measured(tile)
    np.testing.assert_array_equal(answer.values, evaluator.evaluate(points))
    assert evaluator.columns == (*spec.columns["forward"],)
    own = ("loss", "accuracy", "metric_never", "metric_mean")
    assert evaluator.columns == (*own, *(f"test_{name}" for name in own))
    assert np.isnan(answer.values[:, [2, 6]]).all()
    assert np.isfinite(np.delete(answer.values, [2, 6], axis=1)).all()
    assert answer.failures == evaluator.failures == dict.fromkeys(NEVER, "KeyError: 'no such class'")
    assert answer.fallbacks == ()

"""Transforms under which values are interpolated."""

import numpy as np
import pytest
from lossnav.core.adaptive.transforms import POSITIVE, SIGNED, transform, transforms_for


@pytest.mark.parametrize("name", [*POSITIVE, "asinh"])
def test_there_and_back_is_the_same(name):
    values = np.array([1e-6, 0.3, 1.0, 40.0])
    side = transform(name, 2.0)
    np.testing.assert_allclose(side.back(side.there(values)), values, rtol=1e-9)


def test_signed_values_get_the_symmetric_logarithm():
    assert transforms_for(np.array([-1.0, 2.0])) == SIGNED
    assert transforms_for(np.array([1.0, 2.0])) == POSITIVE

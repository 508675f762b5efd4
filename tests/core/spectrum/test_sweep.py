"""λ(γ) from each parameter alone to the whole matrix."""

from __future__ import annotations

import cases
import numpy as np
import pytest
import reference
import torch
from lossnav.core import InputError
from lossnav.core.spectrum.coupling_sweep import coupling_sweep


@pytest.mark.parametrize("case", ["smooth", "tied tokens"])
def test_sweep_is_that_of_the_dense_hessian(case: str) -> None:
    problem = cases.CASES[case]()
    H = reference.hessian(problem, problem.parameters)
    found = coupling_sweep(problem, gammas=(0.0, 0.3, 1.0))
    for gamma in (0.0, 0.3, 1.0):
        mixed = gamma * H + (1 - gamma) * torch.diag(H.diagonal())
        expected = torch.linalg.eigvalsh(mixed).flip(0).numpy()
        assert found.sel(gamma=gamma).values == pytest.approx(expected, abs=1e-10)
    assert found.sizes == {"gamma": 3, "rank": problem.parameter_count}
    assert found.sum("rank").values == pytest.approx(float(H.trace()))  # the trace does not know γ


def test_ends_by_lanczos_are_the_exact_ones_where_the_diagonal_is() -> None:
    problem = cases.CASES["convolution"]()
    whole = coupling_sweep(problem, gammas=(0.5, 1.0))
    ends = coupling_sweep(problem, gammas=(0.5, 1.0), ends=3, probes=3000, exact=False)
    assert list(ends["rank"].values) == [1, 2, 3, *(problem.parameter_count - k for k in (2, 1, 0))]
    same = whole.sel(rank=ends["rank"].values)
    scale = float(np.abs(whole).max())
    assert ends.sel(gamma=1.0).values == pytest.approx(same.sel(gamma=1.0).values, abs=1e-6 * scale)
    assert ends.sel(gamma=0.5).values == pytest.approx(same.sel(gamma=0.5).values, abs=0.05 * scale)
    assert (ends.attrs["exact"], whole.attrs["exact"]) == (0, 1)


def test_no_gamma_is_named() -> None:
    for gammas in ((), (0.0, float("nan"))):
        with pytest.raises(InputError, match="gammas"):
            coupling_sweep(cases.smooth(), gammas=gammas)

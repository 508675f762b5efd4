"""A person's own examples for the claims' networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from lossnav.core import InputError
from lossnav.core.claims import claim_of, plan_of, why_not_confirmatory
from lossnav.core.claims.own_data import _components, own_data
from lossnav.core.claims.population import data_of

FILE = """
import numpy as np, torch
from lossnav.core import Problem
from sklearn.datasets import load_digits

def problem():
    images, targets = load_digits(return_X_y=True)
    rows = images.reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(-1, 16)
    {change}
    inputs = torch.from_numpy(rows)
    model = torch.nn.Linear(inputs.shape[1], 10).double()
    return Problem(model, inputs, torch.from_numpy(targets.astype(np.int64)))
"""


def a_file(folder: Path, change: str = "pass", name: str = "mine") -> str:
    path = folder / f"{name}.py"
    path.write_text(FILE.format(change=change))
    return str(path)


def test_ones_own_digits_are_the_digits(tmp_path: Path) -> None:
    name = own_data(a_file(tmp_path))
    own, digits = data_of(name), data_of("digits")
    assert name.startswith("mine-")
    for field in ("inputs", "targets", "held_out"):
        assert torch.equal(getattr(own, field), getattr(digits, field))
    assert all(torch.equal(own.pools[pool], digits.pools[pool]) for pool in digits.pools)


def test_more_features_become_their_leading_components(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).normal(size=(456, 24)) * np.linspace(3, 1, 24)
    found = _components(rows)
    variances = np.sort(np.linalg.eigvalsh(np.cov(rows[:256].T)))[::-1][:16]
    np.testing.assert_allclose(found[:256].var(0, ddof=1), variances, rtol=1e-9)
    wide = "rows = np.concatenate([rows, np.random.default_rng(0).normal(size=(len(rows), 8))], 1)"
    assert data_of(own_data(a_file(tmp_path, wide))).inputs.shape == (256, 16)


def test_the_plan_takes_it_and_is_not_confirmatory(tmp_path: Path) -> None:
    claim = claim_of("memory")
    plan = plan_of(claim, data=a_file(tmp_path))
    assert plan == plan_of(claim, data=a_file(tmp_path))
    assert why_not_confirmatory(claim, plan) == "its size, seeds or data are not the registered ones"
    with pytest.raises(InputError, match="'collapse' is about digits alone"):
        plan_of(claim_of("collapse"), data=a_file(tmp_path))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("rows = rows[:, :9]", "have 16 inputs, but the examples of 'mine' have 9"),
        ("targets = targets // 2", "need 10 classes and 456 examples, .* has 5 and 1797"),
        ("rows, targets = rows[:200], targets[:200]", "has 10 and 200"),
        ("targets[12:] = np.arange(len(targets) - 12) % 9", "not every class occurs"),
    ],
)
def test_examples_that_do_not_fit_get_a_sentence(tmp_path: Path, change: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        own_data(a_file(tmp_path, change))

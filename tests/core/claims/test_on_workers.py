"""A claim's networks made on workers: a run finds all of them, and they are those of one process, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lossnav.core import InputError
from lossnav.core.claims import CLAIMS, claim_of, collapse, on_workers, train_on_workers
from lossnav.core.claims.population import made
from lossnav.core.claims.population.chunks import Chunk
from lossnav.core.claims.protocol import Plan
from lossnav.core.cluster import code_identity, connected

pytest.importorskip("distributed")
SEED = 7_000_000


def silent(*_: Any) -> None:
    """Nobody is told."""


def refuse(*_: Any) -> Any:
    raise AssertionError("It should be there already.")


def same(found: Mapping[str, np.ndarray], alone: Mapping[str, np.ndarray]) -> None:
    assert set(found) == set(alone)
    for name in alone:
        np.testing.assert_array_equal(found[name], alone[name], err_msg=name)


@pytest.mark.slow
def test_networks_of_workers_are_those_of_one_process_and_are_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks, draws = (
        (claim_of("conjugate"), Plan(3, 0, ("digits",), SEED)),
        (claim_of("collapse"), Plan(1, 9, ("digits",), SEED)),
    )
    said: list[tuple[str, int, int]] = []
    with connected(workers=2) as client:
        counts = [
            train_on_workers(*asked, tmp_path / "there", client, lambda *told: said.append(told))
            for asked in (networks, draws, networks, draws)
        ]
    assert counts == [1, 1, 0, 0]
    assert said == [("Training", 1, 1)] * 2
    (alone,), table = made(on_workers._populations(*networks), tmp_path / "here", silent), _collapse(draws[1], tmp_path)
    monkeypatch.setattr(Chunk, "make", refuse)
    monkeypatch.setattr(collapse, "readouts", refuse)
    (found,) = made(on_workers._populations(*networks), tmp_path / "there", silent)
    same(found, alone)
    same(claim_of("collapse").collect(draws[1], tmp_path / "there", silent)["networks"], table)


def _collapse(plan: Plan, place: Path) -> Mapping[str, np.ndarray]:
    return claim_of("collapse").collect(plan, place / "here", silent)["networks"]


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("claim", [each for each in CLAIMS if each.name != "collapse"], ids=lambda each: each.name)
def test_what_goes_out_is_what_a_run_trains(
    claim: Any, quick: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Asked(Exception):
        pass

    def ask(populations: Any, *_: Any) -> Any:
        raise Asked(populations)

    plan = claim.quick if quick else claim.full
    monkeypatch.setattr(f"{type(claim).__module__}.made", ask)
    with pytest.raises(Asked) as asked:
        claim.collect(plan, tmp_path, silent)
    assert on_workers._populations(claim, plan) == asked.value.args[0]


FILE = """
import torch
from lossnav.core import Problem

def problem():
    generator = torch.Generator().manual_seed(0)
    targets = torch.arange(500) % 10
    inputs = torch.randn(500, 16, generator=generator, dtype=torch.float64)
    return Problem(torch.nn.Linear(16, 10).double(), inputs, targets)
"""


def test_a_worker_with_other_code_or_other_examples_makes_nothing(tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(FILE)
    population, count = on_workers._populations(claim_of("conjugate"), Plan(3, 0, ("other-0123",), SEED))[0]
    chunk = Chunk(population, 0, count, Path("nowhere"))
    with pytest.raises(InputError, match=r"its lossnav is .*, not abc: install the same lossnav everywhere"):
        on_workers.trained(on_workers.Networks(chunk, {**code_identity(), "lossnav": "abc"}))
    with pytest.raises(InputError, match=r"other examples in .*give every machine the same file"):
        on_workers.trained(on_workers.Networks(chunk, code_identity(), str(mine)))

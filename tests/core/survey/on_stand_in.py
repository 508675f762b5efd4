"""Every stage on a device that may not be mixed with the CPU: the CPU's numbers, no tensor and no generator of the wrong device."""

from __future__ import annotations

from collections.abc import Iterator

import cases
import numpy as np
import pytest
import torch
from lossnav.core import Plane, coupling_matrix, density_map, spectrum, survey
from lossnav.core.properties.protocol import STAGES
from stand_in import WAITS, card

READOUTS = {"forward": "forward", "curvature": "viscosity", "gradient": "elasticity", "descent": "memory"}


@pytest.fixture
def device() -> Iterator[torch.device]:
    with card() as found:
        yield found


def test_the_stand_in_refuses_what_cuda_refuses(device: torch.device) -> None:
    there, here = torch.ones(2, 2).to(device), torch.ones(2, 2)
    with pytest.raises(RuntimeError, match="same device"):
        there @ here
    with pytest.raises(RuntimeError, match="device type for generator"):
        torch.randn(3, device=device, generator=torch.Generator())
    assert torch.equal((there @ there).cpu(), here @ here)
    assert (there.sum().item(), WAITS["_local_scalar_dense"]) == (4.0, 1)


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_of_a_survey_gives_the_cpus_numbers(stage: str, device: torch.device) -> None:
    problem = cases.with_path()

    def measured(where: object) -> object:
        plane, overlays = Plane.random(problem), (READOUTS[stage],)
        return survey(problem, plane, (2, 2), overlays=overlays, effort="preview", device=where, fidelity=False)

    found, expected = measured(device), measured("cpu")
    for name in expected.data_vars:  # type: ignore[attr-defined]
        np.testing.assert_allclose(found[name].values, expected[name].values, rtol=1e-9, atol=1e-12)  # type: ignore[index]
    if stage == "forward":
        assert WAITS["_local_scalar_dense"] == 0  # the host hands out points and never waits for a number


def test_metrics_and_a_second_data_set_give_the_cpus_numbers(device: torch.device) -> None:
    inputs, targets = cases.normal(9, 3, seed=4), cases.labels(9, classes=4, seed=4)
    right = {"right": lambda z, y: z.numpy().argmax(1) == y.numpy()}  # of tensors on the CPU, wherever the network runs
    problem = cases.classifier(weight_decay=0.1, metrics=right, test=(inputs, targets))
    found, expected = (survey(problem, Plane.random(problem), (2, 2), device=d, batch_size=5) for d in (device, "cpu"))  # type: ignore[arg-type]
    assert {"right", "test_loss", "gap", "data_loss", "penalty"} < set(expected.data_vars)
    for name in expected.data_vars:
        np.testing.assert_allclose(found[name].values, expected[name].values, rtol=1e-9, atol=1e-12)


def test_spectra_and_coupling_give_the_cpus_numbers(device: torch.device) -> None:
    problem = cases.classifier()
    for method in ("exact", "slq"):
        found, expected = (spectrum(problem, device=d, method=method, steps=4, probes=2) for d in (device, "cpu"))  # type: ignore[arg-type]
        np.testing.assert_allclose(found.eigenvalues, expected.eigenvalues, rtol=1e-8, atol=1e-10)
    there, here = (coupling_matrix(problem, device=d) for d in (device, "cpu"))  # type: ignore[arg-type]
    np.testing.assert_allclose(there.values, here.values, rtol=1e-8)


def test_density_gives_the_cpus_numbers(device: torch.device) -> None:
    problem = cases.classifier()
    found, expected = (density_map(problem, device=d) for d in (device, "cpu"))  # type: ignore[arg-type]
    for name in ("loss", "density", "gradient_norm"):
        if name in expected:
            np.testing.assert_allclose(found[name].values, expected[name].values, rtol=1e-8)

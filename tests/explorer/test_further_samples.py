"""Curvature on other examples, as it is told: beside the picture, in the caption, in the table behind it."""

from __future__ import annotations

import json

import torch
import xarray as xr
from lossnav.core import Estimation, Plane, Problem, survey
from lossnav.explorer.figures.shared.picture import Layer, Picture
from lossnav.explorer.figures.shared.scales import Scale, format_value
from lossnav.explorer.summaries.caption import caption
from lossnav.explorer.summaries.further_samples import samples_sentence, samples_table
from lossnav.explorer.summaries.trust import sentences
from torch import nn


def sampled(count: int = 1000) -> xr.Dataset:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(count, 5, generator=generator)
    problem = Problem(nn.Linear(5, 1), inputs, torch.randn(count, 1, generator=generator), loss="mse", name="line")
    effort = Estimation(examples=100)
    return survey(problem, Plane.random(problem), (3, 3), overlays=("viscosity",), effort=effort, fidelity=True)


def test_sentence_table_and_caption_have_the_numbers() -> None:
    land = sampled()
    numbers = list(map(format_value, land.lossnav.fidelity["samples"]["readouts"]["viscosity"]))
    told = f"at the centre {numbers[0]} on these 100 examples, {numbers[1]} and {numbers[2]} on as many others, {numbers[3]} on 300"
    sentence = samples_sentence(land)
    assert sentence.startswith("Curvature is that of 100 of 1,000 examples: sharpness")
    assert told in sentence
    assert sentence in sentences(land, land.lossnav.fidelity)
    row = next(row for row in samples_table(land) if row[""].startswith("Sharpness"))
    assert [row["on these 100"], row["on as many others"], row["on 300"]] == [
        numbers[0],
        "; ".join(numbers[1:3]),
        numbers[3],
    ]
    layer = Layer("viscosity", Scale())
    assert told in caption(land, Picture(layer, layer))


def test_a_number_that_is_missing_is_not_told() -> None:
    land = sampled()
    samples = {
        **land.lossnav.fidelity["samples"],
        "readouts": {"viscosity": [1.0, None, 2.0], "viscosity_trace": [3.0, 4.0]},
    }
    told = land.assign_attrs(fidelity=json.dumps({"samples": samples}))
    assert [row[""] for row in samples_table(told)] == ["Trace of the Hessian"]
    assert "trace" in samples_sentence(told)


def test_all_examples_or_none_is_no_sentence() -> None:
    assert samples_sentence(sampled(100)) == ""
    assert samples_sentence(xr.Dataset()) == ""

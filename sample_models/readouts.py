"""Writes docs/readouts.md, every readout of every sample as trained: `python -m lossnav.sample_models.readouts`."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
import xarray as xr
from lossnav.core import Plane, Problem, load_problem, spectrum, survey
from lossnav.core.curvature.dense import dense_matrix
from lossnav.core.curvature.layers import layers_of
from lossnav.core.curvature.operators import curvature
from lossnav.core.local.estimation import PRESETS
from lossnav.core.properties import OWNERS, Readout
from lossnav.core.properties.density import data_entropy
from lossnav.core.spectrum.coupling import exact_coupling

from . import gaussians_mlp, linear_regression, markov_gpt
from .catalogue import NAMES

TARGET = Path(__file__).parents[1] / "docs" / "readouts.md"
EFFORT, HERE = "full", ((0.0, 0.0), (0.0, 0.0))
SETTINGS = replace(PRESETS[EFFORT], coordinates="parameters")  # in which the references below are known
SMALL, STEPS, PROBES = 5_000, 20, 16  # parameters of which the whole matrix is at hand; of the quadrature elsewhere
# what is relative to the other points of a terrain has nothing to say at one point
READOUTS: tuple[Readout, ...] = tuple(r for owner in OWNERS if not owner.relative for r in owner.readouts)
ASKED = ("all", *(readout.variable for readout in READOUTS if readout.asked))

HEAD = """# Every readout of the samples

Made by `python -m lossnav.sample_models.readouts`; not to be edited by hand. All readouts are taken at the trained
network itself, the origin of its planes, curvature in the parameters, at effort "{effort}": {settings}.

± is one standard error over the probes, or over the examples where not all gradients were taken; at readouts marked †
an eigenvalue lies at least this near. A number without ± is not estimated. Definitions are in [methods.md](methods.md).

"""
REFERENCES = """
## References

The same numbers from elsewhere, with the relative deviation of the table above and, where it has a standard error, the
deviation in such errors (the reference's own counted in). *Dense*: the whole Hessian in float64. *Quadrature*: `spectrum` with method "slq", {steps}
steps from each of {probes} probes of another seed, its outermost eigenvalues iterated until their residual ‖Hv − λv‖/|λ|
is as given. *Law*: the closed form from the data's known law; a perplexity below it is noise of the labels learnt by
heart. *Marchenko–Pastur*, *Wishart*: averages over random inputs of this shape, some per cent being this draw's own.

"""


def measured(problem: Problem) -> xr.Dataset:
    """The landscape of one point."""
    return survey(problem, Plane.random(problem), (1, 1), HERE, ASKED, "cpu", effort=SETTINGS)


def cell(land: xr.Dataset, readout: Readout, notes: list[str]) -> str:
    """Value ± error of one readout, or a dash with the number of the note that says why there is none."""
    value, error = number(land, readout.variable), number(land, f"{readout.variable}_se")
    if math.isnan(value):
        here = "At the anchor itself there is no way back to compare." if readout.variable in land else "No labels."
        reason = land.lossnav.unavailable.get(readout.variable, here)
        notes += [] if reason in notes else [reason]
        return f"— [{notes.index(reason) + 1}]"
    if readout.labels:
        return readout.labels[int(value)]
    return f"{digits(value)} ± {digits(error)}" if error > 0 else digits(value)


def number(land: xr.Dataset, variable: str) -> float:
    """A readout at the only point; NaN where it is not there."""
    return float(land[variable].item()) if variable in land else math.nan


def digits(value: float) -> str:
    """Three significant digits, and no minus before zero."""
    return f"{value + 0.0:.3g}".replace("inf", "∞")


def references(name: str, problem: Problem) -> Iterator[tuple[str, float, str] | tuple[str, float, str, float]]:
    """(variable, number, source), and its standard error where it has one, of what is known of a sample from elsewhere."""
    if problem.parameter_count <= SMALL:
        yield from ((variable, value, "Dense") for variable, value in dense(problem).items())
    else:
        quadrature = spectrum(problem, method="slq", steps=STEPS, probes=PROBES, seed=1, top=1, device="cpu")
        yield "viscosity", quadrature.top[0], f"Quadrature, residual {quadrature.residuals[0]:.0e}"
        yield "viscosity_lambda_min", quadrature.bottom[0], f"Quadrature, residual {quadrature.bottom_residuals[0]:.0e}"
        yield "viscosity_trace", quadrature.trace, f"Quadrature, ± {digits(quadrature.trace_se)}", quadrature.trace_se
    if problem.law is None:
        return
    entropy = data_entropy(problem)
    if name == "gaussians-mlp":
        divergence = gaussians_mlp.divergence(problem.model, problem.args[0])
    elif name == "markov-gpt":
        divergence = markov_gpt.divergence(problem.model, problem.args[0])
        entropy = markov_gpt.source().window_entropy(markov_gpt.LENGTH)
    else:
        divergence = 0.5 * (problem.model(problem.args[0]) - problem.law).square().mean().item()
    yield "density", divergence, "Law"
    yield "perplexity", math.exp(entropy + divergence), "Law, exp(entropy + D_KL)"
    if name == "linear-regression":
        n, p = linear_regression.EXAMPLES, linear_regression.INPUTS
        yield "viscosity", (1 + math.sqrt(p / n)) ** 2, "Marchenko–Pastur"
        yield "viscosity_lambda_min", (1 - math.sqrt(p / n)) ** 2, "Marchenko–Pastur"
        yield "viscosity_trace", float(p), "Marchenko–Pastur"
        yield "coupling_offdiagonal", (p - 1) / (p + 1 + n), "Wishart"


def dense(problem: Problem) -> dict[str, float]:
    """The readouts of the whole matrix."""
    matrix = dense_matrix(operator := curvature(problem, device="cpu", dtype=torch.float64))
    both, values = exact_coupling(matrix, layers_of(operator.layout)), torch.linalg.eigvalsh(matrix)
    low, high, zero = float(values[0]), float(values[-1]), 1e-13 * float(values.abs().max())
    flat, down = (values.abs() <= PRESETS[EFFORT].flatness * abs(high)).double(), (values < -zero).double()
    numbers = (high, low, float(values.sum()), abs(low / high), float(flat.mean()), float(down.mean()))
    names = ("", "_lambda_min", "_trace", "_convexity", "_flat_share", "_index")
    shares = {"coupling_offdiagonal": both.offdiagonal.value, "coupling_interlayer": both.interlayer.value}
    return shares | {f"viscosity{name}": value for name, value in zip(names, numbers, strict=True)}


def compared(land: xr.Dataset, variable: str, truth: float, source: str, spread: float = 0.0) -> list[str]:
    """A row of the second table, less the sample's name; `spread` is the reference's own standard error."""
    readout = next(r for r in READOUTS if r.variable == variable)
    value, error = number(land, variable), number(land, f"{variable}_se")
    apart = f"{100 * (value - truth) / abs(truth):+.2g} %" if truth else "—"
    errors = (
        f"{(value - truth) / math.hypot(error, spread):+.1f}" if error > 0 and readout.error == "standard error" else ""
    )
    return [readout.label, digits(value), digits(truth), apart, errors, source]


def table(head: list[str], rows: list[list[str]]) -> str:
    """Markdown."""
    lines = [[each.replace("|", "\\|") for each in row] for row in (head, ["---"] * len(head), *rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def page() -> str:
    """The whole of docs/readouts.md."""
    measurements, notes = {name: (problem := load_problem(name), measured(problem)) for name in NAMES}, list[str]()
    sizes = {"Parameters": "parameter_count", "Examples": "example_count", "Predictions": "prediction_count"}
    rows = [[label, *(f"{getattr(p, size):,}" for p, _ in measurements.values())] for label, size in sizes.items()]
    told = {name for _, land in measurements.values() for name in (*land.data_vars, *land.lossnav.unavailable)}
    for r in (r for r in READOUTS if r.variable in told):  # no sample has a second data set, or weight decay
        label = f"{r.label}{'' if r.error == 'standard error' else ' †'} (`{r.variable}`)"
        rows.append([label, *(cell(land, r, notes) for _, land in measurements.values())])
    settings = ", ".join(f"{k} {'all' if v is None else v}" for k, v in SETTINGS.as_json().items())
    text = HEAD.format(effort=EFFORT, settings=settings) + table(["Readout", *NAMES], rows) + "\n"
    text += "".join(f"{k}. {note}\n" for k, note in enumerate(notes, 1)) + REFERENCES.format(steps=STEPS, probes=PROBES)
    checks = [[k, *compared(land, *each)] for k, (p, land) in measurements.items() for each in references(k, p)]
    return text + table(["Sample", "Readout", "Measured", "Reference", "Deviation", "In errors", "Source"], checks)


if __name__ == "__main__":
    torch.set_num_threads(1)  # sums in one order, so that every run writes the same page
    kept = TARGET.read_text("utf-8").partition("<!-- places:")  # the last part has a command of its own
    TARGET.write_text(page() + "".join(kept[1:]), "utf-8")

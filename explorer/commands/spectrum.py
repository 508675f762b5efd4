"""`lossnav spectrum`: eigenvalues of a curvature matrix at one place, or along the training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import torch
import typer
from lossnav.core import InputError, Problem, Spectrum
from lossnav.core.cluster import share_threads
from lossnav.core.network import dtype_of
from lossnav.core.spectrum import CHECKPOINTS, PROBES, STEPS, TOP, SpectraElsewhere, spectra_along
from rich.console import Console
from rich.table import Table

from ..request.survey import SurveyRequest
from . import options
from .cluster_options import ClusterOption, WorkersOption, spectra_elsewhere
from .options import At, Checkpoint, Device, Of, Seed, Target
from .plane_options import with_plane
from .problem_options import Dtype, ProblemChoice, with_problem

CRITICAL = "Instead: 2 over the largest step down the gradient before the loss rises, from forward passes alone."
ALONG = f"At N checkpoints of the training path, first and last among them; without N, {CHECKPOINTS}."


@with_plane(what="The plane of --at")
@with_problem
def spectrum_command(
    *,
    target: Target,
    count: Annotated[int | None, typer.Argument(metavar="N", help="With --along: how many checkpoints.")] = None,
    along: Annotated[bool, typer.Option("--along", help=ALONG)] = False,
    of: Of = "hessian",
    top: Annotated[
        int | None, typer.Option(help=f"Largest eigenvalues, each to a stated residual: 15, or {TOP} along.")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(help=f"Lanczos steps of the quadrature, where it is not exact: 80, or {STEPS} along."),
    ] = None,
    probes: Annotated[int | None, typer.Option(help=f"Probes of the quadrature: 10, or {PROBES} along.")] = None,
    method: Annotated[
        str,
        typer.Option(help="exact, the whole matrix; slq, by quadrature; auto, exact up to 5,000 parameters."),
    ] = "auto",
    seed: Seed = 0,
    checkpoint: Checkpoint = None,
    at: At = None,
    plane: SurveyRequest,
    device: Device = "auto",
    dtype: Dtype = None,
    choice: ProblemChoice,
    critical: Annotated[bool, typer.Option("--critical", help=CRITICAL)] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Also write it to this file, as JSON; along, after every checkpoint."),
    ] = None,
    workers: WorkersOption = None,
    cluster: ClusterOption = None,
) -> None:
    """Eigenvalues of the curvature: density, largest and smallest, trace."""
    from lossnav.core import spectrum
    from lossnav.core.problem import problem_digest
    from lossnav.core.spectrum import write_spectrum

    if count is not None and not along:
        raise InputError(f"A number of checkpoints ({count}) goes with --along: leave it out, or add --along.")
    if along and critical:
        raise InputError("--critical is at one place: leave out --along.")
    if along and (checkpoint is not None or at is not None):
        raise InputError("--along is the whole training path: leave out --checkpoint and --at.")
    if method != "auto" and (along or critical):
        raise InputError("--method is of the eigenvalues at one place: leave it out with --along and --critical.")
    if not along and (workers is not None or cluster is not None):
        raise InputError("--workers and --cluster go with --along, a checkpoint for each: leave them out.")
    if workers is not None or cluster is not None:
        share_threads(workers)
    problem, numbers = choice.problem(), dtype_of(dtype)
    if along:
        with spectra_elsewhere(workers, cluster, choice.recipe, problem) as others:
            asked = CHECKPOINTS if count is None else count
            _along(problem, of, asked, top, steps, probes, seed, device, numbers, out, others)
        return
    whose = {} if checkpoint is not None or at is not None else {"problem": problem_digest(problem)}
    problem, point = options.place(problem, checkpoint, at, plane)
    if critical:
        _critical(problem, point, device, numbers, out)
        return
    counts = (_or(top, 15), _or(steps, 80), _or(probes, 10))
    result = spectrum(problem, point, of, *counts, seed, method, device=device, dtype=numbers)
    if out is not None:
        layers = len({name.rpartition(".")[0] for name in problem.parameters})  # the modules that own tensors
        about = {"name": problem.name, "examples": problem.example_count, "layers": layers, **whose}
        write_spectrum(result, out, about)
    Console().print(spectrum_table(result))


def _critical(
    problem: Problem, point: Mapping[str, torch.Tensor] | None, device: str, dtype: torch.dtype | None, out: Path | None
) -> None:
    from lossnav.core import critical_sharpness
    from lossnav.core.sealed import write_json

    critical = critical_sharpness(problem, point, device=device, dtype=dtype)
    if out is not None:
        stored = {
            "name": problem.name,
            **asdict(critical),
            "bracket": [*map(_finite, critical.bracket)],
            "step": _finite(critical.step),
        }
        write_json(out, stored)
    table = Table("", "", show_header=False)
    table.add_row("critical sharpness", f"{critical.sharpness:.3g}")
    table.add_row("largest step down the gradient", f"{critical.step:.3g}")
    table.add_row("loss", f"{critical.loss:.4g}")
    table.add_row("passes over the data", str(critical.passes))
    Console().print(table)


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _along(
    problem: Problem,
    of: str,
    count: int,
    top: int | None,
    steps: int | None,
    probes: int | None,
    seed: int,
    device: str,
    dtype: torch.dtype | None,
    out: Path | None,
    elsewhere: SpectraElsewhere | None,
) -> None:
    table = Table("step", "λₘₐₓ", "λₘᵢₙ", "trace", "outliers", box=None, header_style="bold")
    with options.progress() as bar:
        task = bar.add_task(f"{problem.name}, along the training", total=None)
        counts = (_or(top, TOP), _or(steps, STEPS), _or(probes, PROBES))
        for along in spectra_along(problem, of, count, *counts, seed, device, out, dtype, elsewhere):
            bar.update(task, completed=len(along.spectra), total=len(along.checkpoints))
    for step, each in zip(along.steps, along.spectra, strict=True):
        trace = f"{each.trace:.4g} ± {each.trace_reach:.2g}"
        table.add_row(str(step), f"{each.top[0]:.6g}", f"{each.bottom[0]:.6g}", trace, str(each.outliers))
    table.caption = f"{along.about['how']}; ± is a 95 % interval by Student's t over the probes"
    Console().print(table)


def _or(given: int | None, default: int) -> int:
    return default if given is None else given


def spectrum_table(result: Spectrum) -> Table:
    """The outermost eigenvalues as a table for the terminal."""
    table = Table("eigenvalue", "residual", box=None, header_style="bold", title=f"{result.of}, {result.method}")
    for value, residual in zip(
        [*result.top, *result.bottom], [*result.residuals, *result.bottom_residuals], strict=True
    ):
        table.add_row(f"{value:.6g}", f"{residual:.1e}")
    table.caption = (
        f"trace {result.trace:.4g} ± {result.trace_reach:.2g} (95 %); {result.outliers} above the largest gap"
    )
    return table

"""`lossnav coupling`: what the off-diagonal curvature does at one place, to the eigenvalues and between the layers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import torch
import typer
import xarray as xr
from lossnav.core import InputError, Problem, coupling_matrix
from lossnav.core.checks import known
from lossnav.core.network import dtype_of
from lossnav.core.spectrum import GAMMAS, MOST_DIAGONALISED_IN_SWEEP, StoredCoupling, coupling_sweep, write_coupling
from rich.console import Console
from rich.table import Table

from ..request.survey import SurveyRequest
from ..summaries.coupling import coupling_sentence, how_sentence, strongest_pairs
from . import options
from .options import At, Checkpoint, Device, Of, Seed, Target
from .plane_options import with_plane
from .problem_options import Dtype, ProblemChoice, with_problem

PARTS = ("both", "sweep", "matrix")
# Where each γ needs its own Lanczos run, five of them show the curve.
FEW_GAMMAS = (0.0, 0.25, 0.5, 0.75, 1.0)
ENDS = 3
DIAGONAL_PROBES = 64
MATRIX_PROBES = 8


@with_plane(what="The plane of --at")
@with_problem
def coupling_command(
    *,
    target: Target,
    of: Of = "hessian",
    part: Annotated[str, typer.Option(help="sweep (λ against γ), matrix (layer by layer) or both.")] = "both",
    probes: Annotated[
        int | None,
        typer.Option(
            help=f"Probes where it is not exact: for the diagonal, {DIAGONAL_PROBES}; "
            f"for each layer of the matrix, {MATRIX_PROBES}."
        ),
    ] = None,
    seed: Seed = 0,
    checkpoint: Checkpoint = None,
    at: At = None,
    plane: SurveyRequest,
    device: Device = "auto",
    dtype: Dtype = None,
    choice: ProblemChoice,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also write it to this file, as JSON.")] = None,
) -> None:
    """Coupling: eigenvalues as it is switched on, and how strongly each pair of layers is tied."""
    known(part, PARTS, "part")
    if probes is not None and probes < 2:
        raise InputError(f"--probes should be 2 or more for a standard error, but is {probes}.")
    problem, numbers = choice.problem(), dtype_of(dtype)
    problem, point = options.place(problem, checkpoint, at, plane)
    sweep = _sweep(problem, point, of, probes, seed, device, numbers) if part != "matrix" else None
    matrix = None
    if part != "sweep":
        matrix = coupling_matrix(problem, point, of, probes or MATRIX_PROBES, seed, device, numbers)
    if out is not None:
        write_coupling(
            StoredCoupling(sweep, matrix, {"name": problem.name, "parameters": problem.parameter_count}), out
        )
    terminal = Console(soft_wrap=True, highlight=False)
    if sweep is not None:
        terminal.print(sweep_table(sweep))
        terminal.print(f"{coupling_sentence(sweep)} {how_sentence(sweep)}")
    if matrix is not None:
        terminal.print(matrix_table(matrix))


def _sweep(
    problem: Problem, point: Any, of: str, probes: int | None, seed: int, device: str, dtype: torch.dtype | None
) -> xr.DataArray:
    size = problem.parameter_count
    gammas = GAMMAS if size <= MOST_DIAGONALISED_IN_SWEEP else FEW_GAMMAS
    return coupling_sweep(problem, point, gammas, of, ENDS, probes or DIAGONAL_PROBES, seed, device, dtype)


def sweep_table(sweep: xr.DataArray) -> Table:
    """λₘₐₓ and λₘᵢₙ against γ, for the terminal."""
    table = Table("γ", "λₘₐₓ", "λₘᵢₙ", box=None, header_style="bold")
    for gamma, row in zip(sweep["gamma"].values, sweep.values, strict=True):
        table.add_row(f"{gamma:.3g}", f"{row[0]:.6g}", f"{row[-1]:.6g}")
    return table


def matrix_table(matrix: xr.DataArray) -> Table:
    """The ten most strongly tied pairs of layers, for the terminal."""
    table = Table("layer", "other", "coupling", "± 95 %", box=None, header_style="bold")
    for layer, other, value, error in strongest_pairs(matrix, 10):
        table.add_row(layer, other, f"{value:.3g}", f"{error:.1g}")
    return table

"""`lossnav claims`: the vocabulary's claims, what came of them, and how to put them to the test."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from lossnav.core import InputError
from rich.console import Console
from rich.table import Table

from .claim_labels import labels_command
from .claim_looks import look_command, recheck_command, twins_command
from .claim_options import check_json, networks_bar
from .claim_robustness import robustness_command
from .cluster_options import ClusterOption, WorkersOption
from .options import console, folder_for, progress

if TYPE_CHECKING:
    from lossnav.core.claims import Result

    from ..request.claim import ClaimRequest

claims_app = typer.Typer(help="Put the vocabulary's claims to the test.", invoke_without_command=True)
claims_app.command(name="look")(look_command)
claims_app.command(name="twins")(twins_command)
claims_app.command(name="recheck")(recheck_command)
claims_app.command(name="robustness")(robustness_command)
claims_app.command(name="labels")(labels_command)
Name = Annotated[str, typer.Argument(help="A claim; `lossnav claims` lists them.")]
Quick = Annotated[bool, typer.Option("--quick", help="A smaller run for a look; never confirmatory.")]
Base = Annotated[int | None, typer.Option("--seed-base", help="Network k has this seed + k.")]
Networks = Annotated[int | None, typer.Option(help="Networks of each contrast, or of the one population.")]
Data = Annotated[
    str | None,
    typer.Option(help="digits, mixture, or a problem's file (.py) with ten classes; without it, as registered."),
]


@claims_app.callback()
def list_command(context: typer.Context) -> None:
    """List the claims: hypothesis, status, verdict."""
    if context.invoked_subcommand is not None:
        return
    from lossnav.core.claims import CLAIMS

    from ..summaries.claim_results import best_result

    table = Table("claim", "hypothesis", "status", "verdict", box=None, header_style="bold", pad_edge=False)
    for claim in CLAIMS:
        found = best_result(claim.name)
        status, verdict = ("not run", "") if found is None else (found.status, found.verdict.verdict)
        table.add_row(claim.name, f"{claim.title}.", status, verdict)
    Console().print(table)


@claims_app.command(name="run")
def run_command(
    name: Name,
    quick: Quick = False,
    seed_base: Base = None,
    networks: Networks = None,
    data: Data = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also write the result to this file (.json).")] = None,
    workers: WorkersOption = None,
    cluster: ClusterOption = None,
) -> None:
    """Train what is missing, analyse, decide. A run that was stopped goes on with the networks that it has."""
    from lossnav.core.claims import claim_of, run, train_on_workers, write_result
    from lossnav.core.cluster import connected

    from ..request.claim import ClaimRequest, populations_folder

    request = ClaimRequest(name, quick, seed_base, networks, data)
    claim, plan = claim_of(name), request.plan
    check_json(out, request.path)
    with networks_bar("Training") as tell:
        if workers is not None or cluster is not None:
            with connected(workers, cluster) as client:
                train_on_workers(claim, plan, populations_folder(), client, tell, request.source)
        result = run(claim, plan, populations_folder(), tell)
    write_result(result, request.path)
    if out is not None and out != request.path:
        write_result(result, out)
    for line in said(result):
        Console(soft_wrap=True, highlight=False).print(line, markup=False)


def said(result: Result) -> list[str]:
    """The verdict with its rule, in lines."""
    from lossnav.core.claims import claim_of

    controls = [
        f"  {'passed' if each.passed else 'FAILED'}  {each.name}: {each.said}" for each in result.verdict.controls
    ]
    return [
        f"{claim_of(result.claim).title}: {result.verdict.verdict} ({result.status}).",
        result.verdict.sentence,
        "Controls:",
        *controls,
        f"Rule: {result.rule}",
    ]


@claims_app.command(name="export")
def export_command(
    name: Name,
    out: Annotated[Path, typer.Option("--out", "-o", help="A folder for the CSV and npz files.")],
    quick: Quick = False,
    seed_base: Base = None,
    networks: Networks = None,
    data: Data = None,
) -> None:
    """Write every number of every network, the recipes and the versions."""
    from lossnav.core.claims import claim_of, damage_is_said, export

    from ..request.claim import ClaimRequest, populations_folder

    request = ClaimRequest(name, quick, seed_base, networks, data)
    with damage_is_said(populations_folder()), progress() as bar:
        task = bar.add_task("Training", total=None)
        files = export(
            claim_of(name),
            request.plan,
            populations_folder(),
            folder_for(out),
            lambda what, done, total: bar.update(task, description=what, completed=done, total=total),
        )
    console.print(f"{len(files)} files in {out}")


@claims_app.command(name="figure")
def figure_command(
    name: Name,
    output: Annotated[Path, typer.Option("--output", "-o", help="The figure: .pdf, .svg or .png.")],
    quick: Quick = False,
    seed_base: Base = None,
    networks: Networks = None,
    data: Data = None,
) -> None:
    """Draw a result for a paper."""
    from ..figures.paper.claim import draw_claim
    from ..figures.paper.save import save
    from ..request.claim import ClaimRequest

    found = _there(ClaimRequest(name, quick, seed_base, networks, data))
    save(draw_claim(found), folder_for(output), f"{found.verdict.verdict} ({found.status}). {found.verdict.sentence}")
    console.print(f"Figure in {output}")


def _there(request: ClaimRequest) -> Result:
    """The result of a run; of the registered one, that which came with the package where there is no other."""
    from lossnav.core.claims import claim_of, read_result, shipped

    if request.path.exists():
        return read_result(request.path)
    claim = claim_of(request.name)
    result = shipped(claim) if request.plan == claim.full else None
    if result is None:
        raise InputError(f"This was not run yet: run `{shlex.join(['lossnav', *request.arguments])}` first.")
    return result

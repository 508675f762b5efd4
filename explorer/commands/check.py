"""`lossnav check`: what was understood of a problem, what was tested, and what cannot be had and why."""

from __future__ import annotations

from lossnav.core import Finding, check
from rich.console import Console
from rich.table import Table

from .options import Target
from .problem_options import ProblemChoice, with_problem


@with_problem
def check_command(*, target: Target, choice: ProblemChoice) -> None:
    """Test a network of your own before a survey: a few passes, and a short table."""
    Console(highlight=False).print(check_table(check(choice.problem())))


def check_table(findings: list[Finding]) -> Table:
    """The findings by their kinds, for the terminal; what should be read first is marked."""
    table = Table("", "", "", box=None, show_header=False, padding=(0, 1))
    last = ""
    for line in findings:
        table.add_row(line.kind if line.kind != last else "", f"{'! ' if line.alarms else ''}{line.what}", line.says)
        last = line.kind
    return table

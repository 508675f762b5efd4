"""Every command that writes where --out says takes -o for it, as figure and publish do for --output."""

from __future__ import annotations

import click
import typer.main
from lossnav.explorer.cli import app


def _commands(group: click.Command) -> list[click.Command]:
    below = getattr(group, "commands", {}).values()
    return [group, *(each for one in below for each in _commands(one))]


def test_out_is_also_o() -> None:
    options = [p for each in _commands(typer.main.get_command(app)) for p in each.params if "--out" in p.opts]
    assert len(options) > 10
    assert [p.opts for p in options if "-o" not in p.opts] == []

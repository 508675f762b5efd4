"""`lossnav order`: whether a network's losses know when each example was last seen in training."""

from __future__ import annotations

import io
import os
import select
from pathlib import Path
from tokenize import TokenError
from typing import Annotated

import numpy as np
import typer
from lossnav.core import InputError, MemorisedOrder, memorised_order
from lossnav.core.checks import first_line
from lossnav.core.density import steps_of
from lossnav.core.problem import at_checkpoint
from rich.console import Console

from ..figures.shared.scales import format_value
from .options import Checkpoint, Device, Target
from .problem_options import ProblemChoice, with_problem

PATIENCE = 10.0  # seconds until something is written into a pipe
UNREADABLE = (OSError, ValueError, TypeError, EOFError, SyntaxError, TokenError, MemoryError)  # numpy parses a header


@with_problem
def order_command(
    *,
    target: Target,
    seen: Annotated[
        Path,
        typer.Option(
            help="The step at which each example was last seen, in the data's order: .npy, or a text of numbers."
        ),
    ],
    reference: Annotated[
        int | None,
        typer.Option(help="A checkpoint that does not know the order, such as 0: its losses are subtracted first."),
    ] = None,
    draws: Annotated[int, typer.Option(help="Orders at random behind the p-value.")] = 9999,
    seed: Annotated[int, typer.Option(help="Seed of these orders.")] = 0,
    checkpoint: Checkpoint = None,
    device: Device = "auto",
    choice: ProblemChoice,
) -> None:
    """Test whether examples that were seen last have the least loss: the order of training, read from the network alone."""
    steps = steps_in(seen)
    problem = choice.problem()
    other = None if reference is None else at_checkpoint(problem, reference, own_statistics=True).parameters
    if checkpoint is not None:
        problem = at_checkpoint(problem, checkpoint, own_statistics=True)
    found = memorised_order(problem, steps, reference=other, draws=draws, seed=seed, device=device)
    Console(soft_wrap=True, highlight=False).print(f"{problem.name}: {sentence(found)}", markup=False)


def steps_in(path: Path) -> np.ndarray:
    """The numbers of a file, as they follow one another.

    Raises
    ------
    InputError  there is no such file, or it does not hold numbers
    """
    try:
        if path.is_dir() or not path.exists():
            raise InputError(f"There is no file '{path}': give the steps as .npy or as a text of numbers.")
        if path.suffix.lower() == ".npy":
            # mapped, so that a header that promises more than the file holds takes no memory
            source = path if path.is_file() else io.BytesIO(_content(path))
            return steps_of(np.load(source, mmap_mode="r" if path.is_file() else None, allow_pickle=False))
        return np.array(_content(path).decode("utf-8-sig").replace(",", " ").split(), dtype=float)
    except InputError:
        raise
    except UNREADABLE as error:
        raise InputError(
            f"'{path.name}' should hold numbers, as .npy or as text, but does not: {first_line(error)}."
        ) from error


def _content(path: Path) -> bytes:
    """All that is in a file; of a pipe, all that is written into it, if it is begun within PATIENCE.

    Raises
    ------
    InputError  a pipe that nothing is written into
    """
    if not path.is_fifo():
        return path.read_bytes()
    pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # which does not wait for somebody to write
    with open(pipe, "rb", closefd=True) as opened:
        begun, _, _ = select.select([pipe], [], [], PATIENCE)
        os.set_blocking(pipe, True)
        content = opened.read() if begun else b""
    if not content:
        raise InputError(
            f"'{path}' is a pipe into which nothing is written: give a file, or what a command writes, <(command)."
        )
    return content


def sentence(order: MemorisedOrder) -> str:
    """The result in a sentence.

    >>> sentence(MemorisedOrder(-0.21, 0.0004, 1400, 9999, False))
    'Spearman correlation of loss with the step last seen −0.21 over 1,400 examples, p = 4×10⁻⁴ by 9,999 orders at random: \
examples seen later have the smaller loss.'
    """
    verdict = "examples seen later have the smaller loss" if order.p_value <= 0.05 else "no mark of the order was found"
    beyond = ", beyond the reference's" if order.referred else ""
    return (
        f"Spearman correlation of loss{beyond} with the step last seen {format_value(order.correlation, 2)} over "
        f"{order.examples:,} examples, p = {format_value(order.p_value, 2)} by {order.draws:,} orders at random: {verdict}."
    )

"""`lossnav new`: a file that gives a problem, to begin one's own from; it runs as it stands."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from lossnav.core import InputError

from .options import console, folder_for

TEMPLATE = '''"""A problem for lossnav: a network, its data, its loss and, if there are any, its checkpoints."""

import torch
from lossnav.core import Problem, Trajectory
from sklearn.datasets import load_digits
from torch import nn


def problem():
    torch.manual_seed(0)  # the same network each time that this file is read
    digits = load_digits()  # yours: your training data, a DataLoader or Dataset serves as well
    inputs, targets = torch.tensor(digits.data[:700] / 16).float(), torch.tensor(digits.target[:700])
    test = inputs[500:], targets[500:]  # yours: any form that the training data may have, or leave it out
    inputs, targets = inputs[:500], targets[:500]
    model = nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 10))  # yours: load_weights(Network(), "weights.pt")

    # Training, so that this file runs as it stands; yours is done: Trajectory.from_files([…]), or leave it out.
    optimizer, checkpoints = torch.optim.Adam(model.parameters(), 0.01), []
    for step in range(101):
        if step % 10 == 0:
            checkpoints.append({name: value.detach().clone() for name, value in model.named_parameters()})
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    model.load_state_dict(checkpoints[-1])  # the trained network is the last checkpoint

    def top3(outputs, targets):  # yours: sklearn's f1_score, …; further heights beside the loss, or leave them out
        return (outputs.topk(3).indices == targets[:, None]).any(1)

    # loss: "cross_entropy", "mse", … or a function of outputs and targets
    path = Trajectory(checkpoints, range(0, 101, 10))
    return Problem(model, inputs, targets, loss="cross_entropy", trajectory=path, test=test, metrics={"top3": top3})
'''


def new_command(
    file: Annotated[Path, typer.Argument(help="The Python file to write, such as mine.py.")] = Path("mine.py"),
) -> None:
    """Write a file that gives a network of your own, to begin from; it runs as it stands."""
    if file.suffix != ".py":
        raise InputError(
            f"A problem's file ends in .py, but '{file}' does not: name it {file.with_suffix('.py').name}."
        )
    try:
        with folder_for(file).open("x", encoding="utf-8") as written:
            written.write(TEMPLATE)
    except FileExistsError:
        raise InputError(f"'{file}' is there already and stays as it is: give another name.") from None
    console.print(f"Written to {file}. It runs as it stands; look at it with", markup=False, soft_wrap=True)
    console.print(f"  lossnav explore {shlex.quote(str(file))}", markup=False, highlight=False, soft_wrap=True)
    console.print("and put your own network where it says “yours”.", markup=False, soft_wrap=True)

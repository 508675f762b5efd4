"""Curvature as a curve beside the loss: measured while a network trains, on a copy, so that the training does not notice."""

from __future__ import annotations

import copy
import csv
import io
import logging
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ..checks import InputError, first_line
from ..curvature.loss_function import LossFunction
from ..machine.atomic import written_whole
from ..problem.data.signature import unwrapped
from ..problem.problem import Problem
from .along import MOST_DIAGONALISED_ALONG
from .critical_sharpness import critical_sharpness
from .eigenvalues import spectrum

EVERY, STEPS, PROBES = 100, 40, 4
COLUMNS = ("step", "loss", "lambda_max", "trace", "trace_se", "critical_sharpness", "path_length", "displacement")
Sink = Callable[[int, Mapping[str, float]], object]

log = logging.getLogger("lossnav")


class CurvatureRecorder:
    """Two lines of a training loop: make it before, call it in each step; every so many steps it measures.

    Measured, on the examples given and with the network in evaluation mode: the mean `loss`; the largest eigenvalue
    `lambda_max` of its Hessian; the `trace` with its standard error `trace_se`, 0 where the whole matrix is taken;
    `critical_sharpness`, 2 over the largest step down the gradient before the loss rises (arXiv 2601.16979), NaN where no step
    lowers it; `path_length`, the sum of the distances between measured weights, and `displacement`, the distance from the
    first of them, in parameter units. The network, its statistics, its gradients and the random state stay as they were. A
    measurement that fails after the first is left out and said in the log; the training goes on.

    Parameters
    ----------
    model            the network that is trained
    inputs, targets  a few hundred examples, always the same ones
    to               a .csv file; a TensorBoard writer (`add_scalar`); a Weights & Biases run (`log`); or a function of step and numbers
    every            steps between measurements
    resume           go on with a .csv file that is there
    words            more of `Problem`, such as loss="mse"

    Raises
    ------
    InputError  a file that is there without resume=True, or is another one; a place that takes no numbers; an impossible
                problem, at the first measurement

    >>> import torch
    >>> seen, model = [], nn.Linear(2, 1, bias=False).double()
    >>> x, y = 2**0.5 * torch.eye(2).double(), torch.zeros(2, 1).double()  # L = ‖θ‖², H = 2 I
    >>> curvature = CurvatureRecorder(model, x, y, lambda step, found: seen.append((step, found)), every=5, loss="mse")
    >>> optimizer = torch.optim.SGD(model.parameters(), 0.1)
    >>> for _ in range(6):
    ...     curvature()
    ...     optimizer.zero_grad(); nn.functional.mse_loss(model(x), y).backward(); optimizer.step()
    >>> [(step, round(found["lambda_max"], 6), round(found["trace"], 6), round(found["critical_sharpness"], 2)) for step, found in seen]
    [(0, 2.0, 4.0, 2.0), (5, 2.0, 4.0, 2.0)]
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Any,
        targets: Any,
        to: str | Path | Any,
        every: int = EVERY,
        *,
        resume: bool = False,
        device: str = "auto",
        **words: Any,
    ) -> None:
        if every < 1:
            raise InputError(f"every should be 1 or more steps, but is {every}.")
        self.model, self.every, self.device = unwrapped(model), every, device
        self._data, self._words = (inputs, targets), words
        self._sink = _sink(to, resume)
        self._next, self._measured = 0, False
        self._first: dict[str, Tensor] = {}
        self._last: dict[str, Tensor] = {}
        self._length = 0.0

    def __call__(self, step: int | None = None) -> None:
        """Say that a step is being made, before the optimiser moves the weights.

        step  its number; None: one more than at the last call
        """
        here = self._next if step is None else step
        self._next = here + 1
        if here % self.every == 0:
            self._measure(here)

    def _measure(self, step: int) -> None:
        try:
            found = self._found()
            self._sink(step, found)
        except Exception as error:  # of the network, of a full disk, of somebody's server
            if not self._measured:
                raise
            log.warning("Curvature at step %d is left out (%s); the training goes on.", step, first_line(error))
        self._measured = True

    def _found(self) -> dict[str, float]:
        problem = Problem(copy.deepcopy(self.model).eval(), *self._data, **self._words)
        method = "exact" if problem.parameter_count <= MOST_DIAGONALISED_ALONG else "slq"
        every = spectrum(problem, top=1, steps=STEPS, probes=PROBES, method=method, device=self.device)
        critical, loss = self._critical(problem)
        self._walk(problem.parameters)
        values = (loss, float(every.top[0]), every.trace, every.trace_se, critical, self._length)
        return dict(zip(COLUMNS[1:], (*values, _distance(self._first, self._last)), strict=True))

    def _critical(self, problem: Problem) -> tuple[float, float]:
        """Critical sharpness, and the loss that it begins from."""
        try:
            critical = critical_sharpness(problem, device=self.device)
        except InputError:  # no step lowers the loss by more than its rounding
            return math.nan, _loss(problem, self.device)
        return critical.sharpness, critical.loss

    def _walk(self, here: Mapping[str, Tensor]) -> None:
        place = {name: value.detach().clone() for name, value in here.items()}
        self._first = self._first or place
        self._length += _distance(self._last or place, place)
        self._last = place


def _loss(problem: Problem, device: str) -> float:
    function = LossFunction(problem, device=device).calibrate()
    return function.loss(function.point)


def _distance(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    return math.sqrt(sum(float((a[name].double() - b[name].double()).square().sum()) for name in b))


def _sink(to: Any, resume: bool) -> Sink:
    """A function that writes a step's numbers to a table, a tracker or a person's own function."""
    if isinstance(to, (str, Path)):
        return _Table(Path(to), resume)
    if hasattr(to, "add_scalar"):
        return lambda step, numbers: [
            to.add_scalar(f"curvature/{name}", value, step) for name, value in numbers.items()
        ]
    if hasattr(to, "log"):
        return lambda step, numbers: to.log(
            {f"curvature/{name}": value for name, value in numbers.items()} | {"step": step}
        )
    if callable(to):
        return to
    raise InputError(
        f"to should be a .csv file, a TensorBoard writer, a Weights & Biases run or a function of step and numbers, but is a {type(to).__name__}."
    )


class _Table:
    """A CSV file, there whole after each step; a step that is made again takes the place of what was written from it on."""

    def __init__(self, path: Path, resume: bool) -> None:
        if path.suffix != ".csv":
            raise InputError(f"to should be a file that ends in .csv, but is '{path.name}'.")
        if path.exists() and not resume:
            raise InputError(f"'{path}' is there already: resume=True goes on with it, or give another name.")
        self.path, self.rows = path, _rows(path) if path.exists() else []

    def __call__(self, step: int, numbers: Mapping[str, float]) -> None:
        self.rows = [row for row in self.rows if int(row[0]) < step] + [[step, *numbers.values()]]
        text = io.StringIO(newline="")
        csv.writer(text).writerows([COLUMNS, *self.rows])
        self.path.parent.mkdir(parents=True, exist_ok=True)
        written_whole(self.path, lambda place: place.write_text(text.getvalue(), encoding="utf-8", newline=""))


def _rows(path: Path) -> list[list[Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = list(csv.reader(file)) or [[]]
    if tuple(head) != COLUMNS or any(len(row) != len(COLUMNS) or not row[0].isdigit() for row in rows):
        raise InputError(f"'{path}' is no table of a CurvatureRecorder: give another name.")
    return rows

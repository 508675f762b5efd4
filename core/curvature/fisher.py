"""The diagonal of the Fisher information (Kirkpatrick et al. 2017): a mean of squared per-example gradients.

Never the square of a mini-batch's mean gradient, which is another, much smaller number. The true one is an expectation over
the model's own labels. One label drawn for each example misses the rare ones that a confident network's Fisher is made of
(Kunstner, Hennig & Balles 2019 on what else is taken for it), so the expectation is carried out wherever it is a sum of no more
than MOST_EXACT_OUTPUTS terms for an example, and estimated along random signs of the same terms beyond that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..checks import InputError, known
from ..network.batch_dependence import WHY_NONE_ALONE, drawing, draws_numbers
from ..network.batching import none_alone, required_batch_size
from ..network.batchnorm import calibrate
from ..network.workspace import Batch, Workspace, choose_device
from ..problem.likelihoods.vocabulary import Headed
from ..problem.problem import Problem
from ..problem.trial import passes
from .example_gradients import chunk_rows, drawn_pieces, gradient_pieces
from .fisher_root import fisher_root
from .squared_slopes import squared_slopes

KINDS = ("true", "empirical")
MOST_EXACT_OUTPUTS = 100  # outputs of an example's predictions together, up to which the expectation is carried out
GROUPS, EACH = 8, 2  # draws beyond that: independent estimates, and draws in each

Diagonal = dict[str, Tensor]


@dataclass(frozen=True)
class FisherEstimate:
    """A Fisher diagonal, and how it is known.

    diagonal  dict name → tensor
    groups    independent estimates whose mean it is, so that what is linear in it has a standard error at
              len(groups) − 1 degrees of freedom; empty where it is exact
    draws     of each prediction's label (or signs); 0 where exact
    """

    diagonal: Diagonal
    groups: tuple[Diagonal, ...] = ()
    draws: int = 0


def fisher_diagonal(
    problem: Problem,
    at: Mapping[str, Tensor] | None = None,
    kind: str = "true",
    seed: int = 0,
    device: str | torch.device = "auto",
) -> Diagonal:
    """F_i = (1/N) Σ_n (∂ℓ_n/∂θ_i)² over the trainable parameters, dict name → tensor.

    Parameters
    ----------
    kind  "true": the expectation over the model's own labels; "empirical": the data's own labels
    at    the point; None: θ₀
    seed  of the draws, where the expectation is estimated

    The true one is exact, whatever the seed, where an example's predictions have MOST_EXACT_OUTPUTS outputs together or fewer (classes,
    real values, labels that may each be there or not): it is Σ_k (Sᵀ_k J)² over the columns of a root S of the outputs' Fisher,
    √p_k (e_k − p) for classes. With more of them (long sequences, large vocabularies) it is the mean of GROUPS × EACH draws, the
    sum over an example's columns with random signs in each, whose cross terms vanish on average: `fisher_estimate` has its
    spread. A likelihood that can only be drawn from is drawn from as often.

    Under `batchnorm="recalibrate"` the statistics are those of all the data at the point, held fixed in the gradients.
    For a language model N counts predicted tokens. With the data's labels each token is differentiated by itself.

    Raises
    ------
    InputError  "true" without a likelihood to draw labels from; an unknown kind; examples that depend on each other

    >>> from torch import nn
    >>> from ..problem.likelihoods import Gaussian
    >>> problem = Problem(nn.Linear(2, 1, bias=False), torch.eye(2), torch.zeros(2, 1), loss=Gaussian(0.5))
    >>> fisher_diagonal(problem, device="cpu")["weight"]  # (1/N) Σ x² / σ²
    tensor([[2., 2.]])
    """
    return fisher_estimate(problem, at, kind, seed, device).diagonal


def fisher_estimate(
    problem: Problem,
    at: Mapping[str, Tensor] | None = None,
    kind: str = "true",
    seed: int = 0,
    device: str | torch.device = "auto",
) -> FisherEstimate:
    """The Fisher diagonal with what it rests on; parameters and errors as in `fisher_diagonal`.

    >>> from torch import nn
    >>> problem = Problem(nn.Linear(2, 3), torch.eye(2).repeat(4, 1), torch.arange(8) % 3)
    >>> fisher_estimate(problem).draws  # three classes: exact
    0
    """
    known(kind, KINDS, "kind of Fisher")
    problem = problem.stated if kind == "true" else problem
    if kind == "true" and not problem.likelihood.is_likelihood:
        raise InputError(
            f"The true Fisher draws labels from the model's likelihood, but the loss '{problem.likelihood.name}' states "
            "none: use Gaussian(sigma), or kind='empirical'."
        )
    where = choose_device(device)
    if none_alone(problem):
        raise InputError(WHY_NONE_ALONE)
    size = required_batch_size(problem, where) if draws_numbers(problem) else None
    workspace = Workspace(problem, where, None, size or chunk_rows(problem.parameter_count))
    flat = workspace.origin if at is None else workspace.layout.flatten(at, where, workspace.dtype)
    point = workspace.layout.views(flat)
    calibrate(workspace, flat)
    generator = torch.Generator().manual_seed(seed)  # on the CPU, so that one seed means one F* on every device
    totals = _Totals(point)
    for batch in workspace.batches:
        if kind == "empirical":
            totals.add(_data_squares(workspace, point, batch))
        else:
            totals.add_true(workspace, batch, generator)
    return totals.means(workspace.prediction_count)


class _Totals:
    """Sums of squared gradients over batches, of all draws of a group together."""

    def __init__(self, point: Diagonal) -> None:
        self._point, self._groups = point, [{k: torch.zeros_like(v) for k, v in point.items()}]
        self._draws = 0

    def add(self, squares: Diagonal, group: int = 0) -> None:
        for name, each in squares.items():
            self._groups[group][name] += each

    def add_true(self, workspace: Workspace, batch: Batch, generator: torch.Generator) -> None:
        """The expectation of a batch, exactly or by draws: the same for all batches of a problem."""
        outputs, rows = _outputs(workspace, self._point, batch)
        examples = len(batch.shaped_targets)
        if isinstance(rows, Headed):  # a vocabulary in chunks, whose Fisher has no root of its own: by drawn labels
            root, count, shown = None, 0, batch.shaped_targets
        else:
            root, count = fisher_root(workspace.problem.likelihood, rows), rows.numel() // examples
            shown = _predicted(workspace, batch, rows)
        if root is not None and count <= MOST_EXACT_OUTPUTS:
            columns = [root(unit * shown) for unit in _units(rows, examples, count)]
            along = torch.stack([c.to(rows).unflatten(0, (examples, -1)) for c in columns], 1)
            self.add(squared_slopes(workspace, self._point, batch, along))
            return
        self._begin_groups()
        for group in range(GROUPS):
            for _ in range(EACH):
                if root is None:
                    drawn = workspace.problem.likelihood.sample(outputs, batch.shaped_targets, generator)
                    targets = drawn.detach().clone()  # no tensor of inference mode, which autograd could not keep
                    squares = _summed_squares(workspace, self._point, batch, targets, "negative_log_likelihoods", None)
                else:
                    along = root(_signs(rows, generator) * shown).to(rows).unflatten(0, (examples, 1, -1))
                    squares = squared_slopes(workspace, self._point, batch, along)
                self.add(squares, group)

    def means(self, predictions: int) -> FisherEstimate:
        """Per prediction."""
        each = predictions * (EACH if self._draws else 1)
        groups = tuple({k: v / each for k, v in group.items()} for group in self._groups)
        mean = {k: torch.stack([group[k] for group in groups]).mean(0) for k in groups[0]}
        return FisherEstimate(mean, groups, self._draws) if self._draws else FisherEstimate(groups[0])

    def _begin_groups(self) -> None:
        if not self._draws:
            more = [{k: torch.zeros_like(v) for k, v in self._point.items()} for _ in range(GROUPS - 1)]
            self._groups, self._draws = [*self._groups, *more], GROUPS * EACH


def _outputs(workspace: Workspace, point: Diagonal, batch: Batch) -> tuple[Any, Any]:
    """The network's outputs, and their rows."""
    with passes(workspace.problem.differentiates), drawing(workspace.problem, batch, workspace.device):
        outputs = workspace.outputs_at(point, batch.args, batch.kwargs)
    with passes(workspace.problem.differentiates):
        rows = workspace.problem.likelihood.flatten(outputs, batch.shaped_targets)[0]
        return outputs, rows if isinstance(rows, Headed) else rows.detach().clone()


def _predicted(workspace: Workspace, batch: Batch, rows: Tensor) -> Tensor:
    """1 for rows that are predicted, 0 for others, in a shape to multiply rows with."""
    likelihood = workspace.problem.likelihood
    found = likelihood.predicted(likelihood.target_rows(batch.shaped_targets))
    shown = torch.ones(len(rows), device=rows.device) if found is None else found.to(rows.device)
    return shown.double().reshape(-1, *[1] * (rows.ndim - 1))


def _units(rows: Tensor, examples: int, count: int) -> list[Tensor]:
    """One for each of an example's `count` outputs: 1 there in every example, 0 elsewhere."""
    units = torch.eye(count, dtype=torch.float64, device=rows.device)
    return [unit.expand(examples, -1).reshape(rows.shape) for unit in units]


def _signs(rows: Tensor, generator: torch.Generator) -> Tensor:
    drawn = torch.randint(0, 2, rows.shape, generator=generator)
    return (2 * drawn - 1).to(rows.device, torch.float64)


def _data_squares(workspace: Workspace, point: Diagonal, batch: Batch) -> Diagonal:
    """With the data's own labels; the cross terms between an example's predictions do not vanish, so each is taken by itself."""
    targets = batch.shaped_targets
    each = workspace.problem.likelihood.target_rows(targets[:1]).shape[0]
    total: Diagonal = {}
    for only in range(each) if each > 1 else [None]:
        for k, squares in _summed_squares(workspace, point, batch, targets, "losses", only).items():
            total[k] = total.get(k, torch.zeros_like(squares)) + squares
    return total


def _summed_squares(
    workspace: Workspace, point: dict[str, Tensor], batch: Batch, targets: Tensor, of: str, only: int | None
) -> dict[str, Tensor]:
    total = {k: torch.zeros_like(v) for k, v in point.items()}
    if draws_numbers(workspace.problem):
        pieces = iter([drawn_pieces(workspace, point, batch, targets, False, of, only)])
    else:
        pieces = gradient_pieces(workspace, point, batch.args, batch.kwargs, targets, False, of, only)
    for piece in pieces:
        for k, gradients in piece.items():
            total[k] += gradients.square().sum(0)
    return total

"""A problem: a network, the data and loss that make its landscape, and what is known of its history."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ..checks import InputError, known
from . import number_types
from .adapted import Adapted, without_fixed
from .arguments import (
    arranged,
    check_rows,
    check_weights,
    checked_anchor,
    checked_batches,
    checked_decay,
    checked_draws,
    checked_entropy,
    checked_law,
    checked_report,
    fitted_trajectory,
)
from .broadcast import broadcast_note
from .data import Brought, brought
from .from_loss import from_loss
from .function_identity import function_identity
from .language import SAID as SHIFTED
from .language import shifted
from .likelihoods.of_network import NetworkLoss
from .likelihoods.protocol import Likelihood, PerExampleLoss
from .masked_targets import check_targets, require_left_out
from .metrics import Metric, checked_metrics, metric_notes
from .notes import parameter_notes
from .outputs import Output, Reader
from .parts import PRODUCTS, of_examples, over
from .quantities import Quantities
from .resolve import resolve
from .second_data import on_second, taken_apart, with_second
from .selection import Selection, by_name, selected
from .shared_memory import check_memory
from .stated import SAID as STATED
from .stated import likelihood_alone, stated_likelihood
from .trajectory import Anchor, Trajectory
from .transformers_models import language
from .trial import NetworkTrial, tried_as, tried_on_enough
from .working_copy import working_copy
from .wrappers import unwrapped

BATCHNORM_MODES = ("eval", "recalibrate")


class Problem(Quantities):
    """A trained network with the data and loss whose landscape is asked for.

    The model is never written to: everything that computes works on a copy in eval mode (dropout off).

    Parameters
    ----------
    model         any nn.Module with at least one trainable parameter; θ₀ is its present state
    inputs        tensor (n, …), a sequence of tensors (several positional inputs), or a dict (keyword inputs); arrays,
                  memmaps and tables as well; or inputs and targets together: a DataLoader, a Dataset, graphs … (`brought`).
                  None, flags, numbers and texts beside tensors are the same for every example
    targets       (n,) class indices, (n, t) token indices with −100 for "not predicted", (n, K) soft labels,
                  or real values of the outputs' shape; left out where the data have them, or their key or place there
    loss          "cross_entropy" | "mse" | "bernoulli" | "poisson" | Gaussian(sigma) | one of torch's own, as a training
                  script has it (nn.CrossEntropyLoss(weight=w), F.huber_loss) | a callable (outputs, targets) → losses of
                  shape (n,), which is handed all that the network returns
    likelihood    beside a loss of one's own that states no probability: what the outputs are all the same, "softmax"
                  (cross_entropy) | "sigmoid" (bernoulli) | "poisson" | Gaussian(sigma); accuracy, probability, perplexity and
                  the true Fisher are then of it, everything else of the loss
    name          short name shown to people; the model's class name where not given
    trajectory    checkpoints of the training, for memory and trajectory planes
    anchor        θ*, F* of an earlier task, for elasticity
    data_entropy  entropy of the data's own law in nats per prediction; 0 for one-hot labels
    law           the data's own law, where it is known: p(class | input), (n, K), or (n, t, K) for tokens; beside a
                  Gaussian likelihood the mean E[y | input], in the targets' shape
    batchnorm     "eval": running statistics stay at θ₀'s; "recalibrate": recomputed on the data at every point
    examples      how many examples to draw from the data, the same at every point, or the rows to take; None: all
    output        which entry the loss is taken of, where the network returns several: a name, a place, several of them, or
                  a function of what it returns
    parameters    which parameters make the landscape: "encoder.layer.3.*", ["*.lora_*"], a module of the network, its
                  parameters themselves, a function of a name; None: all that are trainable. The others stay as they are
    weight_decay  λ: the loss is L + ½ λ ‖θ‖² over these parameters
    shift_labels  True: targets are the input tokens, and place k is to predict token k + 1
    batches       how the data are cut where examples change each other's losses: a size, "loader" for that of the loader that
                  the data come from, or "whole"; the loss is then the mean over these batches, each weighted by its examples.
                  None: whole where that is so, and free where it is not
    draws         where the forward pass draws random numbers: over how many draws the loss is averaged, the same ones at
                  every point
    products      "differences": products with curvature matrices are central differences of gradients, whatever the network's
                  own second derivatives are; None: those, where they are right
    reported_loss  the loss that the training printed for this network at its end: it is held against the loss that is
                  measured here, and nothing else follows from it

    Attributes
    ----------
    notes          what was understood, frozen or left out, in sentences
    loader_batches examples in each batch of the loader that the data came from; None: there was none
    adapter        what puts rows together for forward, where it takes no rows (graphs, packed sequences); attached to copies
    metrics        the measures of your own by name; empty: there are none
    test           the problem on the second data set, with the network as it is here; None: there is none

    Raises
    ------
    InputError    empty data, NaN weights or data, shapes or names that do not belong together, outputs that can be read in
                  two ways

    >>> import torch
    >>> problem = Problem(nn.Linear(2, 3), torch.zeros(4, 2), torch.tensor([0, 1, 2, 0]))
    >>> problem.parameter_count, problem.example_count, problem.classes
    (9, 4, 3)
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Any,
        targets: Any = None,
        loss: str | Likelihood | PerExampleLoss = "cross_entropy",
        *,
        likelihood: str | Likelihood | None = None,
        name: str | None = None,
        trajectory: Trajectory | None = None,
        anchor: Anchor | None = None,
        data_entropy: float | None = None,
        law: Tensor | None = None,
        batchnorm: str = "eval",
        examples: int | Sequence[int] | None = None,
        output: Output | None = None,
        parameters: Selection | None = None,
        weight_decay: float = 0.0,
        shift_labels: bool | None = None,
        batches: int | str | None = None,
        draws: int = 1,
        products: str | None = None,
        reported_loss: float | None = None,
        metrics: Mapping[str, Metric] | None = None,
        test: Any = None,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise InputError(
                f"model should be a torch.nn.Module, but is a {type(model).__name__}: pass the network itself."
            )
        self.model, unwrapping = unwrapped(model)
        self.beside: NetworkTrial | None = None  # of the likelihood stated beside the loss
        self.second: Problem | None = None  # on the second data set, as it was made
        self.trials: dict[Any, Any] = {}  # what trial passes found of the network, shared with its subsets
        self.name = name or type(self.model).__name__
        self.products = None if products is None else known(products, PRODUCTS, "way to take products")
        self.likelihood = resolve(loss)
        self.batchnorm = known(batchnorm, BATCHNORM_MODES, "batchnorm mode")
        self.data_entropy = checked_entropy(data_entropy)
        self.reported_loss = checked_report(reported_loss)
        check_weights(self.model)
        check_memory(self.model)
        self.selection: tuple[str, ...] | None = selected(self.trainable_parameters, by_name(self.model, parameters))
        self.weight_decay = checked_decay(weight_decay)
        self.dtype = number_types.working_dtype(self.parameters.values())
        if isinstance(inputs, Brought):
            given, self.fixed = without_fixed(inputs.inputs)
            inputs = replace(inputs, inputs=given)
        else:
            inputs, self.fixed = without_fixed(inputs)
        data = brought(self.model, inputs, targets, examples)
        self.batches, self.draws = checked_batches(batches, data.batches), checked_draws(draws)
        # of a part of the data: which of the whole's batches it holds, and how many those are; None: all of them
        self.batch_numbers: tuple[tuple[int, ...], int] | None = None
        self.loader_batches, self.adapter = data.batches, data.adapter
        self.notes: tuple[str, ...] = (*unwrapping, *data.notes)
        self.args, self.kwargs = arranged(data.inputs, self._input_dtypes)
        self.targets = shifted(self.model, self.inputs, data.targets, shift_labels)
        if shift_labels is None and self.targets is not data.targets:
            self.notes = (*self.notes, SHIFTED)
        check_rows(self.inputs, self.targets)
        check_targets(self)
        self.targets = self.likelihood.accepted(self.targets)
        stated = None if likelihood is None else stated_likelihood(self.likelihood, likelihood)
        self.targets = self.targets if stated is None else stated.accepted(self.targets)
        self.output = output
        trial = tried_on_enough(self, output)
        self.likelihood, self.classes = trial.likelihood, trial.classes
        self.differentiates, self.changes_inputs = trial.differentiates, trial.changes_inputs
        self.changes_itself = trial.changes_itself
        self.reader: Reader | None = trial.reader
        self.gives_tensor, self.gives_half = trial.gives_tensor, trial.gives_half
        self.beside = None if stated is None else tried_as(self, stated)
        self.law = checked_law(law, self.stated.likelihood, self.targets, self.stated.classes)
        require_left_out(self)
        self.take_trajectory(trajectory)
        # (parameters, statistics) of networks whose statistics are their own where the others' are recomputed
        self.known_statistics: tuple[tuple[Mapping[str, Tensor], Mapping[str, Tensor]], ...] = ()
        self.anchor = checked_anchor(anchor, self.parameters)
        spread = broadcast_note(loss, trial.output_shape, self.targets.shape)
        self.notes = (*self.notes, *trial.notes, *spread, *parameter_notes(self))
        self.notes += () if stated is None else (STATED.format(stated.name),)
        self.metrics = checked_metrics(metrics, self)
        self.notes += metric_notes(self.metrics)
        # as they are now: one that counts its calls is the same metric afterwards
        self.metric_identity = {name: function_identity(metric) for name, metric in self.metrics.items()}
        if test is not None:
            kept: dict[str, Any] = {"loss": loss, "likelihood": likelihood, "shift_labels": shift_labels}
            kept["inputs"], kept["targets"] = taken_apart(test, targets)
            with_second(self, lambda alike: type(self)(self.model, **kept, **alike))

    @classmethod
    def from_loss(cls, model: nn.Module, data: Any, loss: NetworkLoss, **more: Any) -> Problem:
        """A problem whose loss calls the network itself, and may differentiate it: residuals, penalties, forces.

        Parameters
        ----------
        data  a tensor, or tensors in a tuple or dict, one row per example, or what gives them: a DataLoader, a Dataset; tensors with different numbers of rows are
              handed over whole, as one example
        loss  (model, batch) → losses of shape (n,), their mean, as a training step has it, or a pair of their mean and the number of
              examples that it is the mean of; the batch is built as the data are, and everything that is computed of `model` counts
        more  as for `Problem`; `test` in the forms of `data`

        Raises
        ------
        InputError  as for `Problem`; a loss that returns something else

        >>> import torch
        >>> def residual(model, x):  # u' = u
        ...     x = x.requires_grad_()
        ...     u = model(x)
        ...     return (torch.autograd.grad(u.sum(), x, create_graph=True)[0] - u).square().squeeze(1)
        >>> Problem.from_loss(nn.Linear(1, 1), torch.ones(4, 1), residual).differentiates
        True
        """
        return from_loss(cls, model, data, loss, **more)

    @classmethod
    def from_transformers(
        cls,
        network: Any,
        data: Any,
        targets: Any = None,
        *,
        tokenizer: Any = None,
        context: int | None = None,
        chunk: int | None = None,
        mask_token: int | None = None,
        **more: Any,
    ) -> Problem:
        """A language model of transformers on texts: labels shifted, padding masked, logits in chunks of a large vocabulary.

        Parameters
        ----------
        network     the model, or the folder that `save_pretrained` wrote; nothing is ever downloaded
        data        texts, a text file, token indices (also of different lengths), one stream of them or a file of it (.npy,
                    .pt, nanoGPT's .bin), or what a tokenizer returns
        targets     of an encoder-decoder model, what it should write, in the same forms; of others labels (n, t), −100 for "not
                    predicted", which are shifted as transformers shifts them
        tokenizer   where texts come without one in the folder
        context     tokens of an example at most; None: what the model takes, 512 at most
        chunk       tokens of the vocabulary whose logits are made at a time; None: the whole where it is small
        mask_token  the number of the mask of a masked language model, where the tokenizer does not know it
        more        as for `Problem`; `test` in the forms of `data`, or (data, targets) where there are targets

        Raises
        ------
        InputError  no such folder, texts without a tokenizer, tokens outside the vocabulary
        """
        test, how = more.pop("test", None), {"context": context, "chunk": chunk, "mask_token": mask_token}
        parts = language(network, data, targets, tokenizer, **how)
        inputs = parts.data if not parts.fixed else replace(parts.data, inputs={**parts.data.inputs, **parts.fixed})
        more = {"output": parts.output, **more}
        problem = cls(parts.model, inputs, loss=parts.likelihood, shift_labels=False, **more)
        if test is not None:
            given, beside = taken_apart(test, None) if targets is not None else (test, None)
            how |= {"tokenizer": parts.tokenizer}
            with_second(problem, lambda alike: cls.from_transformers(problem.model, given, beside, **how, **alike))
        return problem

    @property
    def test(self) -> Problem | None:
        """The problem on the second data set, with the network as it is here; None: there is none.

        >>> import torch
        >>> inputs, targets = torch.zeros(6, 2), torch.tensor([0, 1, 2, 0, 1, 2])
        >>> Problem(nn.Linear(2, 3), inputs[:4], targets[:4], test=(inputs[4:], targets[4:])).test
        Problem('Linear', 9 parameters, 2 examples)
        """
        return on_second(self)

    @property
    def on_all_data(self) -> tuple[Problem, ...]:
        """The problem on each of its data sets: itself, and `test` where there is one."""
        test = self.test
        return (self,) if test is None else (self, test)

    @property
    def stated(self) -> Problem:
        """The problem whose loss is the likelihood stated beside this one's; this one where none is."""
        return self if self.beside is None else likelihood_alone(self)

    def subset(self, rows: Tensor) -> Problem:
        """The same problem on the examples of these rows (m,), in their order; an example may come more than once.

        >>> import torch
        >>> problem = Problem(nn.Linear(2, 3), torch.eye(2).repeat(2, 1), torch.tensor([0, 1, 2, 0]))
        >>> problem.subset(torch.tensor([2, 2, 0])).targets.tolist()
        [2, 2, 0]
        """
        part = copy.copy(self)
        part.args = tuple(t[rows] for t in self.args)
        part.kwargs = {k: t[rows] for k, t in self.kwargs.items()}
        part.targets = self.targets[rows]
        part.law = None if self.law is None else self.law[rows]
        part.batch_numbers = None
        return part

    def of_examples(self, examples: int | Sequence[int]) -> Problem:
        """The same problem on some of its examples, whose mean its loss is: so many, drawn from seed 0, or these rows.

        >>> import torch
        >>> problem = Problem(nn.Linear(2, 3), torch.zeros(4, 2), torch.tensor([0, 1, 2, 0]))
        >>> problem.of_examples(3)
        Problem('Linear', 9 parameters, 3 examples)
        """
        return of_examples(self, examples)

    def over(
        self, parameters: Selection | None = None, weight_decay: float | None = None, products: str | None = None
    ) -> Problem:
        """The same problem over some of its parameters, with another weight decay, or with products taken otherwise; None: as
        it is.

        >>> import torch
        >>> problem = Problem(nn.Linear(2, 3), torch.zeros(4, 2), torch.tensor([0, 1, 2, 0]))
        >>> problem.over("bias", 0.1)
        Problem('Linear', 3 parameters, 4 examples)
        """
        return over(self, parameters, weight_decay, products)

    def working_copy(self, placed: Mapping[str, Tensor] | None = None) -> nn.Module:
        """A copy of the model in eval mode without gradients: what every computation writes to instead.

        placed  tensors that hold the trainable parameters already and take the place of copies of them, by name
        """
        return working_copy(self, placed)

    def adapted(self, model: nn.Module, dtype: torch.dtype | None = None) -> nn.Module:
        """The module that is called on the inputs of a batch in place of `model`, a copy of the network, so that what the likelihood
        flattens comes out; `model` itself where it does that.

        dtype  of the copy, where it is not the problem's own
        """
        return Adapted(self, model) if self.is_adapted or dtype in number_types.HALF else model

    def __repr__(self) -> str:
        return f"Problem({self.name!r}, {self.parameter_count:,} parameters, {self.example_count:,} examples)"

    def take_trajectory(self, trajectory: Trajectory | None) -> None:
        """Set the checkpoints, fitted to the parameters of the landscape."""
        self.trajectory = fitted_trajectory(trajectory, self.parameters)
        if self.trajectory is not None:
            self.notes = (*self.notes, *self.trajectory.notes)

"""What follows from a problem's network, likelihood and data: parameters by name, and counts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from . import number_types
from .likelihoods.protocol import Likelihood
from .outputs import Reader
from .trial import FIRST


class Quantities:
    """The part of a problem that is read off its fields."""

    model: nn.Module
    likelihood: Likelihood
    selection: tuple[str, ...] | None
    weight_decay: float
    dtype: torch.dtype
    args: tuple[Tensor, ...]
    kwargs: dict[str, Tensor]
    targets: Tensor
    fixed: dict[str | int, Any]
    reader: Reader | None
    batches: int | str | None
    differentiates: bool
    changes_inputs: bool
    gives_half: bool

    @property
    def parameters(self) -> dict[str, Tensor]:
        """θ₀: the parameters of the landscape by name, tied ones once; views of the model's own tensors."""
        trainable = self.trainable_parameters
        return trainable if self.selection is None else {name: trainable[name] for name in self.selection}

    @property
    def trainable_parameters(self) -> dict[str, Tensor]:
        """Every parameter of the model that is trained, by name, tied ones once; those of the landscape among them."""
        return {k: p.detach() for k, p in self.model.named_parameters() if p.requires_grad}

    @property
    def fixed_parameters(self) -> dict[str, Tensor]:
        """The parameters that stay as they are, by name: those that are not trained, and those not chosen."""
        chosen = self.parameters
        return {k: p.detach() for k, p in self.model.named_parameters() if k not in chosen}

    @property
    def parameter_count(self) -> int:
        """P, the number of real numbers in these parameters; a complex one is two."""
        return sum(p.numel() * (1 + p.is_complex()) for p in self.parameters.values())

    @property
    def example_count(self) -> int:
        """n, the number of examples."""
        return int(self.targets.shape[0])

    @property
    def ignores(self) -> bool:
        """Whether some targets are −100, that is, not predicted."""
        predicted = self.likelihood.predicted(self.likelihood.target_rows(self.targets))
        return predicted is not None and not bool(predicted.all())

    @property
    def prediction_count(self) -> int:
        """N of METHODS: examples, or predicted tokens for a language model, or outputs for several labels."""
        return self.likelihood.prediction_count(self.targets)

    @property
    def states_loss(self) -> bool:
        """Whether the loss is −ln p(target | input) alone, so that its exponential is the perplexity."""
        return self.likelihood.states_loss and not self.weight_decay

    @property
    def tried_count(self) -> int:
        """Examples that the network is tried on: two, or a whole batch where batches were chosen."""
        size = {None: FIRST, "whole": self.example_count}.get(self.batches, self.batches)  # type: ignore[arg-type]
        return min(int(size), self.example_count)  # type: ignore[arg-type]

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """All input tensors, positional ones first."""
        return (*self.args, *self.kwargs.values())

    @property
    def converts(self) -> bool:
        """Whether the network is evaluated in other numbers than its own."""
        return number_types.converts(self.parameters.values())

    @property
    def is_adapted(self) -> bool:
        """Whether calling the network on the inputs is not yet what the loss is of."""
        wanted = self.likelihood.sees == "network" or self.reader is not None
        return wanted or bool(self.fixed) or self.changes_inputs or self.differentiates or self.gives_half

    @property
    def _input_dtypes(self) -> tuple[torch.dtype, ...]:
        """Number types that real inputs may be in: the network's own, or what it is converted to. The first is for all others.

        A network of several (a frozen part in half precision under trained float32) takes inputs as they come, as in training.
        """
        if self.converts:
            return (self.dtype,)
        return (
            self.dtype,
            *{p.dtype for p in self.model.parameters() if p.is_floating_point() and p.dtype.itemsize > 1},
        )

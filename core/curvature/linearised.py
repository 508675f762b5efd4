"""A network linearised at one point on one chunk of data: slopes once, then products with little more than their own work.

The second derivative of the loss along directions is the derivative of the gradient: `push` carries the directions forward
to the outputs, `middle` through the loss, `pull` back to the parameters (Pearlmutter 1994). Without the bent terms it is
Jᵀ M J, the generalised Gauss-Newton matrix (Schraudolph 2002).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from .program import Operation
from .rules import Rule

Back = Callable[[Rule, Tensor, tuple[bool, ...]], tuple[Tensor | None, ...]]


class Linearised:
    """The operations of a program at a point.

    Parameters
    ----------
    program  from `program_of`
    values   the trainable parameters, name → tensor
    inputs   (N, …)

    Attributes
    ----------
    outputs  (N, …) of the network, without a graph

    Raises
    ------
    NotUnderstood  tensors of a shape that a rule does not take
    """

    @torch.no_grad()
    def __init__(self, program: Sequence[Operation], values: Mapping[str, Tensor], inputs: Tensor) -> None:
        self._program, self._rules = program, [step.make(values) for step in program]
        last = {place: index for index, step in enumerate(program) for place in step.inputs}
        slots: list[Tensor | None] = [inputs]
        for index, (step, rule) in enumerate(zip(program, self._rules, strict=True)):
            slots.append(rule.forward(*_taken(slots, step)))  # type: ignore[arg-type]
            _release(slots, step, last, index)
        assert slots[-1] is not None
        self.outputs = slots[-1]

    @torch.no_grad()
    def fix_slopes(self, slope: Tensor) -> None:
        """Carry ∂L/∂outputs back to every operation: what `products` is the derivative at."""
        self._back(slope, lambda rule, cotangent, needed: rule.backward(cotangent, needed))

    @torch.no_grad()
    def products(
        self, directions: Mapping[str, Tensor], middle: Callable[[Tensor], Tensor], bent: bool = True
    ) -> dict[str, Tensor]:
        """Derivative of the gradient along k directions of the parameters, name → (k, …); zero for a name that is absent.

        middle  derivative of the outputs (N, k, …) → that of ∂L/∂outputs
        bent    False: the network taken as linear, so that only the loss bends
        """
        last = {place: index for index, step in enumerate(self._program) for place in step.inputs}
        slots: list[Tensor | None] = [None]
        for index, (step, rule) in enumerate(zip(self._program, self._rules, strict=True)):
            slots.append(rule.push(_taken(slots, step), directions) if step.moves else None)
            _release(slots, step, last, index)
        moved = slots[-1]
        if moved is None:
            return {}
        total: dict[str, Tensor] = {}

        def pulled(rule: Rule, cotangent: Tensor, needed: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
            slopes, images = rule.pull(cotangent, needed, bent)
            for name, image in images.items():  # one tensor may serve several layers
                total[name] = total[name] + image if name in total else image
            return slopes

        self._back(middle(moved), pulled)
        return total

    def _back(self, slope: Tensor, through: Back) -> None:
        slots: dict[int, Tensor] = {len(self._program): slope}
        for place in range(len(self._program), 0, -1):
            step, rule = self._program[place - 1], self._rules[place - 1]
            cotangent = slots.pop(place, None)
            if cotangent is None or not step.moves:
                continue
            needed = tuple(source > 0 and self._program[source - 1].moves for source in step.inputs)
            for source, wanted, part in zip(step.inputs, needed, through(rule, cotangent, needed), strict=True):
                if wanted and part is not None:
                    slots[source] = slots[source] + part if source in slots else part


def _taken(slots: Sequence[Tensor | None], step: Operation) -> tuple[Tensor | None, ...]:
    return tuple(slots[place] for place in step.inputs)


def _release(slots: list[Tensor | None], step: Operation, last: Mapping[int, int], index: int) -> None:
    for place in step.inputs:
        if last[place] == index:
            slots[place] = None

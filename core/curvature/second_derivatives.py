"""Is the curvature the curvature? Products with the Hessian are held against what they must be, once for a problem.

A Hessian is symmetric, uᵀHv = vᵀHu, and its products are the derivative of the gradient along v, which central differences
give too. Functions with a derivative that was kept as a number, `once_differentiable` and kernels without a second derivative
are seen so, and their products are then taken in another way.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from ..checks import UNFIT, first_line
from ..machine.random_state import ONE_AT_A_TIME
from ..network.batching import required_batch_size
from ..network.few_examples import first_predicted
from ..problem.kept_trials import keeps
from ..problem.problem import Problem
from .differences import step
from .linearisation import Linearisation
from .loss_function import LossFunction

EXAMPLES = 8
MOST_DOUBLE = 4_000_000  # parameters up to which the test is made in float64
# Steps as shares of θ's length: small ones cross few kinks of a ReLU network, large ones round less
SHARES = {torch.float64: (1e-5, 1e-6, 1e-7, 1e-4), torch.float32: (5e-3, 1e-2, 2e-3)}
AGREE = {torch.float64: 1e-4, torch.float32: 3e-2}
FINEST = 1e-9  # which differences cannot tell apart
STEADY = 0.2  # of the disagreement, up to which two differences agree with each other
BESIDE = 0.1  # of each tensor's size, by which the place of the test is off θ₀, where kinks may meet
LOPSIDED = (
    "They are not symmetric (by {} of their length): the gradient is that of no function, because a part of the network is "
    "detached, under no_grad or straight-through, so eigenvalues are approximate. Where that part is not to be moved, leave it out "
    "with parameters=."
)
ASKED = "Differences of gradients were asked for."
KINKS = (
    "The gradient jumps within the smallest steps of the test, at kinks of ReLU or max-pooling, so that nothing speaks against them "
    "either."
)
NAMES = {"exact": "automatic differentiation", "elementary": "automatic differentiation of operations written out"}


@dataclass(frozen=True)
class SecondDerivatives:
    """How products with the Hessian are taken.

    how        "exact" | "elementary" | "differences", as `LossFunction` has it
    confirmed  whether they were held against differences of gradients and found right
    miss       ‖Hv − difference‖ / ‖Hv‖; of differences, what one of half the step changes
    asymmetry  |uᵀHv − vᵀHu| / ‖u‖‖Hv‖, of differences too; NaN where there are no derivatives
    why        what is wrong with the network's own second derivatives; empty where nothing is
    """

    how: str
    confirmed: bool
    miss: float
    asymmetry: float
    why: str = ""

    @property
    def lopsided(self) -> bool:
        """Whether differences of gradients are not symmetric, so that the gradient is that of no function."""
        return self.how == "differences" and self.asymmetry > AGREE[torch.float32]

    @property
    def sentence(self) -> str:
        """The outcome as a sentence."""
        if self.how == "differences":
            error = f"; a step of half the size changes them by {self.miss:.1g}" if self.miss == self.miss else ""
            said = (
                f"{self.why} Products with the curvature are central differences of gradients instead{error}, relative to "
                "their length."
            )
            return said if not self.lopsided else f"{said} {LOPSIDED.format(_share(self.asymmetry))}"
        close = f"to {self.miss:.1g}" if self.miss > FINEST else f"to better than {FINEST:g}"
        seen = f"agree with differences of gradients {close}, and are symmetric"
        how = f"Products with the Hessian, by {NAMES[self.how]},"
        return f"{how} {seen}." if self.confirmed else f"{how} could not be confirmed. {self.why or KINKS}"


keeps("second_derivatives", asdict, lambda content: SecondDerivatives(**content))


def second_derivatives(problem: Problem) -> SecondDerivatives:
    """Tested once for a problem and all its parts, on a few examples, in float64 where that can be.

    >>> from torch import nn
    >>> found = second_derivatives(Problem(nn.Linear(2, 3).double(), torch.eye(2).double(), torch.tensor([0, 1])))
    >>> found.how, found.confirmed
    ('exact', True)
    """
    with ONE_AT_A_TIME:
        derivatives: SecondDerivatives | None = problem.trials.get("second_derivatives")
        if derivatives is None:
            derivatives = problem.trials["second_derivatives"] = _tested(problem)
    return derivatives


@torch.enable_grad()
def _tested(problem: Problem) -> SecondDerivatives:
    part, why = _part(problem), ""
    if problem.products == "differences":
        return _by_differences(part, ASKED)
    for how in ("exact", "elementary"):
        try:
            comparison = _compared(part, how)
        except UNFIT as error:
            why = why or f"This network has no second derivative ({first_line(error)})."
            continue
        if comparison is None:
            why = why or "The loss or its gradient is not finite where it was tried."
            return SecondDerivatives("exact", False, float("nan"), float("nan"), why)
        if comparison.confirmed or not comparison.why:
            return comparison
        why = why or comparison.why
    return _by_differences(part, why)


def trial_function(problem: Problem) -> LossFunction:
    """The loss of a few examples, in float64 where that can be, at a place beside θ₀."""
    return _function(_part(problem), "exact")


def _part(problem: Problem) -> Problem:
    size = min(required_batch_size(problem) or EXAMPLES, problem.example_count)
    part = problem.subset(first_predicted(problem, size) if problem.batches is None else torch.arange(size))
    part.draws = 1
    part.batches = None if problem.batches is None else size
    return part


def _function(part: Problem, how: str) -> LossFunction:
    """The loss in float64 beside θ₀, in the model's own precision where it keeps that."""
    device = next((p.device for p in part.model.parameters()), torch.device("cpu"))
    kinds: list[torch.dtype | None] = [torch.float64, None] if part.parameter_count <= MOST_DOUBLE else [None]
    for dtype in kinds:
        try:
            function = LossFunction(part, None, device, dtype, part.example_count, products=how)
            _beside(function)
            function.loss_and_gradient(function.point)
            return function
        except UNFIT:
            if dtype is kinds[-1]:
                raise
    raise AssertionError


def _beside(function: LossFunction) -> None:
    generator = torch.Generator().manual_seed(0)
    for view in function.layout.views(function.point).values():
        if view.numel():
            size = float(view.detach().abs().double().square().mean() ** 0.5) or 1.0
            _add_drawn(view, BESIDE * size, generator)


def directions(function: LossFunction) -> tuple[Tensor, Tensor]:
    """Two vectors of θ's own proportions, tensor by tensor, so that none is lost among larger ones."""
    generator, rows = torch.Generator().manual_seed(1), []
    for _ in range(2):
        row = torch.zeros_like(function.point)
        here = function.layout.views(function.point)
        for name, view in function.layout.views(row).items():
            if view.numel():
                size = float(here[name].abs().double().square().mean() ** 0.5) or 1.0
                _add_drawn(view, size, generator)
        rows.append(row)
    return rows[0], rows[1]


def _add_drawn(view: Tensor, size: float, generator: torch.Generator) -> None:
    """Add normal numbers of this size; the largest tensor's are drawn as a whole, in double precision."""
    view += (size * torch.randn(view.shape, generator=generator, dtype=torch.float64)).to(view)


def _compared(part: Problem, how: str) -> SecondDerivatives | None:
    """The verdict on products taken in this way; None where the place has no finite numbers."""
    function = _function(part, how)
    u, v = directions(function)
    if how == "elementary":
        function.program = None
    images = Linearisation(function).products(torch.stack([u, v]), "hessian")
    slope = function.gradient()
    if not bool(torch.isfinite(images).all() & torch.isfinite(slope).all()):
        return None
    hu, hv = images
    asymmetry = _asymmetry(u, v, hu, hv)
    kind = torch.float64 if function.workspace.dtype == torch.float64 else torch.float32
    miss, steady = _miss(function, v, hv, slope, SHARES[kind])
    if miss <= AGREE[kind] and asymmetry <= AGREE[kind]:
        return SecondDerivatives(how, True, miss, asymmetry)
    if (
        not steady and kind == torch.float64
    ):  # a part of it may compute in float32 whatever comes in, as RMSNorm of Llama does
        coarse, steady = _miss(function, v, hv, slope, SHARES[torch.float32])
        if coarse <= AGREE[torch.float32] and asymmetry <= AGREE[kind]:
            return SecondDerivatives(how, True, coarse, asymmetry)
        miss = min(miss, coarse)
    if not steady and asymmetry <= AGREE[kind]:  # kinks on the way: nothing can be said
        return SecondDerivatives(how, False, miss, asymmetry)
    why = f"This network's own second derivatives are wrong: they differ from the change of its gradient by {_share(miss)}."
    return SecondDerivatives(how, False, miss, asymmetry, why)


def _miss(
    function: LossFunction, v: Tensor, product: Tensor, slope: Tensor, shares: tuple[float, ...]
) -> tuple[float, bool]:
    """The smallest disagreement over several steps, and whether the differences agree with each other where they disagree with
    the product."""
    rounding = torch.finfo(function.workspace.dtype).eps * _length(slope)
    misses, differences = list[float](), list[Tensor]()
    for share in shares:
        h = step(function.point, v, share)
        difference = _difference(function, v, h)
        gap = max(0.0, _length(difference - product) - 10 * rounding / h)
        scale = max(_length(product), _length(difference))
        misses.append(gap / scale if scale else 0.0)
        if misses[-1] <= min(AGREE.values()):
            return misses[-1], True
        if len(differences) < 2:
            differences.append(difference)
    first, second = differences
    steady = _length(first - second) <= STEADY * _length(first - product)
    return min(misses), steady


def _difference(function: LossFunction, v: Tensor, h: float) -> Tensor:
    ahead = function.loss_and_gradient(torch.add(function.point, v, alpha=h))[1]
    return ahead.sub_(function.loss_and_gradient(torch.sub(function.point, v, alpha=h))[1]).div_(2 * h)


def _length(vector: Tensor) -> float:
    return float(torch.linalg.vector_norm(vector, dtype=torch.float64))


def _asymmetry(u: Tensor, v: Tensor, hu: Tensor, hv: Tensor) -> float:
    """|uᵀHv − vᵀHu| / (‖u‖‖Hv‖ + ‖v‖‖Hu‖)."""
    lengths = _length(u) * _length(hv) + _length(v) * _length(hu)
    return abs(float(u @ hv) - float(v @ hu)) / lengths if lengths else 0.0


def _by_differences(part: Problem, why: str) -> SecondDerivatives:
    """Differences it is; how far one of half the step is off says how well they are known."""
    try:
        function = _function(part, "differences")
    except UNFIT as error:
        return SecondDerivatives("differences", False, float("nan"), float("nan"), f"{why} {first_line(error)}".strip())
    u, v = directions(function)
    h = step(function.point, v)
    whole, half = _difference(function, v, h), _difference(function, v, h / 2)
    length = _length(half)
    miss = _length(whole - half) / length if length else 0.0
    del whole
    other = _difference(function, u, step(function.point, u))
    return SecondDerivatives("differences", True, miss, _asymmetry(u, v, other, half), why)


def _share(miss: float) -> str:
    return f"{100 * miss:.2g} %"

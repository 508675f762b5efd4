"""A plane through parameter space, θ(α, β) = θ₀ + α d₁ + β d₂: made, walked, and projected onto."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from . import directions, vectors
from .checks import InputError, finite, known, matching
from .problem import Problem
from .spectrum.lanczos import Eigenpairs, extreme_eigenpairs
from .spectrum.products import LossFunction
from .vectors import Vector

Span = tuple[tuple[float, float], tuple[float, float]]
Configuration = Mapping[str, Tensor] | nn.Module | Problem
UNIT_SPAN: Span = ((-1.0, 1.0), (-1.0, 1.0))
EIGEN_PAIRS = (("top", "second"), ("top", "bottom"))


@dataclass(frozen=True)
class Plane:
    """θ(α, β) = θ₀ + α d₁ + β d₂ over the trainable parameters; α and β are multiples of the directions.

    Made by `Plane.random`, `.trajectory`, `.eigen`, `.gradient`, `.through` or `.line`, not directly.
    Nothing here assumes that the directions are orthogonal or of unit length.

    Attributes
    ----------
    origin      θ₀, dict name → tensor
    directions  (d₁, d₂), dicts name → tensor; a line has d₂ = 0
    kind        which of the six it is
    details     how it was made (seed, normalisation …), ready for JSON
    explained   shares of the trajectory's variance along d₁ and d₂, or None
    span        ((α from, α to), (β from, β to)) that shows the plane's subject
    """

    origin: Vector = field(repr=False)
    directions: tuple[Vector, Vector] = field(repr=False)
    kind: str
    details: dict[str, Any] = field(default_factory=dict)
    explained: tuple[float, float] | None = None
    span: Span = UNIT_SPAN

    @classmethod
    def random(
        cls,
        problem: Problem,
        seed: int = 0,
        normalize: str = "filter",
        ignore: str | None = "biasbn",
        orthogonal: bool = False,
    ) -> Plane:
        """Two independent Gaussian directions around θ₀, normalised (Li et al. 2018 §4).

        Parameters
        ----------
        seed        of the draw; the same underlying numbers in every precision and on every device
        normalize   "filter" | "layer" | "weight" | "none"
        ignore      "biasbn": tensors with one dimension or none stay at θ₀; None: each is one filter
        orthogonal  make d₂ orthogonal to d₁ before normalising (normalising then tilts them a little again)

        Raises
        ------
        InputError  an unknown normalisation or choice for ignore; directions that come out zero
        """
        parameters = _some_parameters(problem)
        first, second = directions.gaussian_pair(parameters, seed)
        if orthogonal:
            second = directions.orthogonalized(second, first)
        pair = [directions.normalized(d, parameters, normalize, ignore) for d in (first, second)]
        if min(vectors.norm(d) for d in pair) == 0:
            raise InputError(
                f"Under normalize='{normalize}' and ignore='{ignore}' every direction is zero: "
                "use normalize='none', or ignore=None where all parameters are biases or norm scales."
            )
        details = {"seed": seed, "normalize": normalize, "ignore": ignore, "orthogonal": orthogonal}
        return cls._around(parameters, pair[0], pair[1], "random", details)

    @classmethod
    def trajectory(cls, problem: Problem) -> Plane:
        """The leading two principal components of {θ_t − θ_T} through θ₀ (Li et al. 2018 §7), unit length.

        Raises
        ------
        InputError  the problem has no trajectory, or one that spans no plane
        """
        if problem.trajectory is None:
            raise InputError(f"'{problem.name}' has no training trajectory: give Problem(…, trajectory=Trajectory(…)).")
        first, second, explained = directions.principal_components(problem.trajectory)
        plane = cls._around(_some_parameters(problem), first, second, "trajectory", {}, explained)
        path = np.array([plane.project(point)[:2] for point in problem.trajectory])
        return cls(plane.origin, plane.directions, plane.kind, plane.details, explained, _around_path(path))

    @classmethod
    def eigen(cls, problem: Problem, which: tuple[str, str] = ("top", "second"), seed: int = 0) -> Plane:
        """Unit Hessian eigenvectors at θ₀: the top two, or ("top", "bottom").

        The eigenvalues and residuals ‖Hv − λv‖/|λ| are in `details`.

        Raises
        ------
        InputError  another pair than the two
        """
        pair = (str(which[0]), str(which[1]))
        known("+".join(pair), ["+".join(p) for p in EIGEN_PAIRS], "pair of eigenvectors")
        if problem.parameter_count == 1:
            raise InputError(f"'{problem.name}' has one parameter, and a plane needs two: use Plane.line.")
        top, bottom = (2, 0) if pair[1] == "second" else (1, 1)
        function, found = _eigenpairs(problem, top, bottom, seed)
        first, second = (function.layout.views(_signed(v)) for v in found.vectors)
        details = {
            "which": list(pair),
            "seed": seed,
            "eigenvalues": found.values.tolist(),
            "residuals": found.residuals.tolist(),
        }
        return cls._around(_some_parameters(problem), first, second, "eigen", details)

    @classmethod
    def gradient(cls, problem: Problem, seed: int = 0) -> Plane:
        """ḡ/‖ḡ‖ at θ₀ and the top Hessian eigenvector made orthogonal to it.

        Raises
        ------
        InputError  the gradient is zero
        """
        function, found = _eigenpairs(problem, 1, 0, seed)
        first = directions.unit(function.layout.views(function.gradient().double()), "gradient at the centre")
        top = function.layout.views(_signed(found.vectors[0]).double())
        second = directions.unit(
            directions.orthogonalized(top, first), "part of the top eigenvector beside the gradient"
        )
        details = {"seed": seed, "eigenvalue": float(found.values[0]), "residual": float(found.residuals[0])}
        return cls._around(_some_parameters(problem), first, second, "gradient", details)

    @classmethod
    def through(cls, a: Configuration, b: Configuration, c: Configuration) -> Plane:
        """The plane of three configurations: a at (0, 0), b at (1, 0), c beside them (Garipov et al. 2018).

        d₁ = b − a; d₂ = c − a made orthogonal to d₁ and scaled to ‖d₁‖.

        Parameters
        ----------
        a, b, c  dicts name → tensor over the trainable parameters, or models, or problems

        Raises
        ------
        InputError  names or shapes that differ; a and b the same; c on the line through them
        """
        origin, first, towards = _from_first(a, b, c)
        length = vectors.norm(directions.unit(first, "difference of the first two configurations")) * vectors.norm(
            first
        )
        beside = directions.orthogonalized(towards, first)
        if vectors.norm(beside) <= 1e-9 * vectors.norm(towards):
            raise InputError("The three configurations lie on one line, which spans no plane: use Plane.line.")
        second = {k: v * length for k, v in directions.unit(beside, "third configuration").items()}
        plane = cls._around(origin, first, second, "through", {})
        corners = np.array([(0.0, 0.0), (1.0, 0.0), plane.project(_configuration(c))[:2]])
        return cls(plane.origin, plane.directions, "through", {}, None, _around_path(corners, margin=0.4))

    @classmethod
    def line(cls, a: Configuration, b: Configuration) -> Plane:
        """The line from a (α = 0) to b (α = 1), a 1-D slice (Goodfellow et al. 2014); β has no direction.

        Raises
        ------
        InputError  names or shapes that differ; a and b the same
        """
        origin, first = _from_first(a, b)
        directions.unit(first, "difference of the two configurations")
        none = vectors.zeros_like(first)
        return cls._around(origin, first, none, "line", {}, span=((-0.5, 1.5), (0.0, 0.0)))

    @classmethod
    def _around(
        cls,
        origin: Mapping[str, Tensor],
        first: Mapping[str, Tensor],
        second: Mapping[str, Tensor],
        kind: str,
        details: dict[str, Any],
        explained: tuple[float, float] | None = None,
        span: Span = UNIT_SPAN,
    ) -> Plane:
        start = {k: v.detach().clone() for k, v in origin.items()}
        pair = (vectors.cast(first, start), vectors.cast(second, start))
        return cls(start, pair, kind, details, explained, span)

    @property
    def is_line(self) -> bool:
        """Whether only α has a direction."""
        return self.kind == "line"

    @functools.cached_property
    def gram(self) -> np.ndarray:
        """The 2×2 Gram matrix dᵢ·dⱼ, float64."""
        d1, d2 = self.directions
        cross = vectors.dot(d1, d2)
        return np.array([[vectors.dot(d1, d1), cross], [cross, vectors.dot(d2, d2)]])

    @functools.cached_property
    def inverse_gram(self) -> np.ndarray:
        """The pseudo-inverse of the Gram matrix, (2, 2); a direction that is zero or parallel gives nothing."""
        lengths = np.sqrt(np.diag(self.gram))
        scale = np.divide(1.0, lengths, out=np.zeros(2), where=lengths > 0)  # so that short directions count too
        inverse: np.ndarray = scale[:, None] * np.linalg.pinv(scale[:, None] * self.gram * scale, 1e-12, True) * scale
        return inverse

    @property
    def cosine(self) -> float:
        """cos(d₁, d₂); NaN for a line."""
        product = (self.gram[0, 0] * self.gram[1, 1]) ** 0.5
        return float(self.gram[0, 1] / product) if product > 0 else float("nan")

    def over(self, parameters: Mapping[str, Tensor]) -> Plane:
        """The same plane over the named parameters alone: a state dict may have brought tied or frozen ones along.

        Raises
        ------
        InputError  names or shapes that differ
        """
        matching(self.origin, parameters, "The plane")
        if len(parameters) == len(self.origin):
            return self
        origin, first, second = ({k: v[k] for k in parameters} for v in (self.origin, *self.directions))
        return replace(self, origin=origin, directions=(first, second))

    def at(self, alpha: float, beta: float = 0.0) -> Vector:
        """θ(α, β) as dict name → tensor, in the origin's precision."""
        return vectors.combine(
            (1.0, self.origin), (float(alpha), self.directions[0]), (float(beta), self.directions[1])
        )

    def project(self, params: Configuration) -> tuple[float, float, float]:
        """Least-squares coordinates of a configuration and its distance off the plane.

        Returns
        -------
        (alpha, beta, off_plane_distance); the distance is in parameter units

        Raises
        ------
        InputError  names or shapes that differ from the plane's

        >>> model = nn.Linear(3, 2).double()
        >>> plane = Plane.random(Problem(model, torch.ones(4, 3).double(), torch.tensor([0, 1, 0, 1])), seed=1)
        >>> alpha, beta, off = plane.project(plane.at(0.25, -0.5))
        >>> round(alpha, 9), round(beta, 9), round(off, 9)
        (0.25, -0.5, 0.0)
        """
        point = _configuration(params)
        matching(point, self.origin, "The configuration")
        gap = vectors.subtract({k: point[k].to(v.device) for k, v in self.origin.items()}, self.origin)
        products = np.array([vectors.dot(gap, d) for d in self.directions])
        alpha, beta = (float(x) for x in self.inverse_gram @ products)
        d1, d2 = self.directions
        rest = {k: v - alpha * d1[k].double() - beta * d2[k].double() for k, v in gap.items()}
        return alpha, beta, vectors.norm(rest)


def _some_parameters(problem: Problem) -> dict[str, Tensor]:
    if problem.parameter_count == 0:
        raise InputError(f"'{problem.name}' has no trainable parameter, so it has no landscape: unfreeze some weights.")
    return problem.parameters


def _eigenpairs(problem: Problem, top: int, bottom: int, seed: int) -> tuple[LossFunction, Eigenpairs]:
    _some_parameters(problem)
    function = LossFunction(problem)
    draws = directions.gaussian_pair(problem.parameters, seed)
    start = torch.stack([function.layout.flatten(d, function.point.device, function.point.dtype) for d in draws])
    return function, extreme_eigenpairs(lambda v: function.hessian_products(v[None])[0], start, top, bottom)


def _signed(vector: Tensor) -> Tensor:
    """An eigenvector's sign is free: make its largest entry positive, so that the picture is always the same."""
    return vector * vector[vector.abs().argmax()].sign()


def _around_path(path: np.ndarray, margin: float = 0.25) -> Span:
    low, high = np.minimum(path.min(0), 0.0), np.maximum(path.max(0), 0.0)
    room = margin * np.maximum(high - low, 0.3 * (high - low).max())
    return tuple((float(a), float(b)) for a, b in zip(low - room, high + room, strict=True))  # type: ignore[return-value]


def _configuration(thing: Configuration) -> Vector:
    if isinstance(thing, Problem):
        return thing.parameters
    if isinstance(thing, nn.Module):
        return {k: p.detach() for k, p in thing.named_parameters() if p.requires_grad}
    # a state dict may bring its buffers along; statistics are no directions (Li et al. leave them where they are)
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    return {k: v.detach() for k, v in thing.items() if v.is_floating_point() and not k.endswith(statistics)}


def _from_first(first: Configuration, *others: Configuration) -> tuple[Vector, ...]:
    origin = _configuration(first)
    if not origin:
        raise InputError("The first configuration holds no parameters: pass dicts name → tensor, models or problems.")
    finite(origin, "Parameter")
    gaps = []
    for other in others:
        point = _configuration(other)
        matching(point, origin, "A configuration")
        finite(point, "Parameter")
        gaps.append(vectors.subtract({k: point[k].to(v.device) for k, v in origin.items()}, origin))
    return (origin, *gaps)

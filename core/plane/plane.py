"""A plane through parameter space, θ(α, β) = θ₀ + α d₁ + β d₂: made, walked, and projected onto."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from torch import Tensor

from ..checks import InputError, matching
from ..parameters import vectors
from ..parameters.guarded import Watched, origin_to_keep
from ..parameters.vectors import StreamedVector, Vector
from ..problem.problem import Problem
from ..problem.trajectory import Trajectory
from . import projection
from . import rotation as turning
from .configuration import Configuration, tensors_of
from .filters import Filter

Span = tuple[tuple[float, float], tuple[float, float]]
Statistics = tuple[tuple[tuple[float, float], Mapping[str, Tensor]], ...]
UNIT_SPAN: Span = ((-1.0, 1.0), (-1.0, 1.0))


@dataclass(frozen=True)
class Plane:
    """θ(α, β) = θ₀ + α d₁ + β d₂ over the trainable parameters; α and β are multiples of the directions.

    Made by `Plane.random`, `.trajectory`, `.eigen`, `.gradient`, `.through`, `.line` or `.make`, not directly.
    Nothing here assumes that the directions are orthogonal or of unit length.

    Attributes
    ----------
    origin      θ₀, name → tensor; of a large network the model's own tensors, which then must not change
    directions  (d₁, d₂), name → tensor each, held or drawn anew whenever they are looked at; a line has d₂ = 0
    kind        which of `kinds.KINDS` it is
    details     how it was made (seed, normalisation …), ready for JSON
    explained   shares of the trajectory's variance along d₁ and d₂, or None
    span        ((α from, α to), (β from, β to)) that shows the plane's subject
    filters     what a filter of each parameter is, where directions are scaled to them
    statistics  ((α, β), name → tensor) of each network on the plane whose BatchNorm statistics are known
    recalibrates   whether such statistics are recomputed on the data at all other points
    unit        θ whose filters are the unit of filter-normalised coordinates, name → tensor; None: θ₀'s
    """

    origin: Mapping[str, Tensor] = field(repr=False)
    directions: tuple[Mapping[str, Tensor], Mapping[str, Tensor]] = field(repr=False)
    kind: str
    details: dict[str, Any] = field(default_factory=dict)
    explained: tuple[float, float] | None = None
    span: Span = UNIT_SPAN
    filters: Mapping[str, Filter] = field(default_factory=dict, repr=False)
    statistics: Statistics = field(default=(), repr=False)
    recalibrates: bool = False
    unit: Mapping[str, Tensor] | None = field(default=None, repr=False)

    @classmethod
    def random(
        cls,
        problem: Problem,
        seed: int = 0,
        normalize: str = "filter",
        ignore: str | None = "biasbn",
        orthogonal: bool = False,
        held: bool | None = None,
    ) -> Plane:
        """Two independent Gaussian directions around θ₀, normalised (Li et al. 2018 §4).

        Parameters
        ----------
        seed        of the draw; the same underlying numbers in every precision and on every device
        normalize   "filter" | "layer" | "weight" | "product" of low-rank adapters | "none"
        ignore      "biasbn": biases and norm parameters stay at θ₀; None: each such tensor is one filter
        orthogonal  make d₂ orthogonal to d₁ before normalising (normalising then tilts them a little again)
        held        whether the directions are kept in memory; else every point draws them anew from the seed, the same
                    numbers. None: kept where they fit beside the copy of the model that a survey makes

        Raises
        ------
        InputError  an unknown normalisation or choice for ignore; directions that come out zero, or that move only one
                    factor of a low-rank adapter whose other factor is zero
        """
        from .kinds.random import random_plane  # here and below, because kinds make planes

        return random_plane(problem, seed, normalize, ignore, orthogonal, held)

    @classmethod
    def trajectory(cls, problem: Problem) -> Plane:
        """The leading two principal components of {θ_t − θ_T} through θ₀ (Li et al. 2018 §7), unit length.

        Raises
        ------
        InputError  the problem has no trajectory, or one that spans no plane
        """
        from .kinds.trajectory import trajectory_plane

        return trajectory_plane(problem)

    @classmethod
    def eigen(cls, problem: Problem, which: tuple[str, str] = ("top", "second"), seed: int = 0) -> Plane:
        """Unit Hessian eigenvectors at θ₀: the top two, or ("top", "bottom").

        The eigenvalues and residuals ‖Hv − λv‖/|λ| are in `details`.

        Raises
        ------
        InputError  another pair than the two
        """
        from .kinds.eigen import eigen_plane

        return eigen_plane(problem, which, seed)

    @classmethod
    def gradient(cls, problem: Problem, seed: int = 0) -> Plane:
        """ḡ/‖ḡ‖ at θ₀ and the top Hessian eigenvector made orthogonal to it.

        Raises
        ------
        InputError  the gradient is zero
        """
        from .kinds.gradient import gradient_plane

        return gradient_plane(problem, seed)

    @classmethod
    def through(cls, a: Configuration, b: Configuration, c: Configuration, batchnorm: str = "own") -> Plane:
        """The plane of three configurations: a at (0, 0), b at (1, 0), c beside them (Garipov et al. 2018).

        d₁ = b − a; d₂ = c − a made orthogonal to d₁ and scaled to ‖d₁‖.

        Parameters
        ----------
        a, b, c    dicts name → tensor over the trainable parameters, or models, or problems
        batchnorm  statistics of BatchNorm, where the problem says "eval": "own": each network's own at its own point, as far
                   as it brings them along, and recomputed on the data at all others; "eval": the trained network's everywhere

        Raises
        ------
        InputError  names or shapes that differ; a and b the same; c on the line through them
        """
        from .kinds.through import plane_through

        return plane_through(a, b, c, batchnorm)

    @classmethod
    def line(cls, a: Configuration, b: Configuration, batchnorm: str = "own") -> Plane:
        """The line from a (α = 0) to b (α = 1), a 1-D slice (Goodfellow et al. 2014); β has no direction.

        batchnorm  as in `through`

        Raises
        ------
        InputError  names or shapes that differ; a and b the same
        """
        from .kinds.line import line_between

        return line_between(a, b, batchnorm)

    @classmethod
    def make(cls, kind: str, problem: Problem, **values: Any) -> Plane:
        """A plane of any kind of `kinds.KINDS`, by its name, the values of its parameters as the command takes them.

        Raises
        ------
        InputError  an unknown kind, parameter or value; a plane that the problem does not allow

        >>> import torch
        >>> from torch import nn
        >>> problem = Problem(nn.Linear(3, 2), torch.ones(4, 3), torch.tensor([0, 1, 0, 1]))
        >>> Plane.make("random", problem, seed=3).details["seed"]
        3
        """
        from .kinds import kind_named

        chosen = kind_named(kind)
        return chosen.make(problem, **chosen.checked(values))

    @classmethod
    def around(
        cls,
        origin: Mapping[str, Tensor],
        first: Mapping[str, Tensor],
        second: Mapping[str, Tensor],
        kind: str,
        details: dict[str, Any],
    ) -> Plane:
        """The plane of two directions through θ₀, each name → tensor, cast to the origin's precision and device.

        Parameters
        ----------
        kind     `PlaneKind.stored_as` of the kind that makes it
        details  how it was made, ready for JSON; all of it identifies the plane but what its kind lists as `found` or `called`
        """
        start = origin_to_keep(origin)
        return cls(start, (vectors.cast(first, start), vectors.cast(second, start)), kind, details)

    def turned(self, angle: float, third: Mapping[str, Tensor] | None = None) -> Plane:
        """The plane of d₁ and cos φ d₂ + sin φ d₃, around the same θ₀.

        Under normalize="filter" or "layer" each filter (tensor) of the new d₂ gets the length that it had; under "weight"
        and "none" nothing more is scaled; on other planes the new d₂ is as long as the old one. `details["turn"]` says φ,
        with which the plane can be made again.

        Parameters
        ----------
        angle  φ in degrees
        third  d₃; None: for a random plane the third draw of its seed, normalised as the first two; for any other a draw
               at a right angle to the plane, as long as d₂

        Raises
        ------
        InputError  a line, a plane that is turned already, or one whose directions are not held; a third direction of
                    other names or shapes; an angle at which d₂ vanishes

        >>> import torch
        >>> from torch import nn
        >>> model = nn.Linear(3, 2).double()
        >>> plane = Plane.random(Problem(model, torch.ones(4, 3).double(), torch.tensor([0, 1, 0, 1])), ignore=None)
        >>> lengths = [p.directions[1]["weight"].norm(dim=1) for p in (plane, plane.turned(30.0))]
        >>> torch.allclose(*lengths), plane.turned(30.0).details["turn"]
        (True, 30.0)
        """
        return turning.turned(self, angle, third)

    def across(self, a: tuple[float, float], b: tuple[float, float]) -> Plane:
        """The line within this plane from (α, β) = a, at 0, to b, at 1, with what is measured around its points in the plane's own
        unit. Of a plane on which BatchNorm's statistics are recomputed the problem is to be that of `on_plane`.

        Raises
        ------
        InputError  the two are the same place

        >>> import torch
        >>> from torch import nn
        >>> model = nn.Linear(3, 2).double()
        >>> plane = Plane.random(Problem(model, torch.ones(4, 3).double(), torch.tensor([0, 1, 0, 1])), seed=1)
        >>> there, same = plane.across((0.0, 1.0), (1.0, 0.0)).at(0.5), plane.at(0.5, 0.5)
        >>> all(torch.allclose(there[name], same[name]) for name in same)
        True
        """
        from .across import line_across

        return line_across(self, a, b)

    @functools.cached_property
    def is_line(self) -> bool:
        """Whether only α has a direction."""
        return not self.is_streamed and not any(bool(tensor.any()) for tensor in self.directions[1].values())

    @property
    def is_streamed(self) -> bool:
        """Whether its directions are drawn anew whenever they are looked at, and not held."""
        return any(isinstance(d, StreamedVector) for d in self.directions)

    @functools.cached_property
    def gram(self) -> np.ndarray:
        """The 2×2 Gram matrix dᵢ·dⱼ, float64."""
        return projection.gram_matrix(self)

    @functools.cached_property
    def inverse_gram(self) -> np.ndarray:
        """The pseudo-inverse of the Gram matrix, (2, 2); a direction that is zero or parallel gives nothing."""
        return projection.pseudo_inverse(self.gram)

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
        watched = isinstance(self.origin, Watched)
        unit = None if self.unit is None else {k: self.unit[k] for k in parameters}
        return replace(self, origin=Watched(origin) if watched else origin, directions=(first, second), unit=unit)

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

        >>> import torch
        >>> from torch import nn
        >>> model = nn.Linear(3, 2).double()
        >>> plane = Plane.random(Problem(model, torch.ones(4, 3).double(), torch.tensor([0, 1, 0, 1])), seed=1)
        >>> alpha, beta, off = plane.project(plane.at(0.25, -0.5))
        >>> round(alpha, 9), round(beta, 9), round(off, 9)
        (0.25, -0.5, 0.0)
        """
        point = tensors_of(params)
        matching(point, self.origin, "The configuration")
        alpha, beta, off = projection.project_point(self, point).tolist()
        return alpha, beta, off

    def project_path(self, path: Trajectory) -> np.ndarray:
        """`project` of every checkpoint of a path over this plane's parameters, (T + 1, 3), all of them at once.

        >>> import torch
        >>> from torch import nn
        >>> model = nn.Linear(2, 2).double()
        >>> plane = Plane.random(Problem(model, torch.ones(4, 2).double(), torch.tensor([0, 1, 0, 1])), normalize="none")
        >>> plane.project_path(Trajectory([plane.at(2.0, 0.5), plane.at(1.0, -1.0)])).round(9).tolist()
        [[2.0, 0.5, 0.0], [1.0, -1.0, 0.0]]
        """
        return projection.project_path(self, path)


def moving_parameters(problem: Problem) -> dict[str, Tensor]:
    """θ₀; InputError where nothing is trainable."""
    if problem.parameter_count == 0:
        raise InputError(f"'{problem.name}' has no trainable parameter, so it has no landscape: unfreeze some weights.")
    return problem.parameters


def span_around(path: np.ndarray, margin: float = 0.25) -> Span:
    """The span that shows places (m, 2) and θ₀, with a margin as a share of it."""
    low, high = np.minimum(path.min(0), 0.0), np.maximum(path.max(0), 0.0)
    room = margin * np.maximum(high - low, 0.3 * (high - low).max())
    return tuple((float(a), float(b)) for a, b in zip(low - room, high + room, strict=True))  # type: ignore[return-value]

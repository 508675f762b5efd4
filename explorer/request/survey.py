"""A request for a survey: one frozen specification, and the `lossnav survey` command that it means."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lossnav.core.local import IN_PARAMETERS
from lossnav.core.plane import COORDINATES
from lossnav.core.plane.kinds import Parameter, PlaneKind, kind_named
from lossnav.core.properties import FORWARD
from lossnav.core.survey import Specification
from lossnav.sample_models import card, names
from platformdirs import user_cache_path

from ..server import CHECKPOINTS_VARIABLE, TARGET_VARIABLE
from .base import modified, stem
from .opened import remembered

SPAN_FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
GRID_SIZES = (25, 51, 101, 201)
DEFAULT_GRID = Specification.shape[0]
FORWARD_ONLY = "none"
# effort → (title, what it measures)
EFFORTS = {
    FORWARD_ONLY: ("None", "Forward passes only: no curvature, no gradients, no descents."),
    "preview": ("Preview", "3 probes × 4 Lanczos steps on 128 examples or more."),
    "standard": ("Standard", "4 probes × 5 Lanczos steps on 256 examples, on all of them where the network is small."),
    "full": ("Full", "8 probes × 16 Lanczos steps on all examples."),
}
STRIDES = (1, 2, 4, 8)
COORDINATE_TITLES = {"filter": "filter-normalised coordinates", "parameters": "the parameters"}
TOLERANCE = 0.01
TOLERANCES = {
    0.01: "Adaptive, 1 %",
    0.001: "Adaptive, 0.1 %",
    0.0: "Every point",
}
EXACT = "float32"
COSTLY_FACTOR = 10  # times the tolerance is what curvature, gradients and descents may be off by

# fields that say nothing of the plane
MEASURING = ("grid", "effort", "every", "tolerance", "coordinates", "anchor", "precision", "insist")

# Parameters of planes that have had fields of their own since the first stores: everything else is in `choices`.
FIELDS = ("seed", "normalize", "ignore", "orthogonal")


@dataclass(frozen=True)
class SurveyRequest:
    """A model, a plane and a grid.

    target      a sample's name, or "file.py[:name]", or "module:name"
    plane       the name of one of `kinds.KINDS`
    seed, normalize, ignore, orthogonal   parameters of planes that have such
    choices     the others' (name, value) that are not at their defaults
    grid        points along each axis
    zoom        the span as a multiple of the plane's own
    effort      a key of EFFORTS: how finely curvature, gradients and descents are measured around each point
    every       those are measured on every so many rows and columns; 0: so many that it takes minutes
    turn        degrees by which the plane's second direction is turned towards a third
    centre      the checkpoint of the training path that the plane lies around; None: the trained network
    coordinates  those of curvature, one of COORDINATES
    anchor      the checkpoint of the training path that elasticity pulls back to; None: the problem's own anchor
    precision   a name of core's PRECISIONS: in which products are made
    insist      keep to the precision where it is no faster than float32
    tolerance   a key of TOLERANCES: the error, as a share of what is drawn, that saves most points; 0: every point is measured
    """

    target: str
    plane: str = "random"
    seed: int = 0
    normalize: str = "filter"
    ignore: str = "biasbn"
    orthogonal: bool = False
    grid: int = DEFAULT_GRID
    zoom: float = 1.0
    effort: str = "standard"
    every: int = 0
    turn: float = 0.0
    centre: int | None = None
    tolerance: float = TOLERANCE
    coordinates: str = COORDINATES[0]
    anchor: int | None = None
    choices: tuple[tuple[str, Any], ...] = ()
    precision: str = EXACT
    insist: bool = False

    @property
    def kind(self) -> PlaneKind:
        """The kind of plane; InputError where there is none of that name."""
        return kind_named(self.plane)

    @property
    def values(self) -> dict[str, Any]:
        """The value of each parameter of the plane, by name."""
        chosen = dict(self.choices)
        return {
            p.name: getattr(self, p.name) if p.name in FIELDS else chosen.get(p.name, p.default)
            for p in self.kind.parameters
        }

    def with_values(self, values: Mapping[str, Any]) -> SurveyRequest:
        """The same request with these parameters of its plane; those not named are at their defaults.

        >>> SurveyRequest("gaussians-mlp", "line").with_values({"between": "middle,trained"}).plane_arguments
        ['--plane', 'line', '--between', 'middle,trained', '--batchnorm', 'own']

        Raises
        ------
        InputError  a parameter that the plane does not have, or a value that it cannot have
        """
        checked = self.kind.checked(values)
        fields = {name: value for name, value in checked.items() if name in FIELDS}
        return replace(self, **fields, choices=tuple(item for item in checked.items() if item[0] not in FIELDS)).settled

    @property
    def settled(self) -> SurveyRequest:
        """The same request without choices that its plane does not have, so that equal pictures have equal requests."""
        plain, kind, values = SurveyRequest(self.target, self.plane), self.kind, self.values
        fixed: dict[str, Any] = {f: getattr(plain, f) for f in FIELDS if f not in values}
        fixed |= {} if kind.turns else {"turn": plain.turn}
        fixed |= {} if kind.around else {"centre": plain.centre}
        chosen = [
            (p.name, values[p.name]) for p in kind.parameters if p.name not in FIELDS and values[p.name] != p.default
        ]
        return replace(self, **fixed, choices=tuple(chosen), insist=self.insist and self.precision != EXACT)

    @property
    def is_standard(self) -> bool:
        """Whether only model and plane differ from the defaults: such landscapes come with the samples."""
        return replace(self.settled, every=0, tolerance=TOLERANCE) == SurveyRequest(self.target, self.plane)

    @property
    def at_standard_grid(self) -> SurveyRequest:
        """The same plane at the default grid."""
        return replace(self, grid=DEFAULT_GRID)

    @property
    def plane_alone(self) -> SurveyRequest:
        """The same plane and span, whatever is to be measured there and on how many points."""
        plain = SurveyRequest(self.target)
        return replace(self.settled, **{f: getattr(plain, f) for f in MEASURING})

    @property
    def path(self) -> Path:
        """Where its landscape is kept on this machine; a changed problem file means another place."""
        content = {**asdict(replace(self.settled, every=0)), "changed": modified(self.target)}
        # of curvature in the parameters nothing was said before there was a choice
        plains: dict[str, Any] = {
            "turn": 0.0,
            "centre": None,
            "choices": (),
            "coordinates": IN_PARAMETERS,
            "anchor": None,
        }
        for name, plain in {**plains, "precision": EXACT, "insist": False}.items():
            if content[name] == plain:
                del content[name]  # what was kept before there were such choices stays where it is
        del content["tolerance"]  # a survey goes on with another one in the same place
        key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
        name = stem(self.target)
        return user_cache_path("lossnav") / "landscapes" / f"{name}-{self.plane}-{key}.zarr"

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that compute it, without --out."""
        words = ["survey", self.target, *self.plane_arguments, "--grid", f"{self.grid}x{self.grid}"]
        words += ["--zoom", f"{self.zoom:g}"] if self.zoom != 1 else []
        words += ["--precision", self.precision] if self.precision != EXACT else []
        words += ["--insist"] if self.settled.insist else []
        if self.tolerance:
            words += [
                "--tolerance",
                f"{self.tolerance:g}",
                "--costly",
                f"{COSTLY_FACTOR * self.tolerance:g}",
                "--scale",
                "log",
            ]
        if self.effort == FORWARD_ONLY:
            return [*words, *self.measuring_arguments, "--overlay", FORWARD]
        return [*words, *self.measuring_arguments, "--effort", self.effort, "--every", str(self.every)]

    @property
    def measuring_arguments(self) -> list[str]:
        """The part of the arguments that says what curvature and elasticity are."""
        words = ["--coordinates", self.coordinates] if self.coordinates != COORDINATES[0] else []
        return words + ([f"--anchor={self.anchor}"] if self.anchor is not None else [])

    @property
    def plane_arguments(self) -> list[str]:
        """The part of the arguments that makes the plane."""
        words = ["--plane", self.plane]
        for parameter in self.kind.parameters:
            words += _option(parameter, self.values[parameter.name])
        words += [f"--turn={self.turn:g}"] if self.turn else []
        return words + ([f"--centre={self.centre}"] if self.centre is not None else [])

    @property
    def moved(self) -> bool:
        """Whether the plane is turned, or lies elsewhere than around the trained network."""
        return bool(self.turn) or self.centre is not None

    @property
    def command(self) -> str:
        """The command as a person would type it."""
        return shlex.join(["lossnav", *self.arguments, "--out", f"{stem(self.target)}.zarr"])


def _option(parameter: Parameter, value: Any) -> list[str]:
    """The words of one parameter of a plane on the command."""
    name = parameter.name.replace("_", "-")
    if isinstance(value, bool):
        return [] if value == parameter.default else [f"--{name}" if value else f"--no-{name}"]
    return [f"--{name}={value}"] if str(value).startswith("-") else [f"--{name}", str(value)]


def checkpoints(target: str) -> int:
    """How many checkpoints the training path has; 0: there is none."""
    if target in names():
        return int((card(target).get("trajectory") or {}).get("checkpoints", 0))
    if target == os.environ.get(TARGET_VARIABLE):
        return int(os.environ.get(CHECKPOINTS_VARIABLE, 0))
    return remembered(target) or 0

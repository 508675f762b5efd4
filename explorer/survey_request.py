"""What a person asked to have surveyed: one frozen specification, and the `lossnav survey` command that it means."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lossnav.core import InputError, Plane, Problem
from lossnav.core.checks import known
from lossnav.core.plane.plane import Span
from lossnav.core.problem.problem import at_checkpoint
from lossnav.core.properties.selection import FORWARD
from lossnav.sample_models import NAMES, card
from platformdirs import user_cache_path

# name → (title, what it shows)
PLANES: dict[str, tuple[str, str]] = {
    "random": ("Random directions", "Two random directions around the trained network, scaled to its filters."),
    "trajectory": ("Training path (PCA)", "The two principal components of the training path."),
    "eigen-top": ("Top two eigenvectors", "The two directions of largest curvature at the trained network."),
    "eigen-bottom": ("Top and bottom eigenvectors", "The directions of largest and of most negative curvature."),
    "gradient": ("Gradient and top eigenvector", "The gradient, and the direction of largest curvature beside it."),
}
WATCHED = (".py", ".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".npz", ".npy")  # code, weights and data
SPAN_FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
GRID_SIZES = (25, 51, 101, 201)
DEFAULT_GRID = 51
FORWARD_ONLY = "none"
# effort → (title, what it measures)
EFFORTS = {
    FORWARD_ONLY: ("None", "Forward passes only: no curvature, no gradients, no descents."),
    "preview": ("Preview", "3 probes × 4 Lanczos steps on 128 examples or more."),
    "standard": ("Standard", "4 probes × 5 Lanczos steps on 256 examples, on all of them where the network is small."),
    "full": ("Full", "8 probes × 16 Lanczos steps on all examples."),
}
STRIDES = (1, 2, 4, 8)
TOLERANCE = 0.01
TOLERANCES = {
    0.01: "Adaptive, 1 %",
    0.001: "Adaptive, 0.1 %",
    0.0: "Every point",
}
COSTLY = 10  # times the tolerance is what curvature, gradients and descents may be off by


@dataclass(frozen=True)
class SurveyRequest:
    """A model, a plane and a grid.

    target      a sample's name, or "file.py[:name]", or "module:name"
    plane       a key of PLANES
    seed, normalize, ignore, orthogonal   of the random plane; the others have no such choice
    grid        points along each axis
    zoom        the span as a multiple of the plane's own
    effort      a key of EFFORTS: how finely curvature, gradients and descents are measured around each point
    every       those are measured on every so many rows and columns; 0: so many that it takes minutes
    turn        degrees by which the plane's second direction is turned towards a third
    centre      the checkpoint of the training path that the plane lies around; None: the trained network
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

    @property
    def settled(self) -> SurveyRequest:
        """The same request without choices that its plane does not have, so that equal pictures have equal requests."""
        plain = SurveyRequest(self.target, self.plane)
        fixed = {f: getattr(plain, f) for f in ("seed", "normalize", "ignore", "orthogonal")}
        return self if self.plane == "random" else replace(self, **fixed)

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
        return replace(self.settled, **{f: getattr(plain, f) for f in ("grid", "effort", "every", "tolerance")})

    @property
    def path(self) -> Path:
        """Where its landscape is kept on this machine; a changed problem file means another place."""
        content = {**asdict(replace(self.settled, every=0)), "changed": modified(self.target)}
        for name, plain in (("turn", 0.0), ("centre", None)):
            if content[name] == plain:
                del content[name]  # a plane that is not moved stays where it was kept before planes could be
        del content["tolerance"]  # a survey goes on with another one in the same place
        key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
        name = Path(self.target.partition(":")[0]).stem
        return user_cache_path("lossnav") / "landscapes" / f"{name}-{self.plane}-{key}.zarr"

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that compute it, without --out."""
        words = ["survey", self.target, *self.plane_arguments, "--grid", f"{self.grid}x{self.grid}"]
        words += ["--zoom", f"{self.zoom:g}"] if self.zoom != 1 else []
        if self.tolerance:
            words += [
                "--tolerance",
                f"{self.tolerance:g}",
                "--costly",
                f"{COSTLY * self.tolerance:g}",
                "--scale",
                "log",
            ]
        if self.effort == FORWARD_ONLY:
            return [*words, "--overlay", FORWARD]
        return [*words, "--effort", self.effort, "--every", str(self.every)]

    @property
    def plane_arguments(self) -> list[str]:
        """The part of the arguments that makes the plane."""
        words = ["--plane", self.plane]
        if self.plane == "random":
            words += ["--seed", str(self.seed), "--normalize", self.normalize, "--ignore", self.ignore]
            words += ["--orthogonal"] if self.orthogonal else []
        words += [f"--turn={self.turn:g}"] if self.turn else []
        return words + ([f"--centre={self.centre}"] if self.centre is not None else [])

    @property
    def moved(self) -> bool:
        """Whether the plane is turned, or lies elsewhere than around the trained network."""
        return bool(self.turn) or self.centre is not None

    @property
    def command(self) -> str:
        """The command as a person would type it."""
        return shlex.join(["lossnav", *self.arguments, "--out", f"{Path(self.target.partition(':')[0]).stem}.zarr"])


def make_plane(problem: Problem, asked: SurveyRequest) -> Plane:
    """The plane that was asked for, around a checkpoint where `asked.centre` says so, and turned.

    Raises
    ------
    InputError  an unknown name, or a plane that the problem does not allow
    """
    centre, ignore = asked.centre, None if asked.ignore == "none" else asked.ignore
    if centre is not None:
        problem = at_checkpoint(problem, centre)
    makers: dict[str, Callable[[], Plane]] = {
        "random": lambda: Plane.random(problem, asked.seed, asked.normalize, ignore, asked.orthogonal),
        "trajectory": lambda: Plane.trajectory(problem),
        "eigen-top": lambda: Plane.eigen(problem, ("top", "second")),
        "eigen-bottom": lambda: Plane.eigen(problem, ("top", "bottom")),
        "gradient": lambda: Plane.gradient(problem),
    }
    made = makers[known(asked.plane, makers, "plane")]()
    placed = made if centre is None else replace(made, details={**made.details, "centre": centre})
    return placed.turned(asked.turn)


def zoomed(span: Span, zoom: float) -> Span:
    """A span grown or shrunk by `zoom` about its middle.

    >>> zoomed(((-1.0, 1.0), (0.0, 2.0)), 2.0)
    ((-2.0, 2.0), (-1.0, 3.0))

    Raises
    ------
    InputError  a zoom that is not positive
    """
    if not zoom > 0:
        raise InputError(f"--zoom should be a positive number, but is {zoom:g}: 2 shows twice the plane's own span.")
    if zoom == 1:
        return span  # to the last digit
    (a, b), (c, d) = span
    return (_grown(a, b, zoom), _grown(c, d, zoom))


def _grown(low: float, high: float, zoom: float) -> tuple[float, float]:
    middle, half = (low + high) / 2, zoom * (high - low) / 2
    return middle - half, middle + half


def modified(target: str) -> str:
    """What changes when a target's network does: a sample's card; for a file or a module, the newest code or weights beside it.

    Weights kept elsewhere are not seen: "Recompute" on the page, or --overwrite, measures them anew.
    """
    if target in NAMES:
        return json.dumps(card(target), sort_keys=True)
    folder = _folder(target)
    times = [p.stat().st_mtime_ns for p in folder.iterdir() if p.suffix in WATCHED] if folder else []
    return str(max(times, default=0))


def _folder(target: str) -> Path | None:
    name = target.partition(":")[0]
    if not name.endswith(".py"):
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            return None
        name = (spec and spec.origin) or ""
    folder = Path(name).resolve().parent
    return folder if name and folder.is_dir() else None

"""`survey`: a plan of points and the readouts wanted → a landscape; coarse to fine, resumable at any point."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import xarray as xr

from ..adaptive.tolerance import Tolerance
from ..local.estimation import Estimation
from ..plane.plane import Plane, Span
from ..problem.problem import Problem
from .footprint import require_room
from .going_on import as_begun
from .landscape import landscape
from .run import Elsewhere, Progress, SurveyRun
from .specification import Specification
from .store import LandscapeStore


def survey(
    problem: Problem,
    plane: Plane,
    shape: tuple[int, int] = Specification.shape,
    span: Span | None = Specification.span,
    overlays: Sequence[str] = Specification.overlays,
    device: str | torch.device = Specification.device,
    dtype: torch.dtype | str | None = Specification.dtype,
    seed: int = Specification.seed,
    tolerance: float | Tolerance | None = Specification.tolerance,
    store: str | Path | None = None,
    progress: Progress | None = None,
    *,
    batch_size: int | None = Specification.batch_size,
    fidelity: bool = Specification.fidelity,
    effort: str | Estimation = Specification.effort,
    every: int = Specification.every,
    precision: str | None = Specification.precision,
    insist: bool = Specification.insist,
) -> xr.Dataset:
    """Measure the landscape of `problem` on `plane`.

    Parameters
    ----------
    shape       points along (alpha, beta)
    span        ((α from, α to), (β from, β to)); None: the plane's own, ((−1, 1), (−1, 1)) for random planes
    overlays    names of properties (all their readouts) or of single readouts; ("all",) for everything, ("forward",) for
                what needs neither curvature nor descents
    device      "auto" (CUDA where there is one) | "cpu" | "cuda" …
    dtype       floating precision; None: the model's own
    seed        of whatever is estimated
    tolerance   None: every point is measured; 0.01: as few as bring the largest error of interpolation below 1 % of the
                drawn range (five times that for what is measured around points), or a Tolerance
    store       where to keep the landscape; a survey stopped there is taken up again with the same numbers
    progress    called with (measurements done, measurements in all); a point counts once for each stage
    batch_size  examples per forward pass; None: by a fixed rule, the same on every run
    fidelity    also measure how far to trust the plane (a few dozen further passes)
    effort      how finely curvature, per-example gradients and descents are measured at each point: "preview",
                "standard", "full" (all examples), or an Estimation
    precision   None: the arithmetic of `dtype`, exactly; "tf32" or "bf16": products and convolutions of a float32 survey's
                forward passes rounded to these, where that is faster on this machine than exact float32, as is timed before
                the first point; `attrs["spec"]` says which ran, why, and with what error
    insist      keep to the precision even where it is no faster
    every       measure those on every 1st, 2nd, 4th … row and column only, the ends included; NaN elsewhere

    Returns
    -------
    xarray.Dataset over ("alpha", "beta"): "loss", "accuracy" and "error" where there are labels, the readouts of
    the overlays under their METHODS names, "<name>_se" beside what is estimated, "measured". `attrs["unavailable"]` is
    JSON text, name → reason; `attrs["estimation"]` says with which probes and examples. With a tolerance there are values
    everywhere, "<name>_error" says how wrong those between measured points may be, and `attrs["adaptive"]` sums it up.

    Raises
    ------
    InputError  unknown names, impossible sizes, a GPU that is not there, a store that holds something else, a plan that
                needs more memory than is free

    >>> from torch import nn
    >>> model = nn.Linear(1, 1, bias=False).double()
    >>> _ = nn.init.constant_(model.weight, 2.0)
    >>> problem = Problem(model, torch.ones(3, 1).double(), torch.zeros(3, 1).double(), loss="mse")
    >>> line = Plane.line({"weight": torch.zeros(1, 1).double()}, model)      # θ = 2α, L = θ²
    >>> survey(problem, line, shape=(3, 1), span=((0, 2), (0, 0)))["loss"].values.ravel().tolist()
    [0.0, 4.0, 16.0]
    """
    what = Specification(
        problem,
        plane,
        shape,
        overlays,
        device,
        dtype,
        seed,
        tolerance,
        span=span,
        batch_size=batch_size,
        fidelity=fidelity,
        effort=effort,
        every=every,
        precision=precision,
        insist=insist,
    )
    return surveyed(what, store, progress)


def surveyed(
    specification: Specification,
    store: str | Path | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
    repair: bool = False,
    elsewhere: Elsewhere | None = None,
) -> xr.Dataset:
    """The landscape of a specification; `store` and `progress` as in `survey`.

    overwrite  measure anew what is in the store; the old landscape is kept beside it until the new one is complete
    repair     measure again what is damaged in the store, and only that
    elsewhere  other processes that measure the points
    """
    if store is not None and not overwrite and elsewhere is None:  # other processes have made theirs by now
        specification = as_begun(specification, store)
    require_room(specification)
    run = SurveyRun.of(specification, progress, elsewhere)
    if store is None:
        return landscape(run.run())  # nobody sees a first look
    keeper = LandscapeStore(store)
    with keeper.writing():
        run.keep_in(keeper, overwrite, repair)
        land = landscape(run.run())
        keeper.discard_old()
        return land

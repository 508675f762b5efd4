"""A survey that goes on with a landscape keeps to the examples that it was begun on, where they are as many or more.

How many examples an effort can afford has changed, and may again: what was measured on more of them is no worse for that, and a
landscape whose points were measured on different ones would be worse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..local.samples import sample_sizes
from .headers import refuse_odd_things
from .specification import Specification


def as_begun(specification: Specification, store: str | Path) -> Specification:
    """`specification`, on the examples of the landscape at `store` where that is estimated in the same way on as many or more.

    Only what could be afforded may differ, `Estimation.pass_flops`. A number of examples that was asked for itself stays as it
    is, and so does a specification where there is nothing that can be read: whoever opens it says what is the matter.
    """
    asked = specification.estimation
    stored = _estimation_in(Path(store))
    if not stored or not asked.pass_flops or not stored.get("pass_flops"):
        return specification
    if stored != {**asked.as_json(), "pass_flops": stored["pass_flops"]}:
        return specification
    begun = replace(asked, pass_flops=float(stored["pass_flops"]))
    everything = specification.problem.example_count
    sizes = [
        [everything if size is None else size for size in sample_sizes(specification.problem, each)]
        for each in (begun, asked)
    ]
    fewer = any(there < here for there, here in zip(*sizes, strict=True))
    return specification if fewer else replace(specification, effort=begun)


def _estimation_in(path: Path) -> Mapping[str, Any] | None:
    """The settings that a landscape says it was measured with; None where there is none, or none that can be read."""
    import zarr

    if not path.is_dir() or not any(path.iterdir()):
        return None
    try:
        refuse_odd_things(path)
        said: Any = zarr.open_group(path, mode="r").attrs.get("spec")
    except Exception:  # damage of any kind
        return None
    estimation = said.get("estimation") if isinstance(said, dict) else None
    return estimation if isinstance(estimation, dict) else None

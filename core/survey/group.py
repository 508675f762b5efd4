"""A landscape as a Zarr group: its arrays, their chunks, and what it says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..parameters.hashing import digest
from .integrity import SEALED, compressors, seal
from .points import MeasuredPoints

if TYPE_CHECKING:
    import zarr

FORMAT = 2
CHUNK = 256  # points


def every_chunk() -> Any:
    """Chunks of nothing but fill values are written too: one that is missing is lost, and never empty."""
    import zarr

    return zarr.config.set({"array.write_empty_chunks": True})


def attributes(points: MeasuredPoints, spec: dict[str, Any]) -> dict[str, Any]:
    """A landscape's metadata, with its digest."""
    said = {
        "lossnav_format": FORMAT,
        "spec": spec,
        "spec_digest": digest(spec),
        "columns": list(points.columns),
        "stages": list(points.stages),
        "overlays": list(points.overlays),
        "about": points.info.as_json(),
    }
    return said | {SEALED: seal(points.plan, said)}


def write_group(place: Any, points: MeasuredPoints, spec: dict[str, Any], small: bool = False) -> None:
    """Write everything that is known to a new Zarr group at `place`, a path or a zarr store.

    small  column by column and shuffled by bytes, a fifth smaller, in place of chunks that grow with the survey
    """
    import zarr

    with every_chunk():
        _write_arrays(zarr.create_group(place, attributes=attributes(points, spec)), points, small)


def _write_arrays(group: zarr.Group, points: MeasuredPoints, small: bool) -> None:
    from zarr.codecs import BloscCodec

    plan, count = points.plan, len(points.plan.cells)
    for name, data in {"cells": plan.cells.astype("int32"), "levels": plan.levels.astype("int16")}.items():
        group.create_array(name, data=data, compressors=compressors())
    for name, axis in {"alpha": plan.alpha, "beta": plan.beta}.items():
        group.create_array(name, data=axis, compressors=compressors())
    values = group.create_array(
        "values",
        shape=points.values.shape,
        chunks=(count, 1) if small else (min(CHUNK, count), max(1, len(points.columns))),
        dtype=points.values.dtype,
        fill_value=np.nan,
        compressors=compressors(*([BloscCodec(cname="zstd", clevel=9, shuffle="shuffle")] if small else [])),
    )
    done = group.create_array(
        "done",
        shape=points.done.shape,
        chunks=(min(8 * CHUNK, count), points.done.shape[1]),
        dtype=bool,
        fill_value=False,
        compressors=compressors(),
    )
    values[:] = points.values
    done[:] = points.done

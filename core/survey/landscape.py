"""Measured points as a landscape: an xarray Dataset over (alpha, beta)."""

from __future__ import annotations

import json
from typing import Any

from ..properties.protocol import NavigatorProperty, Readout

_JSON_KEYS = (
    "unavailable",
    "centre",
    "problem",
    "plane",
    "facts",
    "estimation",
    "every",
    "descents",
    "provenance",
    "fidelity",
    "spec",
)


MATRIX_NAMES = {
    "ggn": "the Gauss-Newton matrix",
    "remainder": "the remainder",
    "fisher": "the Fisher",
    "empirical_fisher": "the empirical Fisher",
}


def _attributes(owner: NavigatorProperty, readout: Readout, loss_unit: str, matrix: str) -> dict[str, Any]:
    return {
        "long_name": readout.label.replace("the Hessian", MATRIX_NAMES.get(matrix, "the Hessian")),
        "units": readout.unit.replace("nats", loss_unit),
        "property": owner.name,
        "readout": readout.name,
        "low_pole": readout.poles[0],
        "high_pole": readout.poles[1],
        "scale": readout.scale,
        "zero": int(readout.zero),
        "stage": readout.stage,
        **({"labels": json.dumps(readout.labels)} if readout.labels else {}),
    }

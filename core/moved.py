"""Modules that have moved are still found under their old names, with a warning; this goes with version 0.3."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
import warnings
from collections.abc import Mapping, Sequence
from types import ModuleType

# old name → new name, within lossnav.core
MOVED = {
    "adaptive.appraisal": "adaptive.error_estimate",
    "adaptive.drawing": "adaptive.display_scale",
    "adaptive.filling": "adaptive.interpolated",
    "adaptive.steps": "survey.schedule",
    "configuration": "plane.configuration",
    "cost": "survey.cost",
    "course": "survey.run",
    "curvature_directions": "plane.curvature_directions",
    "density.files": "formats.density_map",
    "directions": "plane.directions",
    "engine.allocation": "machine.allocator",
    "engine.batching": "network.batching",
    "engine.graphs": "engine.cuda_graph",
    "engine.points_at_once": "engine.batched_points",
    "engine.recalibration": "network.batchnorm",
    "engine.stillness": "network.purity",
    "engine.threads": "machine.threads",
    "engine.ways": "engine.execution",
    "engine.workspace": "network.workspace",
    "exchange": "formats.convert",
    "expectation": "survey.expected_points",
    "fidelity": "survey.fidelity",
    "filling": "survey.coarse_fill",
    "footprint": "survey.footprint",
    "gaussian_pair": "plane.random_directions",
    "glance": "survey.preview",
    "landscape": "survey.points",
    "likelihood": "problem.likelihoods",
    "loading": "problem.loading",
    "local.instruments": "local.context",
    "local.room": "local.workers",
    "plan": "survey.grid",
    "problem.data_adapter": "problem.data.adapter",
    "problem.data_graph": "problem.data.graph",
    "problem.data_packed": "problem.data.packed",
    "problem.data_ragged": "problem.data.ragged",
    "problem.data_reading": "problem.data.reading",
    "problem.data_signature": "problem.data.signature",
    "problem.data_split": "problem.data.split",
    "problem.data_tensors": "problem.data.tensors",
    "projection": "plane.projection",
    "provenance": "survey.provenance",
    "spectrum.affine_weights": "curvature.affine_weights",
    "spectrum.blocks": "spectrum.coupling_matrix",
    "spectrum.chunks": "curvature.chunks",
    "spectrum.dense": "curvature.dense",
    "spectrum.example_gradients": "curvature.example_gradients",
    "spectrum.files": "spectrum.io",
    "spectrum.fisher": "curvature.fisher",
    "spectrum.gauss_newton": "curvature.gauss_newton",
    "spectrum.layers": "curvature.layers",
    "spectrum.linearisation": "curvature.linearisation",
    "spectrum.linearised": "curvature.linearised",
    "spectrum.operators": "curvature.operators",
    "spectrum.output_curvature": "curvature.output_curvature",
    "spectrum.products": "curvature.loss_function",
    "spectrum.program": "curvature.program",
    "spectrum.rules": "curvature.rules",
    "spectrum.sweep": "spectrum.coupling_sweep",
    "store": "survey.store",
    "terrain": "properties.terrain",
    "trajectory": "problem.trajectory",
    "turning": "plane.rotation",
    "vectors": "parameters.vectors",
    "wanted": "properties.selection",
    "watched": "parameters.guarded",
    "weights": "problem.weights",
}


class OldNames(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds modules of `package` by the names that they had.

    What is found is the module itself and no copy, so that what is changed in it is changed.

    package  dotted name
    moved    old name → new name, both within the package
    """

    def __init__(self, package: str, moved: Mapping[str, str]) -> None:
        self.names = {f"{package}.{old}": f"{package}.{new}" for old, new in moved.items()}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The loader of `name`, where it is an old one."""
        return importlib.machinery.ModuleSpec(name, self) if name in self.names else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """The module under its new name."""
        new = self.names[spec.name]
        warnings.warn(
            f"{spec.name} is now {new}; the old name goes with version 0.3.", DeprecationWarning, stacklevel=2
        )
        module = importlib.import_module(new)
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is run again; the module's own specification is put back where the import system laid the old name's."""
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


def keep_old_names(package: str, moved: Mapping[str, str]) -> None:
    """Let modules of `package` be imported by their old names."""
    sys.meta_path.append(OldNames(package, moved))

"""How much memory a survey takes at its peak, told before it starts; a plan that does not fit is refused.

    peak = model + plane + data + copy + points + anchor + kept + outputs + overhead + max(activations, costly stages, trials, fidelity)

The plane is its own θ₀ and directions, where it holds them; `points` is what lays them flat, where they are small; `copy` is
the network that points are placed in; `anchor` the Fisher diagonal of a network that is its own; `kept` what a CPU's allocator
does not give back (see `allocation`); `outputs` those of all examples, where metrics are measured of them. Nothing depends on the size of the grid but the ends of the basins' descents.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from ..checks import InputError
from ..curvature.example_gradients import chunk_rows
from ..curvature.loss_function import DOUBLE_VECTORS
from ..curvature.second_derivatives import MOST_DOUBLE
from ..engine.placement import lies_flat
from ..local.estimation import Estimation
from ..local.measure import LocalMeasure
from ..local.samples import GRADIENT_NUMBERS, fisher_row_count, sample_sizes
from ..local.workers import bytes_per_worker, worker_count
from ..machine.allocator import SPARE_BYTES
from ..machine.memory import byte_text, free_bytes
from ..machine.sparse import bytes_of
from ..network.batching import CURVATURE_GRAPH_BYTES, activation_bytes, cut_is_fixed, forward_batch_size
from ..network.streamed import is_streamed
from ..network.whole_outputs import whole_bytes
from ..network.workspace import is_image
from ..parameters.guarded import Watched
from ..parameters.layout import Layout
from ..plane.plane import Plane
from ..problem.problem import Problem
from ..properties.protocol import STAGES
from ..properties.selection import Wanted
from .specification import Specification

LIVE_ACTIVATIONS = 3  # of the size of the largest, at once in a forward pass: what goes in, comes out, room to work
KEPT_PASSES = 2  # passes whose activations the allocator keeps, as twice the examples are tried too
INNER_PRODUCT_BYTES = 20  # of each pair of gradients: in float32, in float64, and that once more while it is read
FISHER_PRODUCT_BYTES = 48  # of the rows of a Fisher: themselves in both precisions, their eigenvectors, squares
OVERHEAD_BYTES = 5 * 2**20  # of Python and the kernels' own room, whatever the network
TRACE_PROBES = 16  # of the fidelity's trace
TRIAL_VECTORS = 16  # at once while second derivatives are tested, measured with 27 million parameters
REMEDIES = {
    "activations": "give a smaller batch_size (--batch-size), or fewer examples",
    "costly stages": "ask for readouts that need no curvature (overlays=('forward',), --overlay forward), or a lower effort "
    "(--effort preview)",
    "trials": "ask for readouts that need no curvature (overlays=('forward',), --overlay forward)",
    "fidelity": "leave the fidelity out (fidelity=False, --no-fidelity)",
    "outputs": "leave the metrics out, which need the outputs of all examples at once, or give fewer examples",
    "plane": "have the directions drawn anew at every point (Plane.random(…, held=False))",
}


@dataclass(frozen=True)
class Footprint:
    """Bytes by what they are for.

    device  whose memory it is
    lasting what stays from the first point to the last: "model", "plane" and "data" (which are there already on a CPU),
            "copy", "points", "anchor", "kept", "workers" (of the costly stages: their networks, probes, ends of descents),
            "float64" (the copy that differences of gradients are taken on), "outputs" (of all examples, for metrics, on a CPU),
            "overhead"
    passing what comes and goes, of which the largest counts: "activations", "anchor", "costly stages", "trials" (of the network's
            second derivatives, where they are not tested yet), "fidelity"
    held    how much of it is there before the survey starts
    remedies  what to do where something that a property makes once does not fit, by its name
    whole_batches  whether batches are part of the loss, so that smaller ones would make another loss of it
    """

    device: torch.device
    lasting: dict[str, int]
    passing: dict[str, int]
    held: int
    remedies: dict[str, str] = field(default_factory=dict)
    whole_batches: bool = False

    @property
    def peak(self) -> int:
        """Bytes at the peak."""
        return sum(self.lasting.values()) + max(self.passing.values())

    @property
    def needed(self) -> int:
        """Bytes at the peak that are not there yet."""
        return self.peak - self.held

    @property
    def remedy(self) -> str:
        """The change that would lower it most."""
        worst = max(self.passing, key=self.passing.__getitem__)
        if worst == "activations" and self.whole_batches:
            return (
                "a batch's examples belong together here and pass at once; give fewer examples, or smaller batches, "
                "Problem(…, batches=…), which is another loss"
            )
        lasting = {name: self.lasting.get(name, 0) for name in ("plane", "outputs")}
        candidates = {worst: self.passing[worst], **lasting}
        name = max(candidates, key=candidates.__getitem__)
        if candidates[name] < self.lasting["copy"] / 2:
            return "use a machine with more memory, or a lower precision (dtype)"
        return {**REMEDIES, **self.remedies}[name]


def footprint(specification: Specification) -> Footprint:
    """The memory that a survey takes.

    >>> from torch import nn
    >>> problem = Problem(nn.Linear(1000, 1000, bias=False), torch.zeros(2, 1000), torch.zeros(2, 1000), loss="mse")
    >>> found = footprint(Specification(problem, Plane.random(problem)))
    >>> found.lasting["copy"], found.lasting["plane"]  # 4 bytes a number: one vector; θ₀ and two directions
    (4000000, 12000000)
    """
    spec, problem, plane = specification, specification.problem, specification.plane
    where, kind = spec.where, spec.number
    vector = Layout.of(problem.parameters).size * kind.itemsize
    model = sum(map(bytes_of, (*problem.model.parameters(), *problem.model.buffers())))
    copy = vector + model - sum(t.nbytes for t in problem.parameters.values())
    points = 3 * vector if lies_flat(vector // kind.itemsize, where, kind) else 0
    lasting, held = {"copy": copy, "points": points, "overhead": OVERHEAD_BYTES}, 0
    lasting["data"] = sum(_data_bytes(each, spec.converted, where) for each in problem.on_all_data)
    if where.type == "cpu":
        data = sum(t.nbytes for each in problem.on_all_data for t in _data(each))
        lasting |= {"model": model, "plane": _plane_bytes(plane), "data": data + lasting["data"]}
        held = model + _plane_bytes(plane) + data
    passes = [
        (activation_bytes(each), spec.batch_size or forward_batch_size(each, where)) for each in problem.on_all_data
    ]
    (_, total), _ = passes[0]
    if where.type == "cpu":
        lasting |= {"outputs": sum(map(whole_bytes, problem.on_all_data))} if problem.metrics else {}
        lasting["kept"] = min(SPARE_BYTES, KEPT_PASSES * max(every * size for (_, every), size in passes))
    passing = {"activations": LIVE_ACTIVATIONS * max(largest * size for (largest, _), size in passes)}
    stages, made = stage_measures(spec.asked), spec.asked.preparations(problem)
    lasting |= {each.name: int(each.lasting * vector) for each in made}
    passing |= {each.name: int(each.passing * vector) for each in made}
    if any(stages.values()):
        estimation, count = spec.estimation, int(spec.plan.every(spec.every).sum())
        lasting["workers"] = _workers(problem, estimation, where, kind, vector)
        lasting["workers"] += (
            count * vector * sum(each.work.stored for measures in stages.values() for each in measures)
        )
        passing["costly stages"] = _at_work(problem, estimation, where, kind, stages, vector)
        if stages["curvature"] and "second_derivatives" not in problem.trials:
            passing["trials"] = _trial_bytes(problem, vector, kind)
        if _takes_differences(problem):
            lasting["float64"] = DOUBLE_VECTORS * 8 * vector // kind.itemsize
    if spec.fidelity:
        graph = min(CURVATURE_GRAPH_BYTES, 4 * total * problem.example_count)
        # sums of products in float64, and their means
        doubled = 2 * TRACE_PROBES * vector * torch.float64.itemsize // kind.itemsize
        passing["fidelity"] = 2 * vector + (2 * TRACE_PROBES + 2) * vector + doubled + graph
    return Footprint(where, lasting, passing, held, {each.name: each.remedy for each in made}, cut_is_fixed(problem))


def refuse_what_does_not_fit(needs: Footprint) -> None:
    """Raise InputError, with figures and what to do, where more memory is needed than is free."""
    free = free_bytes(needs.device)
    if free is not None and needs.needed > free:
        what = "GPU memory" if needs.device.type == "cuda" else "memory"
        raise InputError(
            f"This survey needs about {byte_text(needs.needed)} of {what}, and {byte_text(free)} are free: {needs.remedy}."
        )


def require_room(specification: Specification) -> None:
    """Raise InputError where a survey needs more memory than is free."""
    refuse_what_does_not_fit(footprint(specification))


def _trial_bytes(problem: Problem, vector: int, kind: torch.dtype) -> int:
    """Bytes that the test of second derivatives takes: a copy, two directions and their images, gradients and differences of them; in
    float64 where the network is small enough for that."""
    in_double = problem.parameter_count <= MOST_DOUBLE
    return TRIAL_VECTORS * vector * (torch.float64.itemsize if in_double else kind.itemsize) // kind.itemsize


def _takes_differences(problem: Problem) -> bool:
    """Whether products with the curvature are known to be differences of gradients, taken on a copy in float64."""
    found = problem.trials.get("second_derivatives")
    return problem.products == "differences" or (found is not None and found.how == "differences")


def _plane_bytes(plane: Plane) -> int:
    vector = sum(t.nbytes for t in plane.origin.values())
    return vector * ((not isinstance(plane.origin, Watched)) + 2 * (not plane.is_streamed))


def _data(problem: Problem) -> list[torch.Tensor]:
    return [t for t in (*problem.inputs, problem.targets, problem.law) if t is not None]


def _data_bytes(problem: Problem, dtype: torch.dtype | None, where: torch.device) -> int:
    """Bytes of data that are laid out anew: in another precision, on a GPU, images with their channels last; data that are
    streamed are not."""
    if is_streamed(problem, dtype, where):
        return 0
    total = 0
    for tensor in _data(problem):
        kind = dtype if dtype is not None and tensor.is_floating_point() else tensor.dtype
        if where.type == "cuda" or kind != tensor.dtype or is_image(tensor):
            total += tensor.numel() * kind.itemsize
    return total


def stage_measures(asked: Wanted) -> dict[str, list[LocalMeasure]]:
    """The costly stages, each with what is measured in it."""
    return {stage: asked.local_measures(stage) for stage in STAGES[1:]}


def _workers(problem: Problem, estimation: Estimation, where: torch.device, kind: torch.dtype, vector: int) -> int:
    """Bytes that the costly stages keep: a copy of the network for each worker, and the probes that all of them use."""
    workers = worker_count(problem, estimation, where, kind)
    benches = workers + 1 if workers > 1 else 1
    networks = 1 + sum(size is not None for size in sample_sizes(problem, estimation))
    parameters = 2 * vector * 4 // kind.itemsize  # where each one lies, in whole numbers
    bench = (1 + networks) * vector + parameters  # the copy, and a point for each loss on it
    return benches * bench + (2 * estimation.probes + 4) * vector + parameters


def _at_work(
    problem: Problem,
    estimation: Estimation,
    where: torch.device,
    kind: torch.dtype,
    stages: dict[str, list[LocalMeasure]],
    vector: int,
) -> int:
    """Bytes of gradients, curvature or descents at the points under way: gradients of examples, bases, steps."""
    workers = worker_count(problem, estimation, where, kind)
    at_work = {"gradient": 0, "curvature": bytes_per_worker(problem, estimation, kind), "descent": 6 * vector}
    if any(measure.work.examples for measure in stages["gradient"]):
        rows = gradient_rows(problem, estimation)
        at_work["gradient"] = (rows + chunk_rows(problem.parameter_count)) * vector + rows**2 * INNER_PRODUCT_BYTES
    if any(measure.work.fisher for measure in stages["gradient"]):
        rows = _fisher_rows(problem, gradient_rows(problem, estimation))
        fisher = (2 * rows + chunk_rows(problem.parameter_count)) * vector + rows**2 * FISHER_PRODUCT_BYTES
        at_work["gradient"] = max(at_work["gradient"], fisher)
    return workers * max(at_work[stage] for stage, found in stages.items() if found)


def _fisher_rows(problem: Problem, predictions: int) -> int:
    """How many rows of the Fisher of single predictions: as many as a prediction has outputs, as far as they go."""
    problem = problem.stated
    outputs = problem.classes or max(1, problem.targets.numel() // max(1, problem.prediction_count))
    return min(fisher_row_count(problem), predictions * outputs)


def gradient_rows(problem: Problem, estimation: Estimation) -> int:
    """How many gradients of single predictions are held at once."""
    sampled = sample_sizes(problem, estimation)[1] or problem.prediction_count
    return min(sampled, problem.prediction_count, max(2, GRADIENT_NUMBERS // problem.parameter_count))

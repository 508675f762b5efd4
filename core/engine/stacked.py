"""Several points of a plane in one pass, for networks of linear layers and what acts on single numbers: stacks of products.

A linear map of the data themselves is linear in the place: X W(α, β)ᵀ = X W₀ᵀ + α X W₁ᵀ + β X W₂ᵀ. These three products are made
once, and a point then costs two sums in place of the product of its first layer. They are made in float64, so that what they and
the sum lose, with rounding u of the survey's precision and Z the terms as they are summed, is at most 3u (|Z₀| + |α Z₁| + |β Z₂|):
of a float32 product over d inputs it may be d u (Higham 2002, ch. 3).
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, fx

from ..machine import capabilities
from ..network.workspace import Batch, Workspace
from .kernels import dense
from .network_record import network_record, state_of
from .placement import Placement
from .tracing import UnrecordableError

aten = torch.ops.aten
# numbers of the result depend on the number in the same place alone; where torch can write them in place, how
ELEMENTWISE: dict[Any, Any] = {
    aten.relu.default: aten.relu_.default,
    aten.tanh.default: aten.tanh_.default,
    aten.sigmoid.default: aten.sigmoid_.default,
    aten.gelu.default: None,
    aten.silu.default: aten.silu_.default,
    aten.elu.default: aten.elu_.default,
    aten.leaky_relu.default: aten.leaky_relu_.default,
    aten.hardtanh.default: aten.hardtanh_.default,
    aten.softplus.default: None,
    aten.mish.default: None,
    aten.exp.default: aten.exp_.default,
    aten.sin.default: aten.sin_.default,
    aten.cos.default: aten.cos_.default,
    aten.neg.default: aten.neg_.default,
    aten.abs.default: aten.abs_.default,
    aten.pow.Tensor_Scalar: None,
}
IN_PLACE: dict[Any, Any] = {written: operation for operation, written in ELEMENTWISE.items() if written is not None}
BROADCAST = (aten.add.Tensor, aten.sub.Tensor, aten.mul.Tensor, aten.div.Tensor)
SAME = (aten.detach.default, aten.alias.default)
RESHAPED = (aten.view.default, aten._unsafe_view.default)
OVER_CLASSES = (aten._log_softmax.default, aten._softmax.default)
PRODUCTS = (aten.addmm.default, aten.mm.default)
LARGE = 2**12  # numbers, from which oneDNN's tanh repays that it is copied to and fro


class StackedNetwork:
    """A network's outputs at several points at once, from its record.

    Raises
    ------
    UnrecordableError  when called: the network cannot be recorded, or something in it has no rule here
    """

    def __init__(self, space: Workspace) -> None:
        self._space = space
        self._programs: dict[tuple[int, int, bool], tuple[Batch, Placement, _Program]] = {}

    def forget(self) -> None:
        """To be called when the batches are cut anew: what was made of them is freed."""
        self._programs.clear()

    def outputs(
        self,
        batch: Batch,
        placement: Placement,
        places: Sequence[tuple[float, float]],
        flats: Tensor,
        by_onednn: bool = False,
    ) -> Tensor:
        """The outputs on a batch, (k, …), at k places (α, β) whose parameters are `flats` (k, size).

        by_onednn  whether products are oneDNN's, point by point
        """
        key = id(batch), len(places), by_onednn
        if key not in self._programs or self._programs[key][1] is not placement:
            self._programs[key] = batch, placement, _Program(self._space, batch, placement, len(places), by_onednn)
        return self._programs[key][2](places, flats)


class _Program:
    """The network on one batch at `count` points of one plane."""

    def __init__(self, space: Workspace, batch: Batch, placement: Placement, count: int, by_onednn: bool) -> None:
        layout, planes = space.layout, placement.flats
        if planes is None or not layout.is_real:
            raise UnrecordableError("its parameters are not laid out side by side as real numbers")
        state, prefix = state_of(space.network), "" if space.network is space.model else "model."
        graph = network_record(space.network, state, batch.args, batch.kwargs)
        moving = [f"{prefix}{name}" for name in layout.names]
        if by_onednn and not onednn_has(space.dtype):
            raise UnrecordableError("oneDNN has no products in this precision here")
        rules = Rules(count, by_onednn)
        given = [*state.items(), *(("", tensor) for tensor in (*batch.args, *batch.kwargs.values()))]
        for node, (name, tensor) in zip(list(graph.nodes), given, strict=False):
            if name in moving:
                rules.moving[node] = moving.index(name)
            else:
                rules.shared[node] = tensor
        rules.read(graph)
        self._slices = [
            (slice(layout.offsets[i], layout.offsets[i] + layout.widths[i]), layout.shapes[i]) for i in rules.used
        ]
        self._constants, self._body = rules.constants, fx.GraphModule({}, rules.graph)
        vectors = [list(layout.views(flat).values()) for flat in planes]
        self._products = [three_products(vectors, *each) for each in rules.first]

    def __call__(self, places: Sequence[tuple[float, float]], flats: Tensor) -> Tensor:
        parameters = [flats[:, part].unflatten(1, shape) for part, shape in self._slices]
        output: Tensor = self._body(parameters, [combined(three, places) for three in self._products], self._constants)
        return output


def three_products(
    vectors: Sequence[Sequence[Tensor]], weight: int, bias: int | Tensor | None, x: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """x Wᵀ + b of θ₀, and of both directions: `vectors`, each a list of parameters of which `weight` and `bias` are places."""
    made = []
    for vector in vectors:
        product = x.double() @ vector[weight].double().t()
        if isinstance(bias, int):
            product += vector[bias]
        made.append(product)
    if isinstance(bias, Tensor):  # one that stays as it is
        made[0] += bias
    origin, first, second = (product.to(x.dtype) for product in made)
    return origin, first, second


def combined(three: tuple[Tensor, Tensor, Tensor], places: Sequence[tuple[float, float]]) -> Tensor:
    """Z₀ + α Z₁ + β Z₂ at every place, (k, …): each on its own, so that it is the same to the bit whichever are beside it."""
    origin, first, second = three
    total = torch.empty(len(places), *origin.shape, dtype=origin.dtype, device=origin.device)
    for row, (alpha, beta) in zip(total, places, strict=True):
        torch.add(origin, first, alpha=alpha, out=row).add_(second, alpha=beta)
    return total


class Rules:
    """Rewrites a record: what is the same at all points is computed at once, and the rest gets a first dimension of points.

    Attributes
    ----------
    shared     node of the record → its value, the same at all points
    moving     node of the record → which parameter it is
    graph      the rewritten one, of (parameters in the order of `used`, maps in that of `first`, `constants`), three lists
    used       the parameters that it takes
    first      (weight, bias or None, x) of the linear maps of what is shared, weight and bias as which parameters they are
    constants  what is shared and used beside it
    """

    def __init__(self, count: int, by_onednn: bool = False) -> None:
        self.shared: dict[fx.Node, Tensor] = {}
        self.moving: dict[fx.Node, int] = {}
        self.graph, self.used, self.constants = fx.Graph(), list[int](), list[Tensor]()
        self.first: list[tuple[int, int | Tensor | None, Tensor]] = []
        self._count, self._by_onednn, self._there = count, by_onednn, dict[fx.Node, fx.Node]()
        self._lists = [self.graph.placeholder(name) for name in ("parameters", "first", "constants")]
        self._fresh: set[fx.Node] = set()  # nodes here whose memory is theirs alone

    def read(self, graph: fx.Graph) -> None:
        """Rewrite all of `graph`.

        Raises
        ------
        UnrecordableError  there is no rule for one of its operations
        """
        for node in graph.nodes:
            if node.op == "call_function":
                self._read(node)
        output = next(node for node in graph.nodes if node.op == "output").args[0]
        if not isinstance(output, fx.Node) or not self._moves(output):
            raise UnrecordableError("its outputs do not depend on its parameters")
        self.graph.output(self._points(output))

    def _read(self, node: fx.Node) -> None:
        if not any(map(self._moves, node.all_input_nodes)):
            args, kwargs = fx.node.map_arg((node.args, dict(node.kwargs)), lambda each: self.shared[each])
            self.shared[node] = node.target(*args, **kwargs)  # type: ignore[operator]
        elif node.target is aten.t.default and node.args[0] in self.moving:
            return  # of products, which ask for the weight itself
        else:
            self._there[node] = self._rewritten(node)

    def _rewritten(self, node: fx.Node) -> fx.Node:
        target: Any = node.target
        if target in PRODUCTS:
            return self._product(node)
        if IN_PLACE.get(target, target) in ELEMENTWISE and node.args[0] in self._there:
            return self._elementwise(node)
        if target in BROADCAST and not node.kwargs:
            return self._broadcast(node)
        x = node.args[0]
        if isinstance(x, fx.Node) and self._moves(x):
            if target in SAME:  # a node of its own: nothing is written in place through it
                return self._call(target, (self._points(x),))
            if target in RESHAPED:
                return self._call(aten.reshape.default, (self._points(x), [self._count, *node.meta["val"].shape]))
            if target in OVER_CLASSES:
                dim = node.args[1]
                assert isinstance(dim, int)
                return self._call(target, (self._points(x), dim + 1 if dim >= 0 else dim, *node.args[2:]))
        raise UnrecordableError(f"there is no rule for several points at once for {target}")

    def _product(self, node: fx.Node) -> fx.Node:
        """x Wᵀ + b, W a parameter."""
        bias: Any
        x: Any
        transposed: Any
        bias, x, transposed = node.args if len(node.args) == 3 else (None, *node.args)
        weight: Any = (
            transposed.args[0] if isinstance(transposed, fx.Node) and transposed.target is aten.t.default else None
        )
        if node.kwargs or weight not in self.moving or not isinstance(x, fx.Node):
            raise UnrecordableError("it has products other than x Wᵀ + b")
        if bias is not None and bias.meta["val"].shape != node.meta["val"].shape[1:]:
            raise UnrecordableError("it adds to a product what is no bias")
        if not self._moves(x) and (bias is None or bias in self.moving or bias in self.shared):
            added = None if bias is None else self.moving[bias] if bias in self.moving else self.shared[bias]
            self.first.append((self.moving[weight], added, self.shared[x]))
            made = self._call(operator.getitem, (self._lists[1], len(self.first) - 1))
        elif self._by_onednn:
            moved = None if bias is None else self._points(bias)
            made = self._call(onednn_products, (moved, self._points(x), self._points(weight)))
        else:
            turned = self._call(aten.transpose.int, (self._points(weight), 1, 2))
            if bias is None:
                made = self._call(aten.bmm.default, (self._points(x), turned))
            else:
                made = self._call(aten.baddbmm.default, (self._aligned(bias, 2), self._points(x), turned))
        self._fresh.add(made)
        return made

    def _elementwise(self, node: fx.Node) -> fx.Node:
        """In place where only it reads what it is of; by oneDNN where that is faster."""
        x: Any = node.args[0]
        target: Any = IN_PLACE.get(node.target, node.target)
        here = self._there[x]
        alone = here in self._fresh and len(x.users) == 1
        if node.target in IN_PLACE and not alone:
            raise UnrecordableError("it writes to what others read")
        numbers = self._count * node.meta["val"].numel()
        if target is aten.tanh.default and numbers >= LARGE and onednn_has(node.meta["val"].dtype):
            target = onednn_tanh
        elif alone:
            target = ELEMENTWISE[target] or target
        made = self._call(target, (here, *node.args[1:]), node.kwargs)
        if alone or target is onednn_tanh or not target._schema.is_mutable:
            self._fresh.add(made)
        return made

    def _broadcast(self, node: fx.Node) -> fx.Node:
        rank = node.meta["val"].ndim
        return self._call(
            node.target, tuple(self._aligned(a, rank) if isinstance(a, fx.Node) else a for a in node.args)
        )

    def _aligned(self, node: fx.Node, rank: int) -> fx.Node:
        """With points as the first dimension and `rank` after it, as broadcasting has them."""
        here = self._points(node)
        if self._moves(node):
            for _ in range(rank - node.meta["val"].ndim):
                here = self._call(aten.unsqueeze.default, (here, 1))
        return here

    def _moves(self, node: fx.Node) -> bool:
        return node not in self.shared

    def _points(self, node: fx.Node) -> fx.Node:
        """What stands for a node of the record here."""
        if node not in self._there:
            if node in self.shared:
                self.constants.append(self.shared[node])
                place = self._lists[2], len(self.constants) - 1
            elif node in self.moving:
                self.used.append(self.moving[node])
                place = self._lists[0], len(self.used) - 1
            else:
                raise UnrecordableError("it uses a transposed parameter beside its products")
            self._there[node] = self._call(operator.getitem, place)
        return self._there[node]

    def _call(self, function: Any, args: tuple[Any, ...], kwargs: Any = None) -> fx.Node:
        return self.graph.call_function(function, args, dict(kwargs or {}))


def onednn_has(dtype: torch.dtype) -> bool:
    """Whether oneDNN computes in this precision on this machine."""
    return dtype == torch.float32 and capabilities.lacking("onednn") is None


def onednn_products(bias: Tensor | None, x: Tensor, weight: Tensor) -> Tensor:
    """x Wᵀ + b of every point, (k, n, out), of x (k, n, in), W (k, out, in) and b (k, out), or (out,) the same for all."""
    result = torch.empty(*x.shape[:2], weight.shape[1], dtype=x.dtype)
    for point, row in enumerate(result):
        added = bias if bias is None or bias.ndim == 1 else bias[point]
        row.copy_(torch.ops.mkldnn._linear_pointwise(x[point], weight[point], dense(added), "none", [], ""))
    return result


def onednn_tanh(x: Tensor) -> Tensor:
    """tanh by oneDNN, within 1e-7 of the truth as torch's is, in half its time."""
    return torch.tanh(x.to_mkldnn()).to_dense()

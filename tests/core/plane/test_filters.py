"""Filters: what scales with one output of each kind of module, and that directions are scaled so."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import cases
import pytest
import torch
from lossnav.core import InputError, Plane, Problem, survey
from lossnav.core.parameters import vectors
from lossnav.core.plane.directions import normalized
from lossnav.core.plane.filters import RULES, Filter, filters_of, table
from lossnav.core.plane.random_directions import GaussianPair
from torch import Tensor, nn
from torch.nn.utils import prune

METHODS = (Path(__file__).resolve().parents[3] / "docs" / "methods.md").read_text(encoding="utf-8")


class Conv1D(nn.Module):
    """As transformers writes it."""

    def __init__(self, nf: int, nx: int) -> None:
        super().__init__()
        self.nf, self.weight, self.bias = nf, nn.Parameter(cases.normal(nx, nf)), nn.Parameter(torch.zeros(nf).double())

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias


def image(*shape: int) -> Tensor:
    return cases.normal(2, *shape)


# name → (module, its input, the dimension of the output in which the features lie)
MADE: dict[str, Callable[[], tuple[nn.Module, tuple[Tensor, ...], int]]] = {
    "Linear": lambda: (nn.Linear(3, 4), (image(3),), 1),
    "Bilinear": lambda: (nn.Bilinear(3, 2, 4), (image(3), image(2)), 1),
    "Conv1d": lambda: (nn.Conv1d(4, 6, 3, groups=2), (image(4, 5),), 1),
    "Conv2d": lambda: (nn.Conv2d(4, 6, 3), (image(4, 5, 5),), 1),
    "Conv2d depthwise": lambda: (nn.Conv2d(4, 8, 3, groups=4), (image(4, 5, 5),), 1),
    "Conv3d": lambda: (nn.Conv3d(2, 3, 2), (image(2, 3, 3, 3),), 1),
    "ConvTranspose1d": lambda: (nn.ConvTranspose1d(4, 6, 3), (image(4, 5),), 1),
    "ConvTranspose2d": lambda: (nn.ConvTranspose2d(4, 6, 3, groups=2), (image(4, 5, 5),), 1),
    "ConvTranspose3d": lambda: (nn.ConvTranspose3d(2, 4, 2, groups=2), (image(2, 3, 3, 3),), 1),
    "Conv1D": lambda: (Conv1D(4, 3), (image(3),), 1),
    "weight norm": lambda: (nn.utils.parametrizations.weight_norm(nn.ConvTranspose1d(4, 6, 3)), (image(4, 5),), 1),
    "old weight norm": lambda: (old_weight_norm(nn.ConvTranspose1d(4, 6, 3)), (image(4, 5),), 1),
    "pruned": lambda: (prune.identity(nn.ConvTranspose1d(4, 6, 3), "weight"), (image(4, 5),), 1),
    "spectral norm": lambda: (nn.utils.parametrizations.spectral_norm(nn.Linear(3, 4)).eval(), (image(3),), 1),
}


def old_weight_norm(module: nn.Module) -> nn.Module:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return nn.utils.weight_norm(module)


@pytest.mark.parametrize("name", MADE)
def test_a_filter_is_what_moves_one_output(name: str) -> None:
    """The truth by differentiation: a number of the weight belongs to the outputs that it moves."""
    model, inputs, features = MADE[name]()
    model = model.double()
    cuts = filters_of(model)
    (weight,) = [n for n, c in cuts.items() if not c.still]
    point = dict(model.named_parameters())

    def outputs(value: Tensor) -> Tensor:
        found = torch.func.functional_call(model, {weight: value}, inputs)
        return found.movedim(features, 0).flatten(1).square().sum(1)

    if (
        name == "spectral norm"
    ):  # its own norm couples all outputs a little, so there is only the convention of the layer
        assert cuts[weight] == Filter(0)
        return
    moves = torch.autograd.functional.jacobian(outputs, point[weight].detach()) != 0  # (features, *weight)
    assert moves.flatten(1).any(1).all()
    owners = moves.to(torch.int8).argmax(0)
    if (
        "old" not in name and "weight norm" not in name
    ):  # a norm along dimension 0 couples the inputs of a transposed kernel
        assert (moves.sum(0) == 1).all()
        for feature in range(len(moves)):
            own = torch.where(owners == feature, point[weight].detach(), 0.0)
            lengths = cuts[weight].lengths(point[weight].detach()).expand_as(point[weight])[owners == feature]
            torch.testing.assert_close(lengths, own.norm().expand_as(lengths))
    direction = {n: cases.normal(*p.shape, seed=3) for n, p in point.items()}
    scaled = normalized(direction, {n: p.detach() for n, p in point.items()}, "filter", "biasbn", cuts)
    torch.testing.assert_close(cuts[weight].lengths(scaled[weight]), cuts[weight].lengths(point[weight].detach()))
    assert all(not v.any() for n, v in scaled.items() if n != weight)


def of(model: nn.Module) -> dict[str, Filter]:
    return filters_of(model)


def test_gates_and_stacked_projections_are_cut_by_rows() -> None:
    for cell in (nn.LSTM(3, 4, proj_size=2), nn.GRU(3, 4, bidirectional=True), nn.RNN(3, 4), nn.LSTMCell(3, 4)):
        cuts = of(cell)
        assert all(
            cuts[n] == (Filter(0) if p.ndim == 2 else Filter(None, still=True)) for n, p in cell.named_parameters()
        )
    attention = of(nn.MultiheadAttention(4, 2, add_bias_kv=True))
    assert attention["in_proj_weight"] == Filter(0)
    assert attention["out_proj.weight"] == Filter(0)
    assert {n for n, cut in attention.items() if cut.still} == {"in_proj_bias", "out_proj.bias", "bias_k", "bias_v"}
    assert of(nn.MultiheadAttention(4, 2, kdim=3, vdim=5))["k_proj_weight"] == Filter(0)


class LlamaRMSNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 3))


class Shifted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.bias, self.scale = (nn.Parameter(torch.ones(s)) for s in ((2, 3), (1, 3), ()))


@pytest.mark.parametrize(
    "module",
    [
        nn.LayerNorm([4, 5]),
        nn.RMSNorm([4, 5]),
        nn.GroupNorm(2, 4),
        nn.InstanceNorm2d(4, affine=True),
        nn.BatchNorm1d(4),
        LlamaRMSNorm(),
        nn.PReLU(3),
    ],
    ids=lambda module: type(module).__name__,
)
def test_what_belongs_to_a_normalisation_stays_whatever_its_dimensions(module: nn.Module) -> None:
    assert all(cut.still for cut in of(module).values())
    point = {n: p.detach() for n, p in module.named_parameters()}
    direction = {n: torch.randn(p.shape) for n, p in point.items()}
    still = normalized(direction, point, "filter", "biasbn", of(module))
    moved = normalized(direction, point, "filter", None, of(module))
    assert not any(v.any() for v in still.values())
    for name, theta in point.items():  # each is one filter
        assert float(moved[name].norm()) == pytest.approx(float(theta.norm()), rel=1e-6)


def test_biases_of_more_dimensions_and_numbers_without_any_stay() -> None:
    cuts = of(Shifted())
    assert cuts["table"] == Filter(0)
    assert cuts["bias"].still
    assert cuts["scale"].still


def test_lengths_of_a_weight_norm_stay() -> None:
    cuts = of(nn.utils.parametrizations.weight_norm(nn.Linear(3, 4)))
    assert cuts["parametrizations.weight.original0"].still
    assert cuts["parametrizations.weight.original1"] == Filter(0)
    cuts = of(old_weight_norm(nn.Linear(3, 4)))
    assert cuts["weight_g"].still
    assert cuts["weight_v"] == Filter(0)


def test_a_tied_tensor_moves_once() -> None:
    problem = cases.tokens()
    assert list(of(problem.model)) == [n for n, _ in problem.model.named_parameters()]
    plane = Plane.random(problem)
    assert "head.weight" not in plane.directions[0]
    lengths = [v["embed.weight"].norm(dim=1) for v in (plane.directions[0], plane.origin)]
    torch.testing.assert_close(*lengths)


@pytest.mark.parametrize("how", ["filter", "layer"])
def test_filters_of_large_tensors_are_the_same_in_pieces(how: str) -> None:
    model = nn.ModuleDict({"a": Conv1D(700, 800), "b": nn.ConvTranspose1d(1024, 300, 2, groups=2)}).double()
    point, cuts = {n: p.detach() for n, p in model.named_parameters()}, of(model)
    assert any(len(vectors.pieces_of(n, p.shape)) > 1 for n, p in point.items())
    pair = GaussianPair(point, 3, how, "biasbn", filters=cuts)
    drawn, held = pair.streamed()[0], pair.held()[0]
    from lossnav.core.plane.directions import gaussian_pair

    whole = normalized(gaussian_pair(point, 3)[0], point, how, "biasbn", cuts)
    for name in point:
        assert torch.equal(drawn[name], held[name])
        torch.testing.assert_close(held[name], whole[name], rtol=1e-12, atol=0.0)


class Complex(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.complex(cases.normal(3, 4), cases.normal(3, 4, seed=1)))

    def forward(self, x: Tensor) -> Tensor:
        return (x.to(self.weight) @ self.weight).abs()


def test_both_parts_of_complex_weights_move() -> None:
    model = Complex()
    problem = Problem(model, cases.normal(6, 3), cases.labels(6, classes=4))
    plane = Plane.random(problem, seed=2)
    d = plane.directions[0]["weight"]
    assert bool((d.imag != 0).all() & (d.real != 0).all())
    torch.testing.assert_close(d.norm(dim=1), model.weight.detach().norm(dim=1))
    assert plane.gram[0, 0] == pytest.approx(float(model.weight.detach().abs().square().sum()))
    assert plane.project(plane.at(0.3, -0.7))[:2] == pytest.approx((0.3, -0.7))
    assert plane.project(plane.at(0.3, -0.7))[2] == pytest.approx(0, abs=1e-12)
    land = survey(problem, plane, (3, 3))
    at = plane.at(1.0, -1.0)["weight"]
    logits = (problem.inputs[0].to(at) @ at).abs()
    assert float(land["loss"][2, 0]) == pytest.approx(float(nn.functional.cross_entropy(logits, problem.targets)))
    assert torch.equal(Plane.random(problem, seed=2, held=False).directions[1]["weight"], plane.directions[1]["weight"])
    turned = plane.turned(90.0).directions[1]["weight"]
    torch.testing.assert_close(turned.norm(dim=1), model.weight.detach().norm(dim=1))


class Adapter(nn.Module):
    """A linear layer with a low-rank adapter, as peft and loralib write it."""

    def __init__(self, fresh: bool = True) -> None:
        super().__init__()
        self.base = nn.Linear(3, 4).requires_grad_(False)
        self.lora_A = nn.ModuleDict({"default": nn.Linear(3, 2, bias=False)})
        self.lora_B = nn.ModuleDict({"default": nn.Linear(2, 4, bias=False)})
        if fresh:
            nn.init.zeros_(self.lora_B["default"].weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + self.lora_B["default"](self.lora_A["default"](x))


def adapted(fresh: bool = True) -> Problem:
    return Problem(Adapter(fresh).double(), cases.normal(6, 3), cases.labels(6, classes=4))


@pytest.mark.parametrize("how", ["filter", "weight"])
def test_a_fresh_adapter_is_refused_with_a_remedy_that_works(how: str) -> None:
    problem = adapted()
    with pytest.raises(InputError, match="normalize='layer'"):
        Plane.random(problem, normalize=how)
    plane = Plane.random(problem, normalize="layer")
    both = torch.cat([v.flatten() for v in plane.directions[0].values()])
    own = torch.cat([v.flatten() for v in problem.parameters.values()])
    assert float(both.norm()) == pytest.approx(float(own.norm()))
    assert plane.directions[0]["lora_B.default.weight"].abs().min() > 0
    assert float(survey(problem, plane, (3, 3))["loss"].std()) > 1e-3
    turned = plane.turned(30.0).directions[1]
    assert float(torch.cat([v.flatten() for v in turned.values()]).norm()) == pytest.approx(float(own.norm()))


def test_a_trained_adapter_moves_by_its_filters_and_a_head_beside_a_fresh_one_is_no_flat_map() -> None:
    for problem in (adapted(fresh=False), adapted()):
        if not problem.parameters["lora_B.default.weight"].any():
            problem.model.base.requires_grad_(True)
        plane = Plane.random(problem)
        assert float(survey(problem, plane, (3, 3))["loss"].std()) > 1e-3


def test_every_module_of_torch_with_parameters_has_its_rule() -> None:
    listed = {name for rule in RULES for name in rule.modules}
    made_of_others = {"Transformer", "AdaptiveLogSoftmaxWithLoss"}
    containers = (
        "Sequential",
        "Module",
        "Container",
        "Lazy",
        "RNNBase",
        "RNNCellBase",
        "ParameterList",
        "ParameterDict",
    )
    for name, kind in inspect.getmembers(nn, inspect.isclass):
        source = inspect.getsource(kind)
        owns = "Parameter(" in source or "register_parameter" in source
        if not issubclass(kind, nn.Module) or not owns or name.startswith(containers) or name in made_of_others:
            continue
        assert {base.__name__ for base in kind.__mro__} & listed, name


def test_the_table_in_the_documents_is_the_codes() -> None:
    for modules, parameters, text in table():
        assert f"| {modules} | `{parameters.replace('|', '&#124;')}` | {text} |" in METHODS, modules

"""What training scripts hand over by convention: losses with a reduction, loaders in place of tensors, modules in place of names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cases
import numpy as np
import pytest
import torch
from lossnav.core import InputError, Plane, Problem, check, load_weights, survey
from lossnav.core.curvature.gradient_check import AGREE, gradient_miss
from lossnav.core.curvature.loss_function import LossFunction
from lossnav.core.curvature.second_derivatives import second_derivatives
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset

N = 12
X, OTHER, THIRD = (cases.normal(N, 3, seed=seed) for seed in (0, 1, 2))
Y, SIGNS = cases.labels(N, classes=4), cases.normal(N, seed=5).sign()


def net(outputs: int = 4) -> nn.Module:
    return cases.initialised(nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, outputs)))


class Several(nn.Module):
    """One network of several inputs, an output for each."""

    def __init__(self) -> None:
        super().__init__()
        self.net = net()

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.net(x) for x in inputs)


class Twice(nn.CrossEntropyLoss):
    """Another loss than the one it is made from."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return super().forward(2 * input, target)


# name → (network, inputs, targets, criterion, the training log's number of what the network returned)
CRITERIA: dict[str, Callable[[], tuple[nn.Module, Any, Tensor, Any]]] = {
    "margins": lambda: (net(), (X,), Y, nn.MultiMarginLoss(p=2, margin=0.5, weight=torch.rand(4).double())),
    "soft margins": lambda: (net(1), (X,), SIGNS, nn.SoftMarginLoss()),
    "soft margins of labels": lambda: (net(), (X,), (cases.normal(N, 4) > 0).double(), nn.MultiLabelSoftMarginLoss()),
    "margins of labels": lambda: (net(), (X,), torch.tensor([[0, 2, -1, -1]] * N), nn.MultiLabelMarginLoss()),
    "hinge": lambda: (net(1), (X,), SIGNS[:, None], nn.HingeEmbeddingLoss()),
    "a subclass": lambda: (net(), (X,), Y, Twice()),
    "cosines": lambda: (cases.initialised(Several()), (X, OTHER), SIGNS, nn.CosineEmbeddingLoss(margin=0.1)),
    "triplets": lambda: (cases.initialised(Several()), (X, OTHER, THIRD), torch.zeros(N), nn.TripletMarginLoss(0.7)),
}


@pytest.mark.parametrize("case", CRITERIA)
def test_losses_with_a_reduction_are_the_training_logs(case: str) -> None:
    model, inputs, y, criterion = CRITERIA[case]()
    plane = Plane.random(problem := Problem(model, inputs, y, loss=criterion), ignore="none")
    land = survey(problem, plane, (3, 1), ((-0.3, 0.3), (0.2, 0.2)), batch_size=5)
    for a in (-0.3, 0.0, 0.3):
        outputs = functional_call(model, plane.at(a, 0.2), inputs)
        given = (
            outputs
            if isinstance(outputs, tuple)
            else (outputs.reshape(y.shape) if y.ndim == 1 and outputs.shape[1] == 1 else outputs,)
        )
        expected = criterion(*given) if case == "triplets" else criterion(*given, y)
        assert float(land["loss"].sel(alpha=a, method="nearest").squeeze()) == pytest.approx(
            float(expected.detach()), rel=1e-9
        )


def test_a_module_that_divides_in_its_own_way_is_refused() -> None:
    class Halved(nn.MSELoss):
        def forward(self, input: Tensor, target: Tensor) -> Tensor:
            return super().forward(input, target) * (0.5 if self.reduction == "mean" else 1.0)

    with pytest.raises(InputError, match="is not the mean of what it gives"):
        Problem(net(), X, cases.normal(N, 4), loss=Halved())


def test_one_variance_for_all_dimensions() -> None:
    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net(5)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            z = self.net(x)
            return z[:, :4], F.softplus(z[:, 4:])

    model, y, criterion = cases.initialised(Heads()), cases.normal(N, 4, seed=7), nn.GaussianNLLLoss()
    mean, variance = model(X)
    function = LossFunction(Problem(model, X, y, loss=criterion), device="cpu")
    assert function.loss(function.point) == pytest.approx(float(criterion(mean, y, variance).detach()), rel=1e-9)


@pytest.mark.parametrize("batches", [None, "loader"])
def test_a_loader_and_a_loss_of_the_network(batches: str | None) -> None:
    def loss(model: nn.Module, batch: list[Tensor]) -> tuple[Tensor, int]:
        x, y = batch
        return F.cross_entropy(model(x), y), len(x)

    model, loader = net(), DataLoader(TensorDataset(X, Y), batch_size=5)
    problem = Problem.from_loss(model, loader, loss, batches=batches)
    function = LossFunction(problem, device="cpu")
    assert problem.loader_batches == (5, 5, 2)
    assert function.loss(function.point) == pytest.approx(float(F.cross_entropy(model(X), Y).detach()), rel=1e-9)


def test_a_table_with_its_targets_in_a_column() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X.numpy(), columns=list("abc"))
    table["kind"] = Y.numpy()
    assert torch.equal(Problem(net(), table, targets="kind").inputs[0], X)
    with pytest.raises(InputError, match="no column 'sort': it has 'a'"):
        Problem(net(), table, targets="sort")


def test_modules_and_parameters_in_place_of_names() -> None:
    model = net()
    assert list(Problem(model, X, Y, parameters=model[2]).parameters) == ["2.weight", "2.bias"]  # type: ignore[index]
    assert list(Problem(model, X, Y, parameters=[model[0].bias]).parameters) == ["0.bias"]  # type: ignore[index]
    with pytest.raises(InputError, match="not in the network"):
        Problem(model, X, Y, parameters=nn.Linear(3, 5))


def test_a_regulariser_over_the_original_network_is_refused() -> None:
    model = net()

    def ridge(outputs: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(outputs, y, reduction="none") + sum(p.square().sum() for p in model.parameters())

    problem = Problem(model, X, Y, loss=ridge)
    with pytest.raises(InputError, match="Part of the loss"):
        survey(problem, Plane.random(problem), (2, 2))
    # the remedy that it names
    own = Problem.from_loss(
        model,
        (X, Y),
        lambda m, b: F.cross_entropy(m(b[0]), b[1], reduction="none") + sum(p.square().sum() for p in m.parameters()),
    )
    plane = Plane.random(own)
    moved = plane.at(1.0, 1.0)
    expected = F.cross_entropy(functional_call(model, moved, (X,)), Y) + sum(p.square().sum() for p in moved.values())
    found = survey(own, plane, (2, 2), ((-1, 1), (-1, 1)))["loss"].sel(alpha=1, beta=1)
    assert float(found) == pytest.approx(float(expected.detach()), rel=1e-9)


def test_a_lambda_over_the_original_network_is_refused() -> None:
    class Held(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.Linear(3, 5), nn.Linear(5, 4)
            self.first = lambda x: self.body(x)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(torch.tanh(self.first(x)))  # type: ignore[no-any-return]

    problem = Problem(cases.initialised(Held()), X, Y)
    with pytest.raises(InputError, match=r"'body.weight' and 1 more.* through self"):
        survey(problem, Plane.random(problem), (2, 2))


class Noisy(nn.Module):
    def __init__(self, generator: Any, draw: Callable[..., Any]) -> None:
        super().__init__()
        self.net, self.generator, self.draw = net(), generator, draw

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x + torch.as_tensor(self.draw(self.generator, x.shape)).to(x))  # type: ignore[no-any-return]


GENERATORS: dict[str, Callable[[], tuple[Any, Callable[..., Any]]]] = {
    "torch": lambda: (torch.Generator(), lambda g, shape: torch.randn(shape, generator=g, dtype=torch.float64)),
    "numpy": lambda: (np.random.default_rng(1), lambda g, shape: g.standard_normal(shape)),
}


@pytest.mark.parametrize("kind", GENERATORS)
def test_a_generator_of_the_networks_own_gives_the_same_draws_at_every_point(kind: str) -> None:
    problem = Problem(cases.initialised(Noisy(*GENERATORS[kind]())), X, Y)
    plane = Plane.random(problem)
    torch.manual_seed(0)
    np.random.seed(0)
    _, draw = GENERATORS[kind]()
    shared = torch.default_generator if kind == "torch" else np.random.Generator(np.random.get_bit_generator())
    noise = torch.as_tensor(draw(shared, X.shape))
    model = problem.model.net
    function = LossFunction(problem, device="cpu")
    assert function.loss(function.point) == pytest.approx(
        float(F.cross_entropy(model(X + noise), Y).detach()), rel=1e-9
    )
    land = survey(problem, plane, (3, 1), ((-1, 1), (0, 0)))
    for a in (-1.0, 0.0, 1.0):
        own = {name.removeprefix("net."): value for name, value in plane.at(a, 0.0).items()}
        expected = F.cross_entropy(functional_call(model, own, (X + noise,)), Y)
        assert float(land["loss"].sel(alpha=a).squeeze()) == pytest.approx(float(expected.detach()), rel=1e-9)


def test_a_loss_that_is_another_each_time_is_refused() -> None:
    seen: list[int] = []

    def drifting(outputs: Tensor, y: Tensor) -> Tensor:
        seen.append(1)
        return F.cross_entropy(outputs, y, reduction="none") * len(seen)

    problem = Problem(net(), X, Y, loss=drifting)
    with pytest.raises(InputError, match="another one each time"):
        survey(problem, Plane.random(problem), (2, 2))


def test_a_network_that_counts_its_passes_has_its_slope() -> None:
    class Counting(nn.Module):
        count: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.net = net()
            self.register_buffer("count", torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            self.count += 1
            return self.net(x) * (1 + self.count)  # type: ignore[no-any-return]

    model = cases.initialised(Counting())
    model.count.zero_()
    problem = Problem(model, X, Y)
    land = survey(problem, Plane.random(problem), (3, 1), overlays=("slope",))
    grads = torch.autograd.grad(F.cross_entropy(2 * model.net(X), Y), list(model.net.parameters()))
    norm = float(torch.cat([g.flatten() for g in grads]).norm())
    assert float(land["slope"].sel(alpha=0).squeeze()) == pytest.approx(norm, rel=1e-6)
    assert not model.count


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("reentrant", [True, False])
def test_gradient_checkpointing_makes_no_difference(reentrant: bool) -> None:
    class Saving(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net()

        def forward(self, x: Tensor) -> Tensor:
            return checkpoint(self.net, x, use_reentrant=reentrant)  # type: ignore[no-any-return]

    model = cases.initialised(Saving())
    saving, plain = (LossFunction(Problem(m, X, Y), device="cpu") for m in (model, model.net))
    v = torch.ones_like(plain.point)[None]
    assert torch.allclose(saving.gradient(), plain.gradient())
    assert torch.allclose(saving.hessian_products(v), plain.hessian_products(v))


def test_a_gradient_that_is_not_the_losss_is_said() -> None:
    class Detached(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.Linear(3, 5), nn.Linear(5, 4)

        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                h = torch.tanh(self.body(x))
            return self.head(h)  # type: ignore[no-any-return]

    problem = Problem(cases.initialised(Detached()), X, Y)
    assert gradient_miss(problem) > AGREE
    assert second_derivatives(problem).lopsided
    assert {line.what for line in check(problem) if line.alarms} == {"unused", "gradient", "curvature"}
    # the remedy that it names
    part = Problem(problem.model, X, Y, parameters="head.*")
    assert gradient_miss(part) < 1e-5
    assert second_derivatives(part).how == "exact"


def test_remedies_of_refused_files_can_be_followed(tmp_path: Path) -> None:
    model, path = net(), tmp_path / "a.pt"
    torch.save({"model": model.state_dict(), "best": np.float64(0.3)}, path)
    with pytest.raises(InputError, match="safe_globals") as refused:
        load_weights(net(), path)
    named = str(refused.value).partition("safe_globals([")[2].partition("])")[0].split(", ")
    allowed = [_found(name) for name in named]
    with torch.serialization.safe_globals(allowed):
        load_weights(other := net(), path)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))
    cut = tmp_path / "cut.pt"
    cut.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match="damaged or incomplete"):
        load_weights(net(), cut)
    (tmp_path / "run" / "checkpoint-2").mkdir(parents=True)
    (tmp_path / "run" / "checkpoint-2" / "model.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match="checkpoint-2"):
        load_weights(net(), tmp_path / "run")


def _found(name: str) -> Any:
    import importlib

    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def half_by_name() -> nn.Module:
    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 4).half()

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x.half()).float()  # type: ignore[no-any-return]

    return Half()


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "whole one-hot labels": (lambda: Problem(net(), X, F.one_hot(Y, 4)), "targets.float"),
    "indices as floats": (lambda: Problem(net(), X, Y.double()), "targets.long"),
    "indices in a column": (lambda: Problem(net(), X, Y[:, None]), r"squeeze\(-1\)"),
    "inputs alone": (lambda: Problem(net(), DataLoader(TensorDataset(X))), r"Problem\(model, x, x\)"),
    "several targets": (lambda: Problem(net(), X, (Y, X)), "from_loss"),
    "a program": (lambda: Problem(torch.jit.trace(net().float(), X.float()), X, Y), "TorchScript"),
    "casts by name": (lambda: Problem(half_by_name(), X, Y), r"x\.to\(self\.layer\.weight\.dtype\)"),
    "similarities": (lambda: Problem(Similar(), X, torch.arange(N)), "batches='whole'"),
}


class Similar(nn.Linear):
    """Similarities of the examples of a batch to each other."""

    def __init__(self) -> None:
        super().__init__(3, 4, dtype=torch.float64)

    def forward(self, x: Tensor) -> Tensor:
        z = super().forward(x)
        return z @ z.T


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("case", REFUSED)
def test_refusals_name_what_helps(case: str) -> None:
    build, remedy = REFUSED[case]
    with pytest.raises(InputError, match=remedy):
        build()


def test_similarities_of_a_whole_batch() -> None:
    model = Similar()
    function = LossFunction(Problem(model, X, torch.arange(N), batches="whole"), device="cpu")
    expected = F.cross_entropy(model(X), torch.arange(N))
    assert function.loss(function.point) == pytest.approx(float(expected.detach()), rel=1e-9)


def test_a_trained_weight_of_the_loss_is_said() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(0.3, dtype=torch.float64))

        def forward(self, outputs: Tensor, y: Tensor) -> Tensor:
            return F.cross_entropy(outputs, y, reduction="none") * self.scale

    notes = json.dumps(Problem(net(), X, Y, loss=Scaled()).notes)
    assert "trainable parameters of its own" in notes

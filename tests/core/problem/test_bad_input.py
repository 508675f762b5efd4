"""Bad input: one sentence each, which says what was expected, what came and what to do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cases
import pytest
import torch
from abilities import absent
from lossnav.core import Anchor, Gaussian, InputError, Plane, Problem, Settings, Trajectory, load_problem, survey
from lossnav.core.curvature.fisher import fisher_diagonal
from torch import Tensor, nn


def fitted(**change: object) -> Problem:
    """The usual classifier with something else in the place of one of its parts."""
    usual = cases.classifier()
    parts = {"model": usual.model, "inputs": usual.inputs[0], "targets": usual.targets}
    return Problem(**{**parts, **change})  # type: ignore[arg-type]


def surveyed(**how: object) -> None:
    problem = cases.classifier()
    survey(problem, Plane.random(problem), **{"shape": (2, 2), **how})  # type: ignore[arg-type]


def spoilt(value: float) -> nn.Module:
    model = cases.classifier().model
    with torch.no_grad():
        model[0].weight[1, 2] = value  # type: ignore[index]
    return model


def bare() -> nn.Module:
    return nn.Sequential(nn.Flatten())


def still() -> Problem:
    return fitted(model=cases.classifier().model.requires_grad_(False))


def other() -> dict[str, Tensor]:
    return {"0.weight": torch.zeros(7, 3), "0.bias": torch.zeros(7)}


def resized() -> dict[str, Tensor]:
    return {k: torch.zeros(*v.shape, 2) for k, v in cases.classifier().parameters.items()}


def ones(like: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k: torch.ones_like(v) for k, v in like.items()}


def diverged() -> Trajectory:
    point = cases.classifier().parameters
    return Trajectory([point, {k: v * torch.nan for k, v in point.items()}])


def one_checkpoint() -> None:
    Trajectory([cases.classifier().parameters])


def straight() -> None:
    a = cases.classifier(0).parameters
    b = cases.classifier(1).parameters
    Plane.through(a, b, {k: 3 * b[k] - 2 * v for k, v in a.items()})


def of_normal_buffers() -> nn.Module:
    model = cases.convolution().model
    model[1].running_var.fill_(torch.nan)  # type: ignore[index]
    return model


BAD: dict[str, tuple[Callable[[], object], str]] = {
    "no module": (lambda: fitted(model=3), "should be a torch.nn.Module, but is a int"),
    "NaN weights": (lambda: fitted(model=spoilt(torch.nan)), "'0.weight' should be finite, but 1 of its 15 values"),
    "infinite weights": (lambda: fitted(model=spoilt(-torch.inf)), "load weights from a checkpoint"),
    "NaN statistics": (
        lambda: fitted(model=of_normal_buffers(), inputs=cases.normal(12, 2, 5, 5)),
        "'1.running_var' should be finite",
    ),
    "NaN inputs": (lambda: fitted(inputs=cases.normal(12, 3) / 0), "leave those examples out"),
    "NaN targets": (lambda: fitted(targets=torch.full((12, 4), torch.nan)), "leave those examples out"),
    "no examples": (lambda: fitted(inputs=torch.zeros(0, 3), targets=torch.zeros(0)), "The data set is empty"),
    "rows": (lambda: fitted(inputs=cases.normal(11, 3)), "have 11 and 12 rows"),
    "input width": (lambda: fitted(inputs=cases.normal(12, 5)), r"cannot take inputs of shape \(12, 5\)"),
    "input names": (lambda: fitted(inputs={"pixels": cases.normal(12, 3)}), "cannot take inputs"),
    "soft labels' shape": (
        lambda: fitted(targets=cases.normal(12, 3).softmax(-1)),
        "Soft labels should have the outputs' shape",
    ),
    "soft labels' sum": (lambda: fitted(targets=torch.ones(12, 4)), "Soft labels should be probabilities"),
    "several labels at once": (lambda: fitted(targets=torch.ones(12, 4)), "loss='bernoulli'"),
    "label shape": (lambda: fitted(targets=cases.labels(12, 2, classes=4)), "put the classes last"),
    "labels too high": (lambda: fitted(targets=torch.arange(12)), "indices from 0 to 3, but run from 0 to 11"),
    "labels too low": (lambda: fitted(targets=torch.arange(12) % 4 - 1), "but run from -1 to 2"),
    "all ignored": (lambda: fitted(targets=torch.full((12,), -100)), "nothing to predict"),
    "regression shape": (lambda: fitted(targets=cases.normal(12, 2), loss="mse"), "reshape the targets"),
    "loss name": (lambda: fitted(loss="cross_entrpy"), "did you mean 'cross_entropy'"),
    "loss type": (lambda: fitted(loss=3), "but is a int"),
    "summed loss": (lambda: fitted(loss=lambda f, y: f.sum()), "gives the sum over a batch"),
    "float loss": (lambda: fitted(loss=lambda f, y: 1.0), "but returned float"),
    "sigma": (lambda: Gaussian(0.0), "positive number, but got 0"),
    "batchnorm": (lambda: fitted(batchnorm="recalibrat"), "did you mean 'recalibrate'"),
    "entropy": (lambda: fitted(data_entropy=float("nan")), "finite number of nats"),
    "law's shape": (lambda: fitted(law=torch.ones(12, 3) / 3), r"in shape \(12, 4\)"),
    "law's sum": (lambda: fitted(law=torch.ones(12, 4)), "law should be probabilities"),
    "checkpoints for a trajectory": (
        lambda: fitted(trajectory=[cases.classifier().parameters] * 2),
        r"should be a Trajectory, but is a list: pass Trajectory\(checkpoints\)",
    ),
    "a dict for an anchor": (
        lambda: fitted(anchor=cases.classifier().parameters),
        "should be an Anchor, but is a dict",
    ),
    "trajectory of another net": (
        lambda: fitted(trajectory=Trajectory([other(), other()])),
        "trajectory should hold the 4",
    ),
    "trajectory of other sizes": (
        lambda: fitted(trajectory=Trajectory([resized(), resized()])),
        "trajectory has '0.weight'",
    ),
    "NaN trajectory": (lambda: fitted(trajectory=diverged()), "should be finite"),
    "one checkpoint": (one_checkpoint, "two or more checkpoints"),
    "no checkpoint": (lambda: Trajectory([]), "got none"),
    "one stacked number": (lambda: Trajectory({"x": torch.tensor(1.0)}), "share their first dimension"),
    "steps": (lambda: Trajectory([other(), other()], steps=[3, 3]), "should increase"),
    "changing names": (lambda: Trajectory([other(), {"x": torch.zeros(1)}]), "Checkpoint 1"),
    "anchor of another net": (lambda: fitted(anchor=Anchor(other(), ones(other()))), "The anchor should hold"),
    "anchor of other sizes": (lambda: fitted(anchor=Anchor(resized(), ones(resized()))), "The anchor has"),
    "normalisation": (lambda: Plane.random(cases.classifier(), normalize="fliter"), "did you mean 'filter'"),
    "ignore": (lambda: Plane.random(cases.classifier(), ignore="biasbm"), "did you mean 'biasbn'"),
    "eigenvectors": (lambda: Plane.eigen(cases.classifier(), ("top", "secnd")), "did you mean 'top.second'"),
    "no trajectory": (lambda: Plane.trajectory(cases.classifier()), "has no training trajectory"),
    "three on a line": (straight, "lie on one line"),
    "the same twice": (lambda: Plane.line(cases.classifier(), cases.classifier()), "is zero"),
    "plane of other nets": (lambda: Plane.line(cases.classifier(), other()), "should hold the 4"),
    "only biases": (
        lambda: Plane.random(Problem(nn.LayerNorm(3), cases.normal(4, 3), cases.labels(4, classes=3))),
        "every direction is zero",
    ),
    "one parameter": (
        lambda: Plane.eigen(Problem(nn.Linear(1, 1, bias=False), torch.ones(2, 1), torch.ones(2, 1), loss="mse")),
        "has one parameter",
    ),
    "no parameters": (
        lambda: Plane.random(Problem(bare(), cases.normal(4, 3), cases.labels(4, classes=3))),
        "no trainable parameter",
    ),
    "all frozen": (lambda: Plane.random(still()), "unfreeze some weights"),
    "overlay": (lambda: surveyed(overlays=("perplexty",)), "did you mean 'perplexity'"),
    "readout": (lambda: surveyed(overlays=("elasticity_ll2",)), "did you mean 'elasticity_l2'"),
    "dtype": (lambda: surveyed(dtype="flaot32"), "did you mean 'float32'"),
    "integer dtype": (lambda: surveyed(dtype=torch.int64), "Unknown dtype 'int64'"),
    "device": (lambda: surveyed(device="gpu"), "Unknown device 'gpu': use 'auto', 'cpu' or 'cuda'"),
    "batch size": (lambda: surveyed(batch_size=0), "batch_size should be 1 or more, but is 0"),
    "negative batch size": (lambda: surveyed(batch_size=-3), "batch_size should be 1 or more, but is -3"),
    "shape": (lambda: surveyed(shape=(0, 4)), "two whole numbers"),
    "span": (lambda: surveyed(span=((1, 0), (0, 1))), "from a lower to a higher"),
    "tolerance": (lambda: surveyed(tolerance=2), "between 0 and 1"),
    "plane of another problem": (
        lambda: survey(cases.smooth(), Plane.random(cases.frozen()), (2, 2)),
        "The plane",
    ),
    "true Fisher": (lambda: fisher_diagonal(cases.regression()), r"use Gaussian\(sigma\), or kind='empirical'"),
    "kind of Fisher": (lambda: fisher_diagonal(cases.classifier(), kind="empiric"), "did you mean 'empirical'"),
    "temperature": (lambda: Settings(temperature=0.0), "from 0.25 to 4, but is 0"),
    "strength": (lambda: Settings(strength=-1.0), "zero or more, but is -1"),
    "width": (lambda: Settings(width=0.0), "positive number, but is 0"),
    "module": (lambda: load_problem("no_such_module:problem"), "No module named 'no_such_module'"),
    "attribute": (lambda: load_problem("json:problem"), "has no such name"),
    "no problem": (lambda: load_problem("json:__name__"), "gives a str"),
}


@pytest.mark.parametrize("what", BAD)
def test_it_is_said_in_one_sentence(what: str) -> None:
    attempt, words = BAD[what]
    with pytest.raises(InputError, match=words) as caught:
        attempt()
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    assert len(message) > 30


@pytest.mark.parametrize("device", ["cuda", "cuda:3"])
def test_a_gpu_that_is_not_there(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, "cuda")
    with pytest.raises(InputError, match=f"Device '{device}' was asked for, but torch sees no GPU here: use"):
        surveyed(device=device)


def test_an_unknown_sample_has_its_nearest_name() -> None:
    with pytest.raises(InputError, match="Unknown sample 'digits-resnt': did you mean 'digits-resnet'"):
        load_problem("digits-resnt")


GOOD = """
import torch
from torch import nn
from lossnav.core import Problem
import neighbour
def problem():
    return Problem(nn.Linear(2, 2), torch.ones(3, 2), torch.tensor([0, 1, 0]), name=neighbour.NAME)
other = problem()
network = nn.Linear(2, 2)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(GOOD)
    (tmp_path / "neighbour.py").write_text("NAME = 'my own'")
    (tmp_path / "empty.py").write_text("x = 1")
    (tmp_path / "notes.txt").write_text("hello")
    return tmp_path / "mine.py"


def test_a_file_of_ones_own(file: Path) -> None:
    before = list(sys.path)
    assert load_problem(file).name == "my own"
    assert load_problem(f"{file}:other").parameter_count == 6
    assert sys.path == before


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("empty.py", "should define `problem`"),
        ("mine.py:absent", "should define `absent`"),
        ("mine.py:network", "gives a Linear"),
        ("absent.py", "No Python file at"),
        ("notes.txt", "is neither a Python file nor a folder of transformers"),
    ],
)
def test_files_without_a_problem(file: Path, target: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        load_problem(
            str(file.with_name(target.partition(":")[0])) + target.partition(":")[1] + target.partition(":")[2]
        )
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_folder_that_holds_no_model_is_no_missing_module(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is neither a Python file nor a folder of transformers"):
        load_problem(f"{tmp_path}:texts.txt")


def test_a_forward_that_raises_anything_is_named() -> None:
    class Asserts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            assert x.shape[1] == 3, "three features"
            return self.linear(x)  # type: ignore[no-any-return]

    with pytest.raises(InputError, match=r"cannot take inputs of shape \(4, 2\) \(three features\)"):
        Problem(Asserts(), torch.ones(4, 2), torch.tensor([0, 1, 0, 1]))


def test_a_model_that_returns_no_tensor() -> None:
    class Words(nn.Module):
        def forward(self, x: Tensor) -> str:
            return "cat"

    with pytest.raises(InputError, match="should return a tensor of predictions, but returned a str"):
        Problem(Words(), torch.ones(4, 2), torch.tensor([0, 1, 0, 1]))


@pytest.mark.parametrize("targets", [torch.zeros(12, dtype=torch.long), torch.ones(12, 1)])
def test_cross_entropy_over_one_class_is_refused_as_it_is_zero_everywhere(targets: torch.Tensor) -> None:
    with pytest.raises(
        InputError, match=r"gives one class. The probability of one class is 1 .* loss='bernoulli'.* loss='mse'"
    ):
        Problem(torch.nn.Linear(4, 1), torch.randn(12, 4), targets)
    for loss in ("bernoulli", "mse"):  # the advice can be followed
        Problem(torch.nn.Linear(4, 1), torch.randn(12, 4), torch.ones(12, 1), loss=loss)


@pytest.mark.parametrize("targets", [torch.arange(12) % 2, torch.arange(12.0) % 2, torch.arange(12.0) / 12])
def test_cross_entropy_of_one_logit_for_each_example_names_the_losses_that_take_it(targets: torch.Tensor) -> None:
    net = nn.Sequential(nn.Linear(4, 1), nn.Flatten(0))
    with pytest.raises(InputError, match=r"loss='bernoulli'.* loss='mse'"):
        Problem(net, torch.randn(12, 4), targets)
    with pytest.raises(InputError, match=r"not 1\. .* loss='bernoulli'.* loss='mse'"):
        Problem(nn.Linear(4, 1), torch.randn(12, 4), targets.float().reshape(-1, 1))
    for loss in ("bernoulli", "mse"):
        Problem(net, torch.randn(12, 4), (targets > 0.5).float(), loss=loss)


def test_classes_along_the_second_dimension_may_leave_one_number_in_the_last() -> None:
    net = nn.Sequential(nn.Linear(4, 3), nn.Unflatten(1, (3, 1)))
    assert Problem(net, torch.randn(12, 4), torch.full((12, 3, 1), 1 / 3)).likelihood.classes == "second"  # type: ignore[attr-defined]

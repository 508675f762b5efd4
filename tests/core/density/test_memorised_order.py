"""The order of training, read from a network alone: exact by chance, found where it is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from lossnav.core import InputError, Problem, memorised_order
from lossnav.explorer.cli import app
from lossnav.explorer.commands.order import steps_in
from scipy import stats
from torch import nn
from typer.testing import CliRunner

COUNT = 96


def network(width: int = 64) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, width), nn.Tanh(), nn.Linear(width, 4))


def data() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(COUNT, 16, generator=generator), torch.randint(4, (COUNT,), generator=generator)


def trained(model: nn.Module, order: np.ndarray) -> np.ndarray:
    """One pass of gradient descent, an example a step, over labels that are noise; the step at which each was seen."""
    inputs, targets = data()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for example in order:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs[example : example + 1]), targets[example : example + 1]).backward()
        optimizer.step()
    seen = np.empty(COUNT)
    seen[order] = np.arange(COUNT)
    return seen


def test_the_order_of_a_pass_is_found() -> None:
    model, order = network(), np.random.default_rng(2).permutation(COUNT)
    seen = trained(model, order)
    problem = Problem(model, *data())
    found = memorised_order(problem, seen, device="cpu", draws=999)
    with torch.no_grad():
        losses = nn.functional.cross_entropy(model(data()[0]).double(), data()[1], reduction="none")
    assert found.correlation == pytest.approx(stats.spearmanr(losses, seen).statistic, abs=1e-9)
    assert found.correlation < 0
    assert found.p_value <= 0.01


def test_the_reference_takes_away_what_is_hard_for_any_network() -> None:
    hard = torch.rand(COUNT, generator=torch.Generator().manual_seed(4)).double() * 9 + 1
    net = nn.Linear(COUNT, 1, bias=False).double()  # the outputs are its weights, the targets zero
    before = {"weight": hard.sqrt().reshape(1, -1)}
    net.weight.data.copy_((hard - 1e-3 * torch.arange(COUNT)).sqrt().reshape(1, -1))  # a little less, the later it came
    problem = Problem(net, torch.eye(COUNT).double(), torch.zeros(COUNT, 1).double(), loss="mse")
    found = memorised_order(problem, range(COUNT), reference=before, device="cpu", draws=99)
    assert found.referred
    assert found.correlation == pytest.approx(-1)
    assert abs(memorised_order(problem, range(COUNT), device="cpu", draws=99).correlation) < 0.3


def test_p_values_are_uniform_where_the_order_is_chance() -> None:
    problem = Problem(network(8), *data())
    orders = (np.random.default_rng(seed).integers(0, 12, COUNT) for seed in range(150))  # batches: many share a step
    values = [memorised_order(problem, order, device="cpu", draws=99, seed=k).p_value for k, order in enumerate(orders)]
    assert stats.kstest(values, "uniform").pvalue > 0.01
    assert min(values) >= 0.01


def test_it_is_the_same_twice_and_states_equal_losses() -> None:
    problem = Problem(network(8), *data())
    once, again = (memorised_order(problem, range(COUNT), device="cpu", draws=99) for _ in range(2))
    assert once == again
    flat = Problem(network(8), torch.ones(COUNT, 16), torch.zeros(COUNT, dtype=torch.long))
    assert memorised_order(flat, range(COUNT), device="cpu", draws=99).p_value == 1.0


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        (range(5), "One finite step for each of the 96 examples was expected, but 5 numbers came"),
        ([np.nan] * COUNT, "0 of them finite"),
        ([3] * COUNT, "at 1 different steps"),
        (np.arange(COUNT).reshape(8, -1), r"one for each example, but are of shape \(8, 12\)"),
        (np.arange(COUNT) + 1j, "real numbers, one for each example, but are of type complex128"),
        (np.arange("2020-01-01", "2020-04-06", dtype="M8[D]"), "real numbers"),
        (["a"] * COUNT, "could not convert string to float"),
        ({0: 1}, "a row of numbers"),
    ],
)
def test_what_is_no_order_is_refused(steps: object, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        memorised_order(Problem(network(8), *data()), steps, device="cpu")  # type: ignore[arg-type]


def test_tensors_of_every_kind_are_steps() -> None:
    problem = Problem(network(8), *data())
    steps = torch.arange(COUNT)
    found = [
        memorised_order(problem, each, device="cpu", draws=19)
        for each in (steps, steps.bfloat16(), steps.double().requires_grad_(), steps.reshape(-1, 1))
    ]
    assert len(set(found)) == 1


@pytest.mark.parametrize("asked", [{"draws": 19.5}, {"draws": True}, {"draws": "99"}, {"seed": -1}, {"seed": 1.5}])
def test_odd_draws_and_seeds_are_refused(asked: dict[str, object]) -> None:
    with pytest.raises(InputError, match="should be a whole number"):
        memorised_order(Problem(network(8), *data()), range(COUNT), device="cpu", **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["at", "reference"])
def test_a_point_of_another_network_is_refused(name: str) -> None:
    other = {key: value.detach() for key, value in network(4).named_parameters()}
    with pytest.raises(InputError, match="where the model has"):
        memorised_order(Problem(network(8), *data()), range(COUNT), device="cpu", draws=19, **{name: other})  # type: ignore[arg-type]


def test_few_examples_have_few_orders_and_all_of_them_count() -> None:
    inputs = torch.eye(8)
    net = nn.Linear(8, 1, bias=False)
    net.weight.data.copy_(torch.arange(8.0) / 8)
    found = memorised_order(Problem(net, inputs, torch.ones(8, 1), loss="mse"), range(8), device="cpu", draws=99_999)
    assert found.draws == 40_319  # 8! − 1 others
    assert found.p_value == pytest.approx(1 / 40_320, rel=1e-12)


def test_odd_files_of_steps(tmp_path: Path) -> None:
    def written(name: str, content: bytes) -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    assert (steps_in(written("bom.txt", "\ufeff1,2\n3".encode())) == [1, 2, 3]).all()
    np.save(tmp_path / "whole.npy", np.arange(2))
    whole = (tmp_path / "whole.npy").read_bytes()
    upper = written("UPPER.NPY", whole)
    assert (steps_in(upper) == [0, 1]).all()
    np.save(tmp_path / "table.npy", np.ones((2, 2)))
    for path in (
        written("promises.npy", whole.replace(b"(2,), }          ", b"(99999999999,), }")),
        written("header.npy", b"\x93NUMPY\x01\x00\x76\x00" + b"(((((".ljust(118)),
        written("none.npy", b""),
        written("zeros.txt", b"1\x002"),
        tmp_path / "table.npy",
        tmp_path / ("long" * 100),
        tmp_path,
    ):
        with pytest.raises(InputError):
            steps_in(path)


def test_the_command_reads_steps_and_says_the_p_value(tmp_path: Path) -> None:
    model, order = network(), np.random.default_rng(2).permutation(COUNT)
    first = {name: p.detach().clone() for name, p in model.named_parameters()}
    np.save(tmp_path / "seen.npy", trained(model, order))
    assert (steps_in(tmp_path / "seen.npy")[order] == np.arange(COUNT)).all()
    last = {name: p.detach().clone() for name, p in model.named_parameters()}
    torch.save((first, last, data()), tmp_path / "run.pt")
    (tmp_path / "mine.py").write_text(
        "import torch\nfrom pathlib import Path\nfrom lossnav.core import Problem, Trajectory\n"
        "first, last, data = torch.load(Path(__file__).with_name('run.pt'))\n"
        "model = torch.nn.Sequential(torch.nn.Linear(16, 64), torch.nn.Tanh(), torch.nn.Linear(64, 4))\n"
        "model.load_state_dict(last)\n"
        "problem = Problem(model, *data, trajectory=Trajectory([first, last]))\n"
    )
    asked = [
        "order",
        str(tmp_path / "mine.py"),
        "--seen",
        str(tmp_path / "seen.npy"),
        "--reference",
        "0",
        "--draws",
        "999",
    ]
    found = CliRunner().invoke(app, asked)
    assert found.exit_code == 0, found.output
    assert "examples seen later have the smaller loss" in found.output
    (tmp_path / "words.txt").write_text("one two")
    with pytest.raises(InputError, match="should hold numbers"):
        steps_in(tmp_path / "words.txt")

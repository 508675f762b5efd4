"""What of a problem can be chosen on the command line: the same options on every command that takes a target."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from lossnav.core import InputError, Problem, load_problem, read_landscape
from lossnav.explorer.cli import app
from lossnav.explorer.commands.problem_options import OPTIONS, ProblemChoice
from torch import nn
from torch.nn import functional as F
from typer.testing import CliRunner

MINE = """
import torch
from torch import nn
from lossnav.core import Problem
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3))
weights = nn.CrossEntropyLoss(torch.tensor([0.2, 1.0, 3.0]))
problem = Problem(net, torch.randn(12, 3), torch.arange(12) % 3, loss=weights)
"""
HERE = ["--grid", "1x1", "--span", "0,0,0,0", "--no-fidelity", "--overlay", "slope", "--device", "cpu"]


def run(*words: str | Path) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path / "mine.py"


def test_every_command_that_takes_a_target_has_them() -> None:
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    taking = {name for name, c in commands.items() if any(p.name == "target" and p.required for p in c.params)}
    assert taking >= {"check", "survey", "spectrum", "coupling", "density"}
    for name in taking - {"convert"}:
        assert set(OPTIONS) <= {p.name for p in commands[name].params}, name


def test_some_of_the_examples_are_a_problem_of_their_own(mine: Path, tmp_path: Path) -> None:
    """The mean is divided by the weights of these examples, as torch has it."""
    run("survey", mine, *HERE, "--examples", "5", "--out", tmp_path / "land")
    problem = load_problem(mine).of_examples(5)
    z, y = problem.model(problem.args[0]), problem.targets
    own = nn.CrossEntropyLoss(torch.tensor([0.2, 1.0, 3.0]))(z, y)
    assert len(y) == 5
    assert float(read_landscape(tmp_path / "land")["loss"][0, 0]) == pytest.approx(float(own.detach()), rel=1e-6)


def test_counted_means_are_counted_anew() -> None:
    x = torch.linspace(-1, 1, 24).reshape(8, 3)
    y = torch.tensor([0, 1, -1, -1, -1, 1, 0, 1])

    def loss(model: nn.Module, batch: Any) -> Any:
        count = int((batch[1] >= 0).sum())
        return F.cross_entropy(model(batch[0]), batch[1], ignore_index=-1), count

    from lossnav.core.curvature.loss_function import LossFunction

    part = Problem.from_loss(nn.Linear(3, 2), (x, y), loss).of_examples([0, 2, 5])
    function = LossFunction(part, None, "cpu", batch_size=3)
    own = F.cross_entropy(part.model(x[[0, 2, 5]]), y[[0, 2, 5]], ignore_index=-1)
    assert function.loss(function.point) == pytest.approx(float(own.detach()), rel=1e-6)


def test_products_by_differences_are_asked_for(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert "Differences of gradients were asked for." in run("check", mine, "--products", "differences")
    with pytest.raises(InputError, match="Unknown way to take products"):
        ProblemChoice(str(mine), products="finite").problem()


def test_texts_are_of_a_folder(mine: Path) -> None:
    with pytest.raises(InputError, match="--texts is of a folder of transformers"):
        ProblemChoice(str(mine), texts=Path("texts.txt")).problem()


def saved(folder: Path) -> Any:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=29, n_embd=8, n_layer=1, n_head=2, n_positions=16, bos_token_id=1, eos_token_id=2
    )
    model = transformers.GPT2LMHeadModel(config)
    model.save_pretrained(folder / "tiny")
    np.save(folder / "tokens.npy", np.arange(48) * 7 % 29)
    return model.eval()


@pytest.mark.filterwarnings("ignore")
def test_a_folder_of_transformers_is_a_target(tmp_path: Path) -> None:
    model = saved(tmp_path)
    out = tmp_path / "land"
    run("survey", tmp_path / "tiny", "--texts", tmp_path / "tokens.npy", *HERE, "--out", out)
    ids = (torch.arange(48) * 7 % 29).reshape(3, 16)
    own = model(input_ids=ids, labels=ids).loss
    assert float(read_landscape(out)["loss"][0, 0]) == pytest.approx(float(own.detach()), rel=1e-5)
    assert json.loads(read_landscape(out).attrs["problem"])["name"] == "tiny"
    with pytest.raises(InputError, match=r"--texts texts\.txt"):
        load_problem(tmp_path / "tiny")


@pytest.mark.filterwarnings("ignore")
def test_a_folder_of_an_adapter_is_a_target(tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    model = saved(tmp_path)
    model.config._name_or_path = str(tmp_path / "tiny")
    adapted = peft.get_peft_model(
        model, peft.LoraConfig(r=2, target_modules=["c_attn"], task_type="CAUSAL_LM", fan_in_fan_out=True)
    )
    adapted.peft_config["default"].base_model_name_or_path = str(tmp_path / "tiny")
    adapted.save_pretrained(tmp_path / "checkpoint-1")
    problem = load_problem(f"{tmp_path / 'checkpoint-1'}:{tmp_path / 'tokens.npy'}")
    assert all("lora_" in name for name in problem.parameters)
    config = tmp_path / "checkpoint-1" / "adapter_config.json"
    config.write_text(config.read_text().replace(str(tmp_path / "tiny"), "some/model"))
    with pytest.raises(InputError, match="names 'some/model', which is no folder here"):
        load_problem(f"{tmp_path / 'checkpoint-1'}:{tmp_path / 'tokens.npy'}")

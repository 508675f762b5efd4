"""Recording a training: two lines, the weights with their own loss, bounded on disk, resumed where it stopped."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cases
import pytest
import torch
from lossnav.core import InputError, Plane, Problem, Recorder, Trajectory, survey
from torch import Tensor, nn
from torch.nn import functional as F

X, Y = cases.normal(30, 3), cases.labels(30, classes=4)


def network(seed: int = 0) -> nn.Module:
    return cases.initialised(cases.mlp((3, 5, 4)), seed)


def trained(model: nn.Module, recorder: Recorder, steps: int, **more: Any) -> Iterator[float]:
    """A plain loop; gives the loss of each step."""
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(steps):
        loss = F.cross_entropy(model(X), Y)
        optimizer.zero_grad()
        loss.backward()
        recorder(loss, **more)
        optimizer.step()
        yield float(loss.detach())


def test_the_weights_and_the_loss_of_a_step_belong_together(tmp_path: Path) -> None:
    model = network()
    losses = list(trained(model, Recorder(model, tmp_path, every=10), 35))
    path = Trajectory.from_folder(tmp_path)
    assert path.steps == (0, 1, 2, 4, 8, 10, 20, 30)
    assert path.losses == pytest.approx([losses[s] for s in path.steps])
    problem = Problem(model, X, Y, trajectory=path)
    found = survey(problem, Plane.trajectory(problem), (3, 3), fidelity=True)
    fidelity = json.loads(found.attrs["fidelity"])["path"]
    assert fidelity["true_loss"] == pytest.approx(path.losses, rel=1e-9)
    assert fidelity["training_loss"] == pytest.approx(path.losses, rel=1e-9)
    rows = json.loads((tmp_path / "losses.json").read_text())["rows"]
    assert [row[0] for row in rows] == list(path.steps)
    assert rows[-1][2] == pytest.approx(sum(losses[21:31]) / 10)


def test_it_thins_itself_to_stay_below_the_limit(tmp_path: Path) -> None:
    model = network()
    probe = Recorder(model, tmp_path / "probe")
    probe(0.0)
    each = probe._held()
    recorder = Recorder(model, tmp_path / "run", every=1, limit=12.5 * each)
    sizes = []
    for _ in trained(model, recorder, 200):
        sizes.append(recorder._held())
    assert max(sizes) <= 12.5 * each
    steps = Trajectory.from_folder(tmp_path / "run").steps
    assert steps[0] == 0
    assert 5 <= len(steps) <= 12
    assert steps[-1] > 150
    gaps = {b - a for a, b in pairwise(steps)}
    assert len(gaps) == 1  # as even as it would be had it been known how long the run is
    with pytest.raises(InputError, match="has no room for 8"):
        Recorder(model, tmp_path / "small", limit=each)


def test_a_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    whole = network()
    list(trained(whole, Recorder(whole, tmp_path / "whole", every=10), 60))
    model = network()
    list(trained(model, Recorder(model, tmp_path / "run", every=10), 45))
    with pytest.raises(InputError, match="resume=True"):
        Recorder(model, tmp_path / "run", every=10)
    kept = Trajectory.from_folder(tmp_path / "run").at(-3)  # training goes on from what was saved at step 20
    assert Trajectory.from_folder(tmp_path / "run").steps[-3] == 20
    again = network(5)
    again.load_state_dict(kept)
    list(trained(again, Recorder(again, tmp_path / "run", every=10, resume=True), 40))
    one, two = (Trajectory.from_folder(tmp_path / name) for name in ("run", "whole"))
    assert one.steps == two.steps
    assert one.losses == pytest.approx(two.losses)
    with pytest.raises(InputError, match="another network"):
        Recorder(cases.mlp((3, 6, 4)).double(), tmp_path / "run", resume=True)


def test_weights_of_no_checkpoint_count_on_and_a_stated_step_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = network()
    list(trained(model, Recorder(model, tmp_path, every=10), 21))
    with caplog.at_level(logging.WARNING, "lossnav"):
        other = network(9)
        list(trained(other, Recorder(other, tmp_path, every=10, resume=True), 12))
    assert any("count on from 21" in r.getMessage() for r in caplog.records)
    assert Trajectory.from_folder(tmp_path).steps[-2:] == (20, 30)
    resumed = Recorder(model, tmp_path, every=10, resume=True)
    resumed(1.0, step=10)
    assert Trajectory.from_folder(tmp_path).steps == (0, 1, 2, 4, 8, 10)


def test_nothing_unfinished_is_read_and_a_full_disk_does_not_end_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = network()
    recorder = Recorder(model, tmp_path, every=10)
    list(trained(model, recorder, 5))

    def full(tensors: object, path: Path, metadata: object = None) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lossnav.core.problem.recorder.save_file", full)
    with caplog.at_level(logging.WARNING, "lossnav"):
        assert len(list(trained(model, recorder, 30))) == 30
    assert any("has stopped" in r.getMessage() for r in caplog.records)
    assert Trajectory.from_folder(tmp_path).steps == (0, 1, 2, 4)


def test_only_what_is_trained_and_buffers_are_written_tied_ones_once(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 3).requires_grad_(False), nn.BatchNorm1d(3), nn.Linear(3, 3))
    recorder = Recorder(nn.DataParallel(model), tmp_path)
    for _ in range(2):
        recorder(torch.tensor(1.0))
    names = set(Trajectory.from_folder(tmp_path).at(0))
    buffers = {"1.running_mean", "1.running_var", "1.num_batches_tracked"}
    assert names == {"1.weight", "1.bias", "2.weight", "2.bias"} | buffers
    tied = cases.initialised(cases.Tied())
    with Recorder(tied, tmp_path / "tied") as recorder:
        recorder(1.0)
    assert set(Trajectory.from_folder(tmp_path / "tied").at(0)) == {n for n, _ in tied.named_parameters()}
    with pytest.raises(InputError, match="nothing to record"):
        Recorder(network().requires_grad_(False), tmp_path / "frozen")


class FakeTrainer(SimpleNamespace):
    """What Lightning's trainer tells its callbacks."""


def test_lightning_calls(tmp_path: Path) -> None:
    lightning = pytest.importorskip("pytorch_lightning")
    callback, model = Recorder.lightning(tmp_path, every=4), network()
    assert isinstance(callback, lightning.Callback)
    trainer = FakeTrainer(is_global_zero=True, global_step=0, accumulate_grad_batches=2)
    optimizer, losses = torch.optim.SGD(model.parameters(), 0.1), []
    callback.on_train_start(trainer, model)
    for _ in range(9):
        for half in range(2):
            callback.on_train_batch_start(trainer, model, None, half)
            loss = F.cross_entropy(model(X), Y) / 2
            loss.backward()
            callback.on_train_batch_end(trainer, model, {"loss": loss.detach()}, None, half)
        losses.append(float(2 * loss.detach()))
        optimizer.step()
        optimizer.zero_grad()
        trainer.global_step += 1
    callback.on_train_end(trainer, model)
    path = Trajectory.from_folder(tmp_path)
    assert path.steps == (0, 1, 2, 4, 8, 9)
    assert path.losses[:5] == pytest.approx([losses[s] for s in path.steps[:5]])
    assert torch.equal(path.at(5)["0.weight"], model.state_dict()["0.weight"])


@pytest.mark.filterwarnings("ignore")
def test_a_lightning_training(tmp_path: Path) -> None:
    lightning = pytest.importorskip("pytorch_lightning")

    class Module(lightning.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net, self.losses = network().float(), []

        def training_step(self, batch: list[Tensor], _: int) -> Tensor:
            loss = F.cross_entropy(self.net(batch[0]), batch[1])
            self.losses.append(float(loss.detach()))
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), 0.1)

    module = Module()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X.float(), Y), 10)
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    callback = Recorder.lightning(tmp_path / "run", every=4)
    lightning.Trainer(max_epochs=4, accelerator="cpu", callbacks=[callback], default_root_dir=tmp_path, **quiet).fit(
        module, loader
    )
    path = Trajectory.from_folder(tmp_path / "run")
    assert path.steps == (0, 1, 2, 4, 8, 12)
    assert path.losses[:-1] == pytest.approx([module.losses[s] for s in path.steps[:-1]], rel=1e-6)
    problem = Problem(module.net, loader, trajectory=path)  # the network inside the module: 'net.' is taken off
    assert any("'net.'" in note for note in problem.notes)


@pytest.mark.filterwarnings("ignore")
def test_a_transformers_training(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 4)

        def forward(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
            logits = self.layer(x)
            return {"loss": F.cross_entropy(logits, labels), "logits": logits}

    data = [{"x": x, "labels": y} for x, y in zip(X.float(), Y, strict=True)]
    settings = transformers.TrainingArguments(
        str(tmp_path / "out"), max_steps=9, per_device_train_batch_size=30, logging_steps=1, report_to=[], save_strategy="no",
        use_cpu=True, disable_tqdm=True, learning_rate=0.1, lr_scheduler_type="constant",
    )  # fmt: skip
    model = Net()
    callback = Recorder.transformers(tmp_path / "run", every=4)
    transformers.Trainer(model, settings, train_dataset=data, callbacks=[callback]).train()
    path = Trajectory.from_folder(tmp_path / "run")
    assert path.steps == (0, 1, 2, 4, 8, 9)
    assert torch.equal(path.at(5)["layer.weight"], model.state_dict()["layer.weight"])
    assert path.losses is not None
    for point, loss in zip(list(path)[:5], path.losses[:5], strict=True):
        own = F.cross_entropy(F.linear(X.float(), point["layer.weight"], point["layer.bias"]), Y)
        assert loss == pytest.approx(float(own), abs=1e-4)  # transformers rounds what it logs

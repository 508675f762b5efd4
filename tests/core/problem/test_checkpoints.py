"""Checkpoints as trainers leave them: names, folders, shards and steps understood; paths of any length read piece by piece."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cases
import numpy as np
import pytest
import torch
from lossnav.core import InputError, Plane, Problem, Trajectory, load_weights, read_weights, survey
from lossnav.core.plane.directions import principal_components
from lossnav.core.problem import checkpoints
from lossnav.core.problem.identity import problem_identity
from lossnav.core.problem.steps import steps_in
from safetensors.torch import save_file
from torch import Tensor, nn

State = dict[str, Tensor]


def network(seed: int = 0) -> nn.Module:
    return cases.initialised(cases.mlp((3, 5, 4)), seed)


def problem_with(path: Trajectory | None = None, seed: int = 0) -> Problem:
    return Problem(network(seed), cases.normal(12, 3), cases.labels(12, classes=4), trajectory=path)


def before(start: str) -> Callable[[State], State]:
    return lambda state: {start + name: tensor for name, tensor in state.items()}


def inside(state: State) -> State:
    """As torch.compile names the parts of a network that was compiled layer by layer."""
    return {name.replace(".", "._orig_mod.", 1): tensor for name, tensor in state.items()}


NAMES = {
    "as they are": lambda s: s,
    "DataParallel": before("module."),
    "compiled": before("_orig_mod."),
    "compiled in DataParallel": before("module._orig_mod."),
    "Lightning": before("net."),
    "Lightning, deep": before("learner.backbone.model."),
    "compiled by layers": inside,
}
PLACES = {
    "top": lambda s: s,
    "state_dict": lambda s: {"epoch": 3, "state_dict": s, "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}}},
    "model": lambda s: {"model": s, "ema": {k: v + 1 for k, v in s.items()}},
    "generator": lambda s: {"generator": s, "discriminator": {"0.weight": torch.zeros(9, 9)}},
    "deep": lambda s: {"training": {"networks": {"policy": s}}, "step": torch.tensor(5)},
}


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("place", PLACES)
def test_names_and_places(names: str, place: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source, target = network(1), network(2)
    torch.save(PLACES[place](NAMES[names](source.state_dict())), tmp_path / "w.pt")
    with caplog.at_level(logging.WARNING, "lossnav"):
        load_weights(target, tmp_path / "w.pt")
    assert all(torch.equal(target.state_dict()[k], v) for k, v in source.state_dict().items())
    assert any("ames" in r.getMessage() for r in caplog.records) == (names != "as they are")


def test_a_wrapped_network_takes_a_plain_file_and_the_other_way_round(tmp_path: Path) -> None:
    source = network(1)
    save_file(source.state_dict(), tmp_path / "w.safetensors")
    target = nn.Sequential()
    target.add_module("module", network(2))
    load_weights(target, tmp_path / "w.safetensors")
    assert torch.equal(target.state_dict()["module.0.weight"], source.state_dict()["0.weight"])


def test_what_stands_beside_the_network_is_left_and_what_stands_in_it_is_not(tmp_path: Path) -> None:
    state = before("net.")(network(1).state_dict())
    torch.save({"state_dict": {**state, "criterion.weight": torch.ones(4)}}, tmp_path / "a.ckpt")
    load_weights(network(2), tmp_path / "a.ckpt")
    torch.save({**state, "net.9.weight": torch.ones(4)}, tmp_path / "b.pt")
    with pytest.raises(InputError, match="has 5 that the model does not know"):
        load_weights(network(2), tmp_path / "b.pt")


def test_several_that_fit_are_asked_about(tmp_path: Path) -> None:
    one, two = network(1).state_dict(), network(2).state_dict()
    torch.save({**before("student.")(one), **before("teacher.")(two)}, tmp_path / "a.pt")
    with pytest.raises(InputError, match=r"'student\.', 'teacher\.'.*prefix='student\.'"):
        load_weights(network(3), tmp_path / "a.pt")
    assert torch.equal(
        load_weights(network(3), tmp_path / "a.pt", prefix="teacher.").state_dict()["0.bias"], two["0.bias"]
    )
    torch.save({"params": one, "params_ema": two}, tmp_path / "b.pt")
    with pytest.raises(InputError, match=r"key='params'"):
        load_weights(network(3), tmp_path / "b.pt")
    with pytest.raises(InputError, match=r"key='params'"):
        read_weights(tmp_path / "b.pt")
    assert torch.equal(read_weights(tmp_path / "b.pt", key="params_ema")["0.bias"], two["0.bias"])
    loaded = load_weights(network(3), tmp_path / "b.pt", key="params_ema").state_dict()
    assert torch.equal(loaded["0.bias"], two["0.bias"])
    with pytest.raises(InputError, match="no weights under key='other'"):
        read_weights(tmp_path / "b.pt", key="other")


class Settings:
    """A class that only the training script knows."""


def test_harmless_things_beside_the_weights_are_named_and_never_unpickled(tmp_path: Path) -> None:
    state = {"state_dict": network().state_dict()}
    torch.save({**state, "hyper_parameters": argparse.Namespace(lr=0.1), "best": Settings()}, tmp_path / "a.ckpt")
    with pytest.raises(InputError, match=r"argparse\.Namespace.*safe_globals\(\[argparse\.Namespace") as caught:
        load_weights(network(), tmp_path / "a.ckpt")
    assert "Settings" in str(caught.value)
    assert "so it was not opened" in str(caught.value)
    with torch.serialization.safe_globals([argparse.Namespace, Settings]):  # the remedy, followed
        load_weights(network(), tmp_path / "a.ckpt")


def shards(state: State, folder: Path) -> Path:
    folder.mkdir()
    names = sorted(state)
    parts = {f"model-0000{i + 1}-of-00002.safetensors": names[i::2] for i in range(2)}
    for file, own in parts.items():
        save_file({n: state[n] for n in own}, folder / file)
    weight_map = {n: file for file, own in parts.items() for n in own}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return folder


def test_shards_with_their_index(tmp_path: Path) -> None:
    source = network(1).state_dict()
    folder = shards(source, tmp_path / "checkpoint-5")
    for path in (folder, folder / "model.safetensors.index.json"):
        assert all(torch.equal(v, source[k]) for k, v in read_weights(path).items())
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(InputError, match=r"first 'model-00002-of-00002\.safetensors'"):
        read_weights(folder)


def test_folders_with_no_weights_or_several(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(InputError, match="holds no weights file"):
        read_weights(tmp_path / "a")
    for name in ("x.pt", "y.pt"):
        torch.save(network().state_dict(), tmp_path / "a" / name)
    with pytest.raises(InputError, match=r"holds 2 weights files.*from_folder"):
        read_weights(tmp_path / "a")


@pytest.mark.parametrize(
    ("names", "steps"),
    [
        (["checkpoint-2", "checkpoint-10"], [2, 10]),
        (["epoch=0-step=30.ckpt", "epoch=1-step=60.ckpt"], [30, 60]),
        (["resnet18_epoch_9.pt", "resnet18_epoch_11.pt"], [9, 11]),
        (["model-5-loss0.31.pt", "model-6-loss0.30.pt"], [5, 6]),
        (["step_000100.safetensors", "step_000020.safetensors"], [100, 20]),
        (["3.pt", "12.pt"], [3, 12]),
        (["ckpt_1_9.pt", "ckpt_2_9.pt"], [1, 2]),
        (["best.pt", "last.pt"], None),
        (["a1b2.pt", "a3b4.pt"], None),
        (["w.pt", "w.pt"], None),
    ],
)
def test_steps_in_names(names: list[str], steps: list[int] | None) -> None:
    assert steps_in(names) == steps


def bent(count: int = 6) -> list[State]:
    """A path that bends through the full space and ends at θ₀."""
    end, path = network().state_dict(), []
    for t in range(count):
        path.append({k: v + (count - 1 - t) / 3 * cases.normal(*v.shape, seed=t) for k, v in end.items()})
    return path


WRITERS: dict[str, Callable[[State, Path], Path]] = {
    "safetensors": lambda s, p: (save_file(s, p.with_suffix(".safetensors")), p.with_suffix(".safetensors"))[1],
    "torch": lambda s, p: (
        torch.save({"step": 1, "model": before("module.")(s)}, p.with_suffix(".pt")),
        p.with_suffix(".pt"),
    )[1],
    "shards": lambda s, p: shards(s, p),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_path_on_disk_gives_the_numbers_of_one_in_memory(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "READ_NUMBERS", 30)  # a few numbers of each checkpoint at once
    states = bent()
    files = [WRITERS[kind](s, tmp_path / f"checkpoint-{10 * t}") for t, s in enumerate(states)]
    held = problem_with(Trajectory(states, steps=[0, 10, 20, 30, 40, 50]))
    stored = problem_with(Trajectory.from_files(files[::-1]))
    assert held.trajectory is not None
    assert stored.trajectory is not None
    assert stored.trajectory.is_streamed
    assert stored.trajectory.steps == held.trajectory.steps
    np.testing.assert_allclose(stored.trajectory.segment_lengths, held.trajectory.segment_lengths, rtol=1e-12)
    assert stored.trajectory.displacement == pytest.approx(held.trajectory.displacement)
    for own, there in zip(stored.trajectory, held.trajectory, strict=True):
        assert all(torch.equal(own[k], v) for k, v in there.items())
    one, two = Plane.trajectory(stored), Plane.trajectory(held)
    np.testing.assert_allclose(one.explained, two.explained, rtol=1e-9)
    for d, e in zip(one.directions, two.directions, strict=True):
        for name in d:
            np.testing.assert_allclose(d[name], e[name], atol=1e-9)
    assert held.trajectory is not None
    np.testing.assert_allclose(one.project_path(stored.trajectory), two.project_path(held.trajectory), atol=1e-9)
    lands = [survey(p, plane, (3, 3), overlays=("memory",), fidelity=True) for p, plane in ((stored, one), (held, two))]
    np.testing.assert_allclose(lands[0]["memory"], lands[1]["memory"], rtol=1e-6)
    paths = [json.loads(land.attrs["fidelity"])["path"] for land in lands]
    np.testing.assert_allclose(paths[0]["true_loss"], paths[1]["true_loss"], rtol=1e-9)
    assert problem_identity(stored)["trajectory"] is not None


@contextmanager
def peak_of_own_memory() -> Iterator[list[int]]:
    """Bytes that are the process's own, read often while something runs; pages of files that are looked into are not among them."""
    seen, over = [own_bytes()], threading.Event()

    def watch() -> None:
        while not over.wait(0.002):
            seen.append(own_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def own_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from Linux's /proc")
def test_a_long_path_is_never_held_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count, width = 120, 1000
    monkeypatch.setattr(checkpoints, "READ_NUMBERS", 2**21)  # 16 MB in float64, of which there are a few copies
    model = nn.Linear(width, width, bias=False)
    for t in range(count):
        weight = torch.full((width, width), float(t)) + torch.eye(width) * (t % 7)
        save_file({"weight": weight}, tmp_path / f"step_{t}.safetensors")
    path = Trajectory.from_folder(tmp_path).fitted({"weight": model.weight})
    with peak_of_own_memory() as seen:
        _, _, shares = principal_components(path)
    grown = max(seen) - seen[0]
    assert sum(shares) == pytest.approx(1.0, abs=1e-6)  # all of it lies in a plane
    assert grown < 0.75 * count * model.weight.nbytes, f"{grown / model.weight.nbytes:.0f} checkpoints of {count}"


def test_a_folder_is_read_in_the_order_of_its_steps(tmp_path: Path) -> None:
    states = bent(4)
    for step, state in zip((2, 10, 100, 9), (states[0], states[2], states[3], states[1]), strict=True):
        (tmp_path / f"checkpoint-{step}").mkdir()
        save_file(state, tmp_path / f"checkpoint-{step}" / "model.safetensors")
        torch.save({"state": {}}, tmp_path / f"checkpoint-{step}" / "optimizer.pt")
    torch.save(states[0], tmp_path / "best.pt")
    path = Trajectory.from_folder(tmp_path)
    assert path.steps == (2, 9, 10, 100)
    assert all(torch.equal(p["0.weight"], s["0.weight"]) for p, s in zip(path, states, strict=True))
    assert any("best.pt" in note for note in problem_with(path).notes)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="two or more checkpoints with their steps"):
        Trajectory.from_folder(tmp_path / "empty")
    with pytest.raises(InputError, match="No folder"):
        Trajectory.from_folder(tmp_path / "nowhere")


def test_prefixes_of_a_path_are_taken_off_and_said(tmp_path: Path) -> None:
    states = bent(3)
    files = [WRITERS["torch"](s, tmp_path / f"step{t}") for t, s in enumerate(states)]
    notes = problem_with(Trajectory.from_files(files)).notes
    assert any("'module.' was taken off" in note for note in notes)
    assert any("'net.'" in n for n in problem_with(Trajectory([before("net.")(s) for s in states])).notes)


def test_checkpoints_that_are_the_same() -> None:
    model, states = network(), []
    for _ in range(3):
        states.append(model.state_dict())
    with pytest.raises(InputError, match=r"same tensors.*clone"):
        Trajectory(states)
    copies = [{k: v.clone() for k, v in state.items()} for state in states]
    problem = problem_with(Trajectory(copies))
    assert any("All checkpoints are the same" in note for note in problem.notes)
    with pytest.raises(InputError, match=r"are the same.*clone"):
        Plane.trajectory(problem)
    path = bent(4)
    notes = problem_with(Trajectory([path[0], path[1], {k: v.clone() for k, v in path[1].items()}, path[3]])).notes
    assert any("steps 1 and 2 are the same" in note for note in notes)


def test_files_that_are_the_same(tmp_path: Path) -> None:
    save_file(network().state_dict(), tmp_path / "w.safetensors")
    problem = problem_with(Trajectory.from_files([tmp_path / "w.safetensors"] * 3))
    assert any("more than once" in note for note in problem.notes)
    with pytest.raises(InputError, match="are the same"):
        Plane.trajectory(problem)


def test_bad_checkpoints_of_a_path_on_disk(tmp_path: Path) -> None:
    states = bent(3)
    states[1]["0.bias"][0] = torch.nan
    for t, state in enumerate(states):
        save_file(state, tmp_path / f"{t}.safetensors")
    with pytest.raises(InputError, match=r"1\.safetensors"):
        Plane.trajectory(problem_with(Trajectory.from_folder(tmp_path)))
    save_file({"other": torch.zeros(2)}, tmp_path / "1.safetensors")
    with pytest.raises(InputError, match=r"'1\.safetensors'.*lacks 4 .*'other'.*another network"):
        problem_with(Trajectory.from_folder(tmp_path))
    states[1]["0.bias"] = torch.zeros(7)
    save_file(states[1], tmp_path / "1.safetensors")
    with pytest.raises(InputError, match=r"'0\.bias' of shape \(7,\) where the model has \(5,\)"):
        problem_with(Trajectory.from_folder(tmp_path))


def test_what_reading_takes_is_said_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("lossnav.core.problem.trajectory.TOLD_BYTES", 100)
    for t, state in enumerate(bent(3)):
        save_file(state, tmp_path / f"{t}.safetensors")
    with caplog.at_level(logging.WARNING, "lossnav"):
        path = Trajectory.from_folder(tmp_path)
    assert any("3 checkpoints of 1 MB" in note and "3 × 3" in note for note in path.notes)
    assert any("read from disk" in r.getMessage() for r in caplog.records)


class Adapted(nn.Module):
    """A frozen layer with a low-rank adapter, named as peft names them."""

    def __init__(self, adapter: str = "default") -> None:
        super().__init__()
        inner = nn.Module()
        inner.base_layer = nn.Linear(3, 4).requires_grad_(False)
        inner.lora_A = nn.ModuleDict({adapter: nn.Linear(3, 2, bias=False)})
        inner.lora_B = nn.ModuleDict({adapter: nn.Linear(2, 4, bias=False)})
        self.base_model, self.adapter = nn.Module(), adapter
        self.base_model.model = nn.Module()
        self.base_model.model.q = inner

    def forward(self, x: Tensor) -> Tensor:
        q = self.base_model.model.q
        return q.base_layer(x) + q.lora_B[self.adapter](q.lora_A[self.adapter](x))  # type: ignore[operator, index, union-attr]


@pytest.mark.parametrize("adapter", ["default", "my_adapter"])
def test_adapters_of_peft(adapter: str, tmp_path: Path) -> None:
    model = cases.initialised(Adapted(adapter))
    own = {k: v for k, v in model.state_dict().items() if "lora_" in k}
    for step in (2, 10):
        state = {k.replace(f".{adapter}", ""): v + step for k, v in own.items()}
        (tmp_path / f"checkpoint-{step}").mkdir()
        save_file(state, tmp_path / f"checkpoint-{step}" / "adapter_model.safetensors")
    path = Trajectory.from_folder(tmp_path)
    problem = Problem(model, cases.normal(6, 3), cases.labels(6, classes=4), trajectory=path)
    assert problem.trajectory is not None
    assert problem.trajectory.steps == (2, 10)
    assert all(torch.equal(problem.trajectory.at(0)[k], v + 2) for k, v in own.items())
    frozen = model.state_dict()["base_model.model.q.base_layer.weight"].clone()
    load_weights(model, tmp_path / "checkpoint-10")
    assert torch.equal(model.state_dict()[next(iter(own))], own[next(iter(own))])
    assert torch.equal(model.state_dict()["base_model.model.q.base_layer.weight"], frozen)

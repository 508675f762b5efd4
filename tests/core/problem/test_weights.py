"""Weights from disk: read as they were written, and never run."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import cases
import pytest
import torch
from lossnav.core import InputError, Trajectory, load_weights, read_weights
from safetensors.torch import save_file, save_model
from torch import Tensor, nn


class Runs:
    """A pickle that writes a file when it is read."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.trace}",)


def saved(state: dict[str, Tensor], path: Path) -> Path:
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return path


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w.pth", "w.bin"])
def test_round_trip(name: str, tmp_path: Path) -> None:
    source, target = (cases.convolution(seed=s).model for s in (1, 2))
    path = saved(source.state_dict(), tmp_path / name)
    assert load_weights(target, path) is target
    for key, value in source.state_dict().items():
        assert torch.equal(target.state_dict()[key], value)
    assert {k: v.dtype for k, v in read_weights(path).items()} == {k: v.dtype for k, v in source.state_dict().items()}


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_a_training_checkpoint(key: str, tmp_path: Path) -> None:
    model = cases.classifier().model
    torch.save({"epoch": 3, key: model.state_dict()}, tmp_path / "w.pt")
    assert set(read_weights(tmp_path / "w.pt")) == set(model.state_dict())


def test_tied_weights_that_were_saved_once(tmp_path: Path) -> None:
    source, target = (cases.initialised(cases.Tied(), seed) for seed in (1, 2))
    save_model(source, str(tmp_path / "w.safetensors"))
    assert len(read_weights(tmp_path / "w.safetensors")) < len(source.state_dict())
    load_weights(target, tmp_path / "w.safetensors")
    assert all(torch.equal(target.state_dict()[k], v) for k, v in source.state_dict().items())
    assert target.head.weight is target.embed.weight


@pytest.mark.parametrize("how", ["pickle", "torch", "state dict"])
def test_code_in_a_pickle_is_not_run(how: str, tmp_path: Path) -> None:
    trace, path = tmp_path / "ran", tmp_path / "w.pt"
    thing = {"state_dict": cases.classifier().model.state_dict(), "more": Runs(trace)}
    if how == "pickle":
        path.write_bytes(pickle.dumps(Runs(trace)))
    else:
        torch.save(Runs(trace) if how == "torch" else thing, path)
    with pytest.raises(InputError) as caught:
        read_weights(path)
    assert not trace.exists()
    assert "\n" not in str(caught.value)
    assert "so it was not opened" in str(caught.value)


@pytest.mark.parametrize("thing", [nn.Linear(2, 2), [1, 2], {"a": 1}, "text"])
def test_objects_that_are_no_weights(thing: object, tmp_path: Path) -> None:
    torch.save(thing, tmp_path / "w.pt")
    with pytest.raises(InputError, match=r"^'.*\.$"):
        read_weights(tmp_path / "w.pt")


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt"])
@pytest.mark.parametrize("content", [b"", b"no weights at all", b"\x80\x02.", bytes(range(256)) * 4, b"PK\x03\x04"])
def test_damaged_files(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_weights(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^No weights file at '.*nowhere.pt': check the path\.$"):
        read_weights(tmp_path / "nowhere.pt")


def test_weights_of_another_network(tmp_path: Path) -> None:
    model = cases.classifier().model
    state = model.state_dict()
    before = {k: v.clone() for k, v in state.items()}
    renamed = {k.replace("0.", "first."): v for k, v in state.items()}
    with pytest.raises(InputError, match=r"lacks 2 .*'0\.weight'.* has 2 .*'first\.weight'"):
        load_weights(model, saved(renamed, tmp_path / "a.pt"))
    with pytest.raises(InputError, match=r"'0\.weight' of shape \(5, 2\) where the model has \(5, 3\)"):
        load_weights(model, saved({**state, "0.weight": torch.zeros(5, 2)}, tmp_path / "b.pt"))
    bad = torch.tensor([0.0, torch.nan, 0.0, 0.0])
    with pytest.raises(InputError, match=r"'2\.bias' should be finite, but 1 of its 4 values"):
        load_weights(model, saved({**state, "2.bias": bad}, tmp_path / "c.pt"))
    assert all(torch.equal(model.state_dict()[k], v) for k, v in before.items())


def test_a_path_from_files(tmp_path: Path) -> None:
    models = [cases.convolution(seed=s).model for s in range(3)]
    files = [saved(m.state_dict(), tmp_path / f"{t}.safetensors") for t, m in enumerate(models)]
    path = Trajectory.from_files(files, steps=[0, 5, 20])
    assert path.steps == (0, 5, 20)
    assert torch.equal(path.at(2)["0.weight"], models[2].state_dict()["0.weight"])

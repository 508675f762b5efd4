"""Files that hold no weights are refused in a sentence that says what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from lossnav.core import InputError
from lossnav.core.problem.weight_files import weights_file

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".ckpt", ".bin"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (POINTER, "git lfs pull"),
        ("", "is empty"),
        ("\n<!DOCTYPE html><html>", "web page"),
        ("\x89HDF\r\n\x1a\n", "HDF5"),
    ],
)
def test_what_lies_there_is_said(tmp_path: Path, suffix: str, content: str, said: str) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match=said):
        weights_file(path)


@pytest.mark.parametrize("name", ["weights.npz", "weights.npy"])
def test_arrays_of_numpy_are_refused_with_a_remedy_that_works(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    arrays = {"weight": np.ones((2, 3), np.float32)}
    np.savez(path, **arrays) if name.endswith("z") else np.save(path, arrays["weight"])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="arrays of NumPy"):
        weights_file(path)
    torch.save({k: torch.from_numpy(v) for k, v in arrays.items()}, tmp_path / "weights.pt")
    assert weights_file(tmp_path / "weights.pt").shapes() == {(): {"weight": torch.Size((2, 3))}}


def test_a_shard_that_is_a_pointer_is_named(tmp_path: Path) -> None:
    (tmp_path / "model-1.safetensors").write_text(POINTER)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"weight": "model-1.safetensors"}}')
    with pytest.raises(InputError, match=r"model-1.*git lfs pull"):
        weights_file(index)

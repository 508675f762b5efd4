"""Texts and tokens as a language model of transformers takes them: padded, masked, and with what each place is to predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from .likelihoods.protocol import IGNORED

LONGEST = 512  # tokens of an example, where nothing else is said
MASKED_SHARE, SEED = 0.15, 0


@dataclass(frozen=True)
class Tokens:
    """ids (n, t); mask (n, t), 1 where there is a token; notes: sentences on what was done."""

    ids: Tensor
    mask: Tensor
    notes: tuple[str, ...] = ()


def tokens_of(data: Any, tokenizer: Any, context: int, padding: int | None) -> Tokens:
    """Token indices of what was brought, one row for each example.

    Parameters
    ----------
    data       texts; a text file, tokenised as one stream; token indices (n, t) or of different lengths; one stream of them, also
               in a .npy, .pt or .bin file (uint16, as nanoGPT writes it); a BatchEncoding with input_ids
    tokenizer  callable as those of transformers; needed for texts alone
    context    tokens of an example at most; streams are cut into pieces of so many
    padding    the token that fills rows up; None: 0

    Raises
    ------
    InputError  texts without a tokenizer, no tokens

    >>> found = tokens_of([[5, 6, 7], [8]], None, 10, 9)
    >>> found.ids.tolist(), found.mask.tolist()
    ([[5, 6, 7], [8, 9, 9]], [[1, 1, 1], [1, 0, 0]])
    """
    if isinstance(data, Mapping) or hasattr(data, "input_ids"):
        ids = torch.as_tensor(data["input_ids"])
        mask = torch.as_tensor(data["attention_mask"]) if "attention_mask" in data else torch.ones_like(ids)
        return Tokens(ids.long(), mask.long())
    if isinstance(data, (str, Path)):
        data = _of_file(Path(data), tokenizer)
    if isinstance(data, Sequence) and data and isinstance(data[0], str):
        data = [_tokenised(text, tokenizer) for text in data]
    if isinstance(data, Sequence) and data and not isinstance(data[0], int):
        return _padded([torch.as_tensor(row).long()[:context] for row in data], padding or 0, context)
    ids = torch.as_tensor(data)
    if ids.is_floating_point() or ids.ndim not in (1, 2) or not ids.numel():
        raise InputError(
            f"Tokens should be whole numbers (n, t), or one stream (t,), but are {ids.dtype} of shape {tuple(ids.shape)}."
        )
    return _cut(ids.long(), context) if ids.ndim == 1 else _ends_masked(ids.long()[:, :context], padding)


def next_tokens(tokens: Tokens) -> Tensor:
    """The label of each place, as transformers shifts them: the token after it; −100 where there is none.

    >>> next_tokens(Tokens(torch.tensor([[5, 6, 7, 0]]), torch.tensor([[1, 1, 1, 0]]))).tolist()
    [[6, 7, -100, -100]]
    """
    targets = tokens.ids.roll(-1, 1).masked_fill(tokens.mask.roll(-1, 1) == 0, IGNORED)
    targets[:, -1] = IGNORED
    return targets


def masked(tokens: Tokens, mask_token: int) -> tuple[Tensor, Tensor]:
    """Inputs with MASKED_SHARE of their tokens hidden, drawn once from a seed, and those tokens as targets (Devlin et al. 2019)."""
    drawn = torch.rand(tokens.ids.shape, generator=torch.Generator().manual_seed(SEED)) < MASKED_SHARE
    hidden = drawn & (tokens.mask == 1)
    if not bool(hidden.any()):
        hidden = (tokens.mask == 1) & (torch.arange(tokens.ids.shape[1]) == 0)
    return tokens.ids.masked_fill(hidden, mask_token), tokens.ids.masked_fill(~hidden, IGNORED)


def _of_file(path: Path, tokenizer: Any) -> Any:
    if not path.is_file():
        raise InputError(f"No file of texts or tokens at '{path}': check the path, or give a list of texts.")
    if path.suffix == ".npy":
        return torch.from_numpy(np.load(path).astype(np.int64))
    if path.suffix == ".bin":
        return torch.from_numpy(np.fromfile(path, np.uint16).astype(np.int64))
    if path.suffix in (".pt", ".pth"):
        return torch.load(path, weights_only=True)
    return torch.as_tensor(_tokenised(path.read_text("utf-8"), tokenizer))


def _tokenised(text: str, tokenizer: Any) -> list[int]:
    if tokenizer is None:
        raise InputError(
            "Texts need a tokenizer: give tokenizer=, keep its files in the model's folder, or give token indices in place of texts."
        )
    found: list[int] = list(tokenizer(text)["input_ids"])
    return found


def _padded(rows: list[Tensor], padding: int, context: int) -> Tokens:
    length = max(len(row) for row in rows)
    if not length or min(len(row) for row in rows) == 0:
        raise InputError("One of the examples has no token: leave it out.")
    ids = torch.full((len(rows), length), padding)
    mask = torch.zeros_like(ids)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = row
        mask[place, : len(row)] = 1
    said = () if bool(mask.all()) else ("Shorter texts are padded, and padding is neither attended to nor predicted.",)
    cut = (f"Texts were cut to {context:,} tokens where they are longer.",) if length == context else ()
    return Tokens(ids, mask, (*said, *cut))


def _cut(stream: Tensor, context: int) -> Tokens:
    context = min(context, len(stream))
    count = len(stream) // context
    left = len(stream) - count * context
    ids = stream[: count * context].reshape(count, context)
    said = f"The stream of {len(stream):,} tokens was cut into {count:,} examples of {context:,}"
    return Tokens(ids, torch.ones_like(ids), (f"{said}; the last {left:,} are left out." if left else f"{said}.",))


def _ends_masked(ids: Tensor, padding: int | None) -> Tokens:
    if padding is None:
        return Tokens(ids, torch.ones_like(ids))
    padded = (ids == padding).flip(1).cumprod(1).flip(1).bool()  # those at the ends of rows
    padded[:, 0] = False
    said = (f"Tokens {padding} at the ends of rows are taken as padding.",) if bool(padded.any()) else ()
    return Tokens(ids, (~padded).long(), said)

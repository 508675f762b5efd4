"""Examples of different lengths: padded where a mask tells, packed, or refused with what to do."""

from __future__ import annotations

import inspect
from typing import Any

import cases
import pytest
import torch
from brought_data import loss, number
from lossnav.core import InputError, Problem
from lossnav.core.curvature.loss_function import LossFunction
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader


class WithMask(nn.Module):
    """The mean over the places of a sequence that `mask` (or its like) keeps."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 3)

    def pooled(self, x: Tensor, kept: Tensor) -> Tensor:
        weights = kept.to(x.dtype)[..., None]
        return self.layer((x * weights).sum(1) / weights.sum(1))


class Attention(WithMask):
    def forward(self, x: Tensor, attention_mask: Tensor) -> Tensor:
        return self.pooled(x, attention_mask)


class Padding(WithMask):
    def forward(self, x: Tensor, src_key_padding_mask: Tensor | None = None) -> Tensor:
        assert src_key_padding_mask is not None
        return self.pooled(x, ~src_key_padding_mask)


class Lengths(WithMask):
    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.pooled(x, torch.arange(x.shape[1])[None] < lengths[:, None])


class Unmasked(WithMask):
    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.mean(1))


SEQUENCES = [cases.normal(length, 2, seed=length) for length in (3, 5, 1, 4)]
KINDS = torch.tensor([0, 2, 1, 1])


@pytest.mark.parametrize("kind", [Attention, Padding, Lengths])
@pytest.mark.parametrize(
    "whole", [list, lambda s: torch.nested.nested_tensor(s), lambda s: list(zip(s, KINDS, strict=True))]
)
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_sequences_of_different_lengths_are_padded_where_a_mask_tells(kind: type[WithMask], whole: Any) -> None:
    model = cases.initialised(kind())
    data = whole(SEQUENCES)
    problem = Problem(model, data) if isinstance(data[0], tuple) else Problem(model, data, KINDS)
    each = [F.cross_entropy(model.layer(s.mean(0)), k) for s, k in zip(SEQUENCES, KINDS, strict=True)]
    assert loss(problem) == pytest.approx(number(torch.stack(each).mean()), rel=1e-12)
    assert any("padded to 5" in note for note in problem.notes)


def test_sequences_without_a_mask_are_refused_with_what_to_do() -> None:
    with pytest.raises(InputError, match=r"lengths \(1 to 5\).*takes no mask.*pad them yourself"):
        Problem(cases.initialised(Unmasked()), SEQUENCES, KINDS)


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(9, 4), nn.Linear(4, 5)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        return self.head(self.embed(input_ids))


def test_tokens_and_labels_of_batches_of_different_lengths() -> None:
    model = cases.initialised(Tagger())
    ids = [cases.labels(n, classes=9, seed=n) for n in (2, 6, 4)]
    tags = [cases.labels(n, classes=5, seed=n + 9) for n in (2, 6, 4)]
    items = [{"input_ids": i.tolist(), "labels": t.tolist(), "words": "a b"} for i, t in zip(ids, tags, strict=True)]
    problem = Problem(model, items)
    assert problem.prediction_count == 12
    expected = F.cross_entropy(torch.cat([model(i) for i in ids]), torch.cat(tags))
    assert loss(problem) == pytest.approx(number(expected), rel=1e-12)


class Recurrent(nn.Module):
    def __init__(self, each: bool, packed: bool) -> None:
        super().__init__()
        self.net, self.head, self.each, self.packed = nn.GRU(2, 4), nn.Linear(4, 3), each, packed

    def forward(self, x: Any) -> Any:
        outputs, last = self.net(x)
        if not self.each:
            return self.head(last[-1])
        heads = self.head(outputs.data)
        return outputs._replace(data=heads) if self.packed else heads


@pytest.mark.parametrize(("each", "packed"), [(False, False), (True, False), (True, True)])
def test_packed_sequences(each: bool, packed: bool) -> None:
    model = cases.initialised(Recurrent(each, packed))
    sequences = nn.utils.rnn.pack_sequence(SEQUENCES, enforce_sorted=False)
    places = [cases.labels(len(s), classes=3, seed=len(s)) for s in SEQUENCES]
    targets = nn.utils.rnn.pack_sequence(places, enforce_sorted=False) if packed else places if each else KINDS
    problem = Problem(model, sequences, targets)
    single = []
    for s, k, p in zip(SEQUENCES, KINDS, places, strict=True):
        outputs, last = model.net(s)
        found = model.head(outputs) if each else model.head(last[-1])[None]
        single.append(F.cross_entropy(found, p if each else k[None], reduction="none"))
    assert problem.example_count == 4
    assert loss(problem) == pytest.approx(number(torch.cat(single).mean()), rel=1e-12)
    assert problem.subset(torch.tensor([2, 0])).example_count == 2


@pytest.mark.parametrize("form", ["by place", "by name"])
@pytest.mark.parametrize("kind", [Attention, Padding, Lengths])
def test_masks_of_batches_of_different_lengths_stay_what_they_are(kind: type[WithMask], form: str) -> None:
    model = cases.initialised(kind())
    name = next(n for n in inspect.signature(model.forward).parameters if n != "x")

    def collated(examples: Any) -> Any:
        rows, kinds = zip(*examples, strict=True)
        lengths = torch.tensor([len(row) for row in rows])
        there = torch.arange(int(lengths.max()))[None] < lengths[:, None]
        mask = {"attention_mask": there.long(), "src_key_padding_mask": ~there, "lengths": lengths}[name]
        x, y = nn.utils.rnn.pad_sequence(rows, batch_first=True), torch.stack(kinds)
        return (x, mask, y) if form == "by place" else {"x": x, name: mask, "label": y}

    examples = list(zip(SEQUENCES, KINDS, strict=True))
    x, mask, y = collated(examples) if form == "by place" else collated(examples).values()
    problem = Problem(model, DataLoader(examples, 3, collate_fn=collated))  # type: ignore[arg-type]
    assert loss(problem) == pytest.approx(number(F.cross_entropy(model(x, mask), y)), rel=1e-12)


@pytest.mark.parametrize("each", [False, True])
def test_a_loader_of_packed_sequences(each: bool) -> None:
    model = cases.initialised(Recurrent(each, packed=each))
    places = [cases.labels(len(s), classes=3, seed=len(s)) for s in SEQUENCES]

    def packed(rows: Any) -> Any:
        return nn.utils.rnn.pack_sequence(rows, enforce_sorted=False)

    def collated(examples: Any) -> Any:
        rows, wanted = zip(*examples, strict=True)
        return packed(rows), packed(wanted) if each else torch.stack(wanted)

    examples = list(zip(SEQUENCES, places if each else KINDS, strict=True))
    problem = Problem(model, DataLoader(examples, 3, collate_fn=collated))  # type: ignore[arg-type]
    whole = Problem(model, packed(SEQUENCES), packed(places) if each else KINDS)
    assert (problem.example_count, problem.loader_batches) == (4, (3, 1))
    assert loss(problem) == pytest.approx(loss(whole), rel=1e-12)


class HowLong(WithMask):
    def forward(self, x: Tensor, how_long: Tensor) -> Tensor:
        return self.pooled(x, torch.arange(x.shape[1])[None] < how_long[:, None])


def padded_batches(told: Any) -> Any:
    generator = torch.Generator().manual_seed(1)
    sizes = (1, 2, 3, 4, 5, 2)
    rows = [(torch.randn(n, 2, generator=generator).double(), told(n), n % 3) for n in sizes]

    def together(part: Any) -> Any:
        xs, counts, ys = zip(*part, strict=True)
        return torch.nn.utils.rnn.pad_sequence(list(xs), batch_first=True), torch.tensor(counts), torch.tensor(ys)

    return DataLoader(rows, batch_size=2, collate_fn=together), rows  # type: ignore[arg-type]


def test_lengths_under_a_name_of_ones_own_are_known_by_what_they_are() -> None:
    torch.manual_seed(0)
    model, (loader, rows) = HowLong().double(), padded_batches(lambda n: n)
    problem = Problem(model, loader)
    each = [F.cross_entropy(model(x[None], torch.tensor([n])), torch.tensor([y])) for x, n, y in rows]
    assert LossFunction(problem, None, "cpu").gradient().norm() > 0
    found = LossFunction(problem, None, "cpu")
    assert found.loss(found.point) == pytest.approx(float(torch.stack(each).mean().detach()))
    assert "told their lengths by `how_long`" in " ".join(problem.notes)


def test_whole_numbers_that_are_no_lengths_are_not_taken_for_them() -> None:
    with pytest.raises(InputError, match="hand over each example's length"):
        Problem(HowLong().double(), padded_batches(lambda n: 1)[0])

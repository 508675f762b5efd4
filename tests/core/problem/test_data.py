"""Data as people keep them: the same loss as from plain tensors, or one sentence that says what to do."""

from __future__ import annotations

import random
from collections import UserDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cases
import numpy as np
import pandas as pd
import pytest
import torch
from lossnav.core import InputError, Plane, Problem, spectrum, survey
from lossnav.core.problem.identity import problem_identity
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset, WeightedRandomSampler

X, Y = cases.normal(20, 6, dtype=torch.float32), cases.labels(20, classes=3)


def network(seed: int = 0) -> nn.Module:
    return cases.initialised(nn.Linear(6, 3), seed, torch.float32)


def loss(problem: Problem, plane: Plane | None = None) -> float:
    line = plane or Plane.random(problem)
    return float(survey(problem, line, (3, 3))["loss"].sel(alpha=0, beta=0))


def number(found: Tensor) -> float:
    return float(found.detach())


EXPECTED = number(F.cross_entropy(network()(X), Y))


class Stream(IterableDataset[tuple[Tensor, Tensor]]):
    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter(zip(X, Y, strict=True))


class Endless(IterableDataset[tuple[Tensor, Tensor]]):
    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            yield X[0, :1].expand(6), Y[0]


class Items(Dataset[dict[str, Any]]):
    """Examples as dicts with text, an index, and labels, the way Hugging Face's sets give them."""

    column_names = ("text", "idx", "input", "label")

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, i: int) -> dict[str, Any]:
        return {"text": f"number {i}", "idx": i, "input": X[i].tolist(), "label": int(Y[i])}


class Loop:
    """A loader of one's own."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter(zip(X.split(7), Y.split(7), strict=True))


pairs = TensorDataset(X, Y)

SAME: dict[str, Callable[[], Problem]] = {
    "loader": lambda: Problem(network(), DataLoader(pairs, 8)),
    "shuffling loader": lambda: Problem(network(), DataLoader(pairs, 8, shuffle=True)),
    "loader without batches": lambda: Problem(network(), DataLoader(pairs, batch_size=None)),
    "loader of a stream": lambda: Problem(network(), DataLoader(Stream(), 8)),
    "set": lambda: Problem(network(), pairs),
    "subset": lambda: Problem(network(), Subset(pairs, range(20))),
    "stream": lambda: Problem(network(), Stream()),
    "generator of batches": lambda: Problem(network(), ((x, y) for x, y in DataLoader(pairs, 6))),
    "loader of one's own": lambda: Problem(network(), Loop()),
    "list of pairs": lambda: Problem(network(), list(pairs)),
    "list of batches": lambda: Problem(network(), list(DataLoader(pairs, 6))),
    "set of dicts": lambda: Problem(network(), Items()),
    "loader of dicts": lambda: Problem(network(), DataLoader(Items(), 8, collate_fn=stacked)),
    "dict": lambda: Problem(network(), {"input": X, "label": Y}),
    "UserDict": lambda: Problem(network(), UserDict({"input": X, "labels": Y})),
    "named": lambda: Problem(network(), {"image": X, "kind": Y}, "kind"),
    "by place": lambda: Problem(network(), TensorDataset(X, Y, torch.arange(20)), targets=1),
    "array": lambda: Problem(network(), X.numpy(), Y.numpy()),
    "reversed array": lambda: Problem(network(), X.numpy()[::-1], Y.numpy()[::-1]),
    "other byte order": lambda: Problem(network(), X.numpy().astype(">f4"), Y.numpy().astype(">i8")),
    "small unsigned": lambda: Problem(network(), X.numpy(), Y.numpy().astype(np.uint16)),
    "table": lambda: Problem(network(), pd.DataFrame(X.numpy()), pd.Series(Y.numpy())),
    "nullable table": lambda: Problem(
        network(), pd.DataFrame(X.numpy()).convert_dtypes(), pd.Series(Y.numpy(), dtype="Int64")
    ),
    "lists": lambda: Problem(network(), X.tolist(), Y.tolist()),
    "list of rows": lambda: Problem(network(), list(X), list(Y)),
    "list of arrays": lambda: Problem(network(), [x.numpy() for x in X], Y),
}


def stacked(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "text": [i["text"] for i in items],
        "input": torch.tensor([i["input"] for i in items]),
        "label": torch.tensor([i["label"] for i in items]),
    }


@pytest.mark.parametrize("kind", SAME)
def test_the_loss_is_that_of_plain_tensors(kind: str) -> None:
    problem = SAME[kind]()
    assert problem.example_count == 20
    assert loss(problem) == pytest.approx(EXPECTED, rel=1e-6)


def test_a_data_set_in_its_own_order_is_the_same_problem_as_its_tensors() -> None:
    plain = problem_identity(Problem(network(), X, Y))
    assert problem_identity(Problem(network(), pairs)) == plain
    assert problem_identity(Problem(network(), DataLoader(pairs, 8))) == plain


def test_shuffling_is_frozen_once_and_said_and_moves_nobodys_random_state() -> None:
    loader = DataLoader(pairs, 8, shuffle=True, generator=torch.Generator().manual_seed(7))
    model = network()
    torch.manual_seed(3)
    states = torch.get_rng_state(), random.getstate(), loader.generator.get_state()
    one, two = Problem(model, loader), Problem(model, loader)
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1] == random.getstate()
    assert torch.equal(states[2], loader.generator.get_state())
    assert torch.equal(one.inputs[0], two.inputs[0])
    assert not torch.equal(one.inputs[0], X)
    assert any("shuffles" in note for note in one.notes)
    assert one.loader_batches == (8, 8, 4)


@pytest.mark.parametrize("draw", [lambda: float(torch.rand(())), random.random, lambda: float(np.random.rand())])
def test_random_crops_are_frozen_once_and_said(draw: Callable[[], float]) -> None:
    class Noisy(Dataset[tuple[Tensor, Tensor]]):
        def __len__(self) -> int:
            return len(X)

        def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
            return X[i] + draw(), Y[i]

    one, two = (Problem(network(), Noisy()) for _ in range(2))
    assert torch.equal(one.inputs[0], two.inputs[0])
    assert any("at random" in note for note in one.notes)
    own = np.random.default_rng(0)
    draw_own = own.random
    Noisy.__getitem__ = lambda self, i: (X[i] + draw_own(), Y[i])  # type: ignore[method-assign]
    assert any("generator of its own" in note for note in Problem(network(), Noisy()).notes)


def test_what_a_loader_leaves_out_or_draws_twice_is_said() -> None:
    dropped = Problem(network(), DataLoader(pairs, 8, drop_last=True))
    assert dropped.example_count == 16
    assert any("drop_last leaves 4" in note for note in dropped.notes)
    weighted = DataLoader(pairs, 8, sampler=WeightedRandomSampler([1.0] * 20, 30))
    drawn = Problem(network(), weighted)
    assert drawn.example_count == 30
    assert any("with replacement" in note for note in drawn.notes)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: Problem(network(), X, Y, examples=n),
        lambda n: Problem(network(), pairs, examples=n),
        lambda n: Problem(network(), DataLoader(pairs, 6), examples=n),
        lambda n: Problem(network(), {"input": X, "label": Y}, examples=n),
    ],
)
def test_a_subset_is_drawn_from_a_seed_and_the_same_for_every_kind(make: Callable[[Any], Problem]) -> None:
    part = make(9)
    rows = [i for i in range(20) if any(torch.equal(X[i], x) for x in part.inputs[0])]
    assert part.example_count == len(rows) == 9
    assert torch.equal(part.inputs[0], X[rows])
    assert torch.equal(part.targets, Y[rows])
    assert torch.equal(part.inputs[0], make(9).inputs[0])
    assert any("9 of 20 examples" in note for note in part.notes)
    assert loss(part) == pytest.approx(number(F.cross_entropy(network()(X[rows]), Y[rows])), rel=1e-6)
    assert make(100).example_count == 20
    chosen = make([3, 1])
    assert sorted(chosen.targets.tolist()) == sorted(Y[[3, 1]].tolist())


def test_only_the_chosen_examples_of_a_set_are_read() -> None:
    read: list[int] = []

    class Counting(Dataset[tuple[Tensor, Tensor]]):
        def __len__(self) -> int:
            return 10**9

        def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
            read.append(i)
            return torch.full((6,), float(i % 7)), torch.tensor(i % 3)

    assert Problem(network(), Counting(), examples=[5, 10**8]).example_count == 2
    assert set(read) == {0, 5, 10**8}


def test_a_stream_gives_its_first_examples() -> None:
    problem = Problem(network(), Endless(), examples=5)
    assert problem.example_count == 5
    assert any("first 5" in note for note in problem.notes)
    assert Problem(network(), DataLoader(Stream(), 8), examples=10).example_count == 10


def test_a_memmap_is_read_from_the_disk(tmp_path: Path) -> None:
    file = np.memmap(tmp_path / "x.bin", np.float32, "w+", shape=(20, 6))
    file[:] = X.numpy()
    file.flush()
    kept = np.memmap(tmp_path / "x.bin", np.float32, "r", shape=(20, 6))
    problem = Problem(network(), kept, Y)
    assert problem.inputs[0].data_ptr() == kept.ctypes.data  # no copy of it
    assert loss(problem) == pytest.approx(EXPECTED, rel=1e-6)


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


class Graph:
    """What PyTorch Geometric's Data has."""

    def __init__(self, **tensors: Tensor) -> None:
        self.__dict__.update(tensors)


class Convolution(nn.Module):
    """Mean over the neighbours, then a linear layer; one output per node, or per graph."""

    def __init__(self, whole: bool) -> None:
        super().__init__()
        self.layer, self.whole = nn.Linear(3, 4), whole

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        hidden = torch.zeros_like(x).index_add(0, edge_index[1], x[edge_index[0]]) + x
        out = self.layer(hidden)
        return torch.zeros(int(batch.max()) + 1, 4, dtype=x.dtype).index_add(0, batch, out) if self.whole else out


class OfData(Convolution):
    def forward(self, data: Any) -> Tensor:  # type: ignore[override]
        return super().forward(data.x, data.edge_index, data.batch)


def graphs(whole: bool, **more: Tensor) -> list[Graph]:
    found = []
    for seed, n in enumerate((4, 2, 5)):
        edges = torch.stack([torch.arange(n - 1), torch.arange(1, n)])
        y = cases.labels(1 if whole else n, classes=4, seed=seed)
        found.append(Graph(x=cases.normal(n, 3, seed=seed), edge_index=edges, y=y, **more))
    return found


def merged(parts: list[Graph]) -> Graph:
    starts = np.cumsum([0] + [len(g.x) for g in parts])
    edges = [g.edge_index + int(s) for g, s in zip(parts, starts[:-1], strict=True)]
    owner = [torch.full((len(g.x),), i) for i, g in enumerate(parts)]
    return Graph(
        x=torch.cat([g.x for g in parts]),
        edge_index=torch.cat(edges, 1),
        y=torch.cat([g.y for g in parts]),
        batch=torch.cat(owner),
    )


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("kind", [Convolution, OfData])
@pytest.mark.parametrize("form", ["list", "batch", "loader"])
def test_graphs(whole: bool, kind: type[Convolution], form: str) -> None:
    model, parts = cases.initialised(kind(whole)), graphs(whole)
    data = {"list": parts, "batch": merged(parts), "loader": DataLoader(parts, 2, collate_fn=merged)}[form]  # type: ignore[arg-type]
    problem, all_of_them = Problem(model, data), merged(parts)
    outputs = Convolution.forward(model, all_of_them.x, all_of_them.edge_index, all_of_them.batch)  # type: ignore[arg-type]
    assert problem.example_count == 3
    assert loss(problem) == pytest.approx(number(F.cross_entropy(outputs, all_of_them.y)), rel=1e-12)


def test_one_graph_with_masked_nodes() -> None:
    model, (graph, *_) = cases.initialised(OfData(False)), graphs(False)
    graph.train_mask = torch.tensor([True, False, True, True])
    graph.batch = torch.zeros(4, dtype=torch.long)
    problem = Problem(model, graph)
    assert problem.prediction_count == 3
    assert any("train_mask" in note for note in problem.notes)
    outputs = model(graph)[graph.train_mask]
    assert loss(problem) == pytest.approx(number(F.cross_entropy(outputs, graph.y[graph.train_mask])), rel=1e-12)
    found = spectrum(problem, top=1, steps=20, probes=2)
    names = [name for name, _ in model.named_parameters()]

    def own(*values: Tensor) -> Tensor:
        found = torch.func.functional_call(model, dict(zip(names, values, strict=True)), (graph,))
        return F.cross_entropy(found[graph.train_mask], graph.y[graph.train_mask])

    values = tuple(p.detach() for p in model.parameters())
    blocks = torch.autograd.functional.hessian(own, values)
    sizes = [v.numel() for v in values]
    rows = [
        torch.cat([b.reshape(n, m) for b, m in zip(row, sizes, strict=True)], 1)
        for row, n in zip(blocks, sizes, strict=True)
    ]
    assert float(found.top[0]) == pytest.approx(float(torch.linalg.eigvalsh(torch.cat(rows))[-1]), rel=1e-6)


def test_inputs_that_are_the_same_for_all_examples() -> None:
    class Tempered(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 3)

        def forward(self, x: Tensor, scale: float = 1.0, offset: Tensor | None = None) -> Tensor:
            return self.layer(x) * scale

    model = cases.initialised(Tempered(), dtype=torch.float32)
    two, three = (Problem(model, {"x": X, "scale": s, "offset": None}, Y) for s in (2.0, 3.0))
    assert loss(three) == pytest.approx(number(F.cross_entropy(model.layer(X) * 3, Y)), rel=1e-6)
    assert problem_identity(two) != problem_identity(three)


class Words(Dataset[tuple[str, int]]):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, i: int) -> tuple[str, int]:
        return "abc"[i], i


class Broken(Dataset[Any]):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, i: int) -> Any:
        raise OSError("no such image")


class Module:
    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(pairs)


class TwoInputs(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x


REFUSED: dict[str, tuple[Callable[[], Problem], str]] = {
    "targets twice": (lambda: Problem(network(), DataLoader(pairs), Y), "its own targets.*leave those out"),
    "inputs alone": (lambda: Problem(network(), TensorDataset(X)), "targets"),
    "no targets": (lambda: Problem(network(), X), "inputs alone.*pair"),
    "three parts": (lambda: Problem(network(), TensorDataset(X, Y, Y)), "3 parts.*targets=1"),
    "no such place": (lambda: Problem(network(), pairs, targets=7), "2 parts"),
    "pair for two inputs": (lambda: Problem(TwoInputs(), pairs), "2 parts"),
    "no known key": (lambda: Problem(network(), {"input": X, "kind": Y}), 'targets="labels"'),
    "two known keys": (lambda: Problem(network(), {"input": X, "label": Y, "y": Y}), "not clear which"),
    "no such key": (lambda: Problem(network(), {"input": X, "y": Y}, "z"), "'z' is not among"),
    "unknown names": (lambda: Problem(network(), {"a": X, "b": X, "y": Y}), "rename them"),
    "several sets": (lambda: Problem(network(), {"train": Items(), "test": Items()}), r"data\['train'\]"),
    "module of loaders": (lambda: Problem(network(), Module()), r"train_dataloader\(\)"),
    "words": (lambda: Problem(network(), Words()), "text.*tokenizer"),
    "word targets": (lambda: Problem(network(), X, pd.Series(list("abcd") * 5)), "number the classes"),
    "word column": (lambda: Problem(network(), pd.DataFrame({"a": [1.0] * 20, "b": ["x"] * 20}), Y), "column 'b'"),
    "missing targets": (lambda: Problem(network(), X, np.array([None] * 20)), "missing"),
    "dates": (lambda: Problem(network(), X, np.array(["2020-01-01"] * 20, "M8[D]")), "dates"),
    "several targets": (lambda: Problem(network(), X, (Y, Y)), "tuple of 2"),
    "dict of targets": (lambda: Problem(network(), X, {"y": Y}), "dict with 'y'"),
    "unreadable": (lambda: Problem(network(), Broken()), "Example 0.*no such image"),
    "endless": (lambda: Problem(network(), Endless()), "examples="),
    "empty set": (lambda: Problem(network(), TensorDataset(X[:0], Y[:0])), "empty"),
    "used generator": (lambda: Problem(network(), iter(())), "read only once"),
    "nothing": (lambda: Problem(network(), None), "no data"),
    "no examples": (lambda: Problem(network(), X, Y, examples=0), "examples should be 1 or more"),
    "rows beyond": (lambda: Problem(network(), X, Y, examples=[30]), "rows from 0 to 19"),
    "rows of a stream": (lambda: Problem(network(), Stream(), examples=[1]), "as a number"),
    "images of two sizes": (lambda: Problem(network(), [torch.ones(2, 3), torch.ones(4, 5)], [0, 1]), "resizing"),
    "shapes of targets": (lambda: Problem(network(), X[:2], [[0.5], [0.5, 1.0]]), "real values of different lengths"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_taken_is_said_in_a_sentence(kind: str) -> None:
    make, text = REFUSED[kind]
    with pytest.raises(InputError, match=text) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_data_that_do_not_fit_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lossnav.core.problem.data.reading.free_bytes", lambda: 10_000)
    read = 0

    class Large(Dataset[tuple[Tensor, Tensor]]):
        def __len__(self) -> int:
            return 1_000_000

        def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
            nonlocal read
            read += 1
            return torch.zeros(6), torch.tensor(0)

    with pytest.raises(InputError, match=r"1,000,000 examples needs about 64 MB.*examples=\d+.*memmap"):
        Problem(network(), Large())
    assert read < 10


def anonymous_bytes() -> int:
    """Memory of this process that is no file's."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("RssAnon"))
    return 1024 * int(line.split()[1])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not say whose memory it is")
def test_a_large_memmap_stays_on_the_disk(tmp_path: Path) -> None:
    rows, width = 40_000, 1000
    file = np.memmap(tmp_path / "x.bin", np.float32, "w+", shape=(rows, width))
    for start in range(0, rows, 1000):
        file[start : start + 1000] = (np.arange(start, start + 1000) % 7)[:, None] / 7
    file.flush()
    kept = np.memmap(tmp_path / "x.bin", np.float32, "r", shape=(rows, width))
    model = cases.initialised(nn.Linear(width, 3), dtype=torch.float32)
    start = anonymous_bytes()
    problem = Problem(model, kept, torch.arange(rows) % 3)
    found = loss(problem)
    assert anonymous_bytes() - start < kept.nbytes / 2
    rows_of = torch.arange(rows)
    scores = model((rows_of % 7)[:, None].expand(rows, width) / 7)
    assert found == pytest.approx(number(F.cross_entropy(scores, rows_of % 3)), rel=1e-5)


def test_a_copy_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lossnav.core.problem.data.tensors.free_bytes", lambda: 100)
    with pytest.raises(InputError, match=r"are float64.*Save them as float32"):
        Problem(network(), X.double(), Y)


def test_data_that_do_not_fit_in_another_precision_are_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lossnav.core.network.streamed.free_bytes", lambda *_: 100)
    problem = Problem(network(), X, Y)
    line = Plane.random(problem)
    found = survey(problem, line, (3, 3), overlays=("slope", "viscosity"), dtype="float64", batch_size=7)
    monkeypatch.undo()
    expected = survey(problem, line, (3, 3), overlays=("slope", "viscosity"), dtype="float64", batch_size=7)
    for name in ("loss", "slope", "viscosity"):
        np.testing.assert_array_equal(found[name], expected[name])

"""What a tokenizer returns, in each of its forms, against the loss that transformers itself gives on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from lossnav.core import InputError, Problem
from lossnav.core.curvature.loss_function import LossFunction
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

pytestmark = [
    pytest.mark.skipif(
        __import__("importlib.util").util.find_spec("transformers") is None, reason="transformers is not installed"
    ),
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]


SIZES = {"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2}
ROWS = [[5, 9, 11, 4, 7, 8], [6, 3, 12], [20, 21, 3, 4]]


def gpt2() -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(GPT2Config(vocab_size=29, n_embd=8, n_layer=1, n_head=2, n_positions=16, bos_token_id=1))


def bert() -> Any:
    from transformers import BertConfig, BertForMaskedLM

    return BertForMaskedLM(BertConfig(vocab_size=29, max_position_embeddings=16, **SIZES))


def t5() -> Any:
    from transformers import T5Config, T5ForConditionalGeneration

    sizes = {"d_model": 8, "d_kv": 4, "d_ff": 12, "num_layers": 1, "num_heads": 2}
    return T5ForConditionalGeneration(T5Config(vocab_size=29, decoder_start_token_id=0, **sizes))


def padded(rows: list[list[int]], with_: int) -> Tensor:
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=with_)


def own_loss(model: Any, **named: Tensor) -> float:
    return float(model(**named).loss.detach())


def found_loss(model: Any, data: Any, **more: Any) -> tuple[float, Problem]:
    problem = Problem.from_transformers(model, data, **more)
    function = LossFunction(problem, device="cpu")
    return function.loss(function.point), problem


def made(kind: Callable[[], Any]) -> Any:
    torch.manual_seed(0)
    model = kind().double().eval()
    with torch.no_grad():  # so that positions and types of tokens change the loss
        for name, parameter in model.named_parameters():
            if "token_type" in name or "wpe" in name:
                parameter.mul_(30)
    return model


ids, mask = padded(ROWS, 0), (padded(ROWS, -1) >= 0).long()
labels = ids.masked_fill(mask == 0, -100)


def test_positions_are_handed_to_forward() -> None:
    model, left = made(gpt2), mask.flip(1)
    named = {"input_ids": ids.flip(1), "attention_mask": left, "position_ids": (left.cumsum(1) - 1).clamp_min(0)}
    want = own_loss(model, **named, labels=labels.flip(1))
    assert abs(own_loss(model, input_ids=ids.flip(1), attention_mask=left, labels=labels.flip(1)) - want) > 1e-3
    assert found_loss(model, named)[0] == pytest.approx(want, rel=1e-6)


def test_types_of_tokens_are_handed_to_forward() -> None:
    model, wanted = made(bert), labels.clone()
    wanted[:, 1:] = -100
    named = {"input_ids": ids, "attention_mask": mask, "token_type_ids": (torch.arange(ids.shape[1]) > 2).long() * mask}
    want = own_loss(model, **named, labels=wanted)
    assert found_loss(model, {**named, "labels": wanted})[0] == pytest.approx(want, rel=1e-6)


def test_a_decoders_mask_is_handed_to_forward() -> None:
    model, written = made(t5), torch.tensor([[7, 8, 3], [9, 5, 4], [11, 2, 2]])
    hidden = torch.tensor([[0, 1, 1]] * 3)
    named = {"input_ids": ids, "attention_mask": mask, "labels": written, "decoder_attention_mask": hidden}
    assert found_loss(model, named)[0] == pytest.approx(own_loss(model, **named), rel=1e-6)


texts = [{"input_ids": row, "attention_mask": [1] * len(row), "labels": [-100, *row[1:]]} for row in ROWS]
FORMS: dict[str, Callable[[], Any]] = {
    "lists of different lengths": lambda: {"input_ids": ROWS, "labels": [[-100, *row[1:]] for row in ROWS]},
    "a list of texts": lambda: texts,
    "a loader of texts": lambda: DataLoader(
        [{"input_ids": i, "attention_mask": m, "labels": t} for i, m, t in zip(ids, mask, labels, strict=True)],
        batch_size=2,
    ),
    "columns that forward does not take": lambda: {"input_ids": ROWS, "length": [6, 3, 4], "text": ["a", "b", "c"]},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_loss_of_the_padded_batch(form: str) -> None:
    model = made(gpt2)
    want = own_loss(model, input_ids=ids, attention_mask=mask, labels=labels)
    found, problem = found_loss(model, FORMS[form]())
    assert found == pytest.approx(want, rel=1e-6)
    assert ("'length'" in " ".join(problem.notes)) == (form == "columns that forward does not take")


def test_batches_of_a_loader_can_be_named_and_a_part_be_taken() -> None:
    assert Problem.from_transformers(made(gpt2), FORMS["a loader of texts"](), batches="loader").loader_batches == (
        2,
        1,
    )
    assert Problem.from_transformers(made(gpt2), FORMS["a loader of texts"](), examples=2).example_count == 2


@pytest.mark.parametrize("part", [[[1.0]], [["a"], ["b"], ["c"]]])
def test_parts_that_are_no_rows_of_numbers_are_refused(part: Any) -> None:
    with pytest.raises(InputError, match="position_ids"):
        Problem.from_transformers(made(gpt2), {"input_ids": ROWS, "position_ids": part})

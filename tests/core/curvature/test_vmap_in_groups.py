"""Networks that ask for values are followed example by example in groups, and give what each example alone gives."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import cases
import pytest
import torch
from lossnav.core import Problem
from lossnav.core.curvature.example_gradients import LOOPED, example_gradients
from lossnav.core.curvature.fisher import fisher_diagonal
from lossnav.core.curvature.loss_function import LossFunction
from lossnav.core.curvature.single_examples import single_examples
from lossnav.core.curvature.vmap_in_groups import IN_GROUPS, vmap_in_groups
from torch import Tensor, nn
from torch.func import functional_call, grad

os.environ.setdefault("HF_HUB_OFFLINE", "1")
needs_transformers = pytest.mark.skipif(
    __import__("importlib.util").util.find_spec("transformers") is None, reason="transformers is not installed"
)
quiet = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
V = 29
SIZES = {"num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 16}
TEXTS = [[5, 6, 7, 8, 9, 10], [11, 12], [13, 14, 15, 16], [17, 18, 19, 20, 21, 22]]


def gpt2() -> Problem:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=V, n_embd=8, n_layer=1, n_head=2, n_positions=16, bos_token_id=1, eos_token_id=2)
    return Problem.from_transformers(GPT2LMHeadModel(config).eval(), TEXTS)


def llama() -> Problem:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(vocab_size=V, hidden_size=8, intermediate_size=16, num_key_value_heads=1, **SIZES)
    return Problem.from_transformers(LlamaForCausalLM(config).eval(), TEXTS)


def bert() -> Problem:
    from transformers import BertConfig, BertForMaskedLM

    config = BertConfig(vocab_size=V, hidden_size=8, intermediate_size=16, **SIZES)
    return Problem.from_transformers(BertForMaskedLM(config).eval(), TEXTS, mask_token=3)


def t5() -> Problem:
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(vocab_size=V, d_model=8, d_kv=4, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0)
    written = [[4, 5, 6], [7, 8], [9, 10, 11], [12]]
    return Problem.from_transformers(T5ForConditionalGeneration(config).eval(), TEXTS, written)


@needs_transformers
@quiet
@pytest.mark.parametrize("made", [gpt2, llama, bert, t5])
def test_padded_batches_are_what_each_text_alone_gives(made: Callable[[], Problem]) -> None:
    torch.manual_seed(0)
    problem = made()
    alone = problem.subset(torch.arange(problem.example_count))
    alone.trials = {LOOPED: "asked for"}  # one after another
    assert "side by side" in single_examples(problem).how
    together, singly = (
        torch.cat(list(example_gradients(LossFunction(each, device="cpu")))) for each in (problem, alone)
    )
    assert LOOPED not in problem.trials
    assert problem.trials[IN_GROUPS]
    torch.testing.assert_close(together, singly, rtol=1e-4, atol=1e-6 * float(singly.abs().max()))
    fishers = [fisher_diagonal(each, device="cpu") for each in (problem, alone)]
    for name, one in fishers[0].items():
        torch.testing.assert_close(one, fishers[1][name], rtol=1e-4, atol=1e-6 * float(one.max()), msg=name)


class Branching(nn.Module):
    """Another layer for inputs above a bound, and a power that the input names."""

    def __init__(self) -> None:
        super().__init__()
        self.low, self.high = nn.Linear(3, 2), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        chosen = self.high if x.sum() > 0 else self.low
        return chosen(x) ** int(x[..., 0].abs().max().ceil().item())


def test_gradients_of_a_network_that_branches_are_each_examples_own() -> None:
    net, x, y = cases.initialised(Branching()), 2 * cases.normal(12, 3), cases.normal(12, 2)

    def loss(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return (functional_call(net, parameters, (x[None],)) - y).square().mean()

    parameters = {name: p.detach() for name, p in net.named_parameters()}
    rows = vmap_in_groups({}, partial(grad(loss), parameters), x, y)
    for n in range(len(x)):
        alone = grad(loss)(parameters, x[n], y[n])
        for name, each in alone.items():
            torch.testing.assert_close(rows[name][n], each, rtol=1e-4, atol=1e-5)
    assert 0 < int((x.sum(1) > 0).sum()) < 12  # both ways were taken


def test_each_answer_runs_once() -> None:
    runs: list[int] = []

    def asking(x: Tensor) -> Tensor:
        value = x.item()
        runs.append(int(value))
        return x * value

    found = vmap_in_groups({IN_GROUPS: True}, asking, torch.tensor([3.0, 1.0, 3.0, 1.0]))
    assert found.tolist() == [9.0, 1.0, 9.0, 1.0]
    assert sorted(runs) == [1, 3]


@pytest.mark.parametrize("values", [torch.tensor([1.0, float("nan")]), torch.ones(2, 2)], ids=["nan", "many"])
def test_what_has_no_one_answer_stays_an_error(values: Tensor) -> None:
    def asking(x: Any) -> Any:
        return x if bool((x == x).all()) and x.sum().item() and x.reshape(-1).tolist() else -x

    with pytest.raises(RuntimeError):
        vmap_in_groups({}, asking, values)

"""Language models of transformers from a folder or as they are, against transformers' own loss and plain autograd."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lossnav.core import InputError, Plane, Problem, spectrum, survey
from lossnav.core.curvature.dense import dense_matrix
from lossnav.core.curvature.fisher import fisher_diagonal
from lossnav.core.curvature.gauss_newton import empirical_fisher_products, fisher_products, gauss_newton_products
from lossnav.core.curvature.loss_function import LossFunction
from lossnav.core.curvature.operators import curvature
from lossnav.core.problem.likelihoods.vocabulary import Headed, VocabularyInChunks
from lossnav.core.problem.transformers_data import tokens_of
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

os.environ.setdefault("HF_HUB_OFFLINE", "1")
V = 29
needs_transformers = pytest.mark.skipif(
    __import__("importlib.util").util.find_spec("transformers") is None, reason="transformers is not installed"
)
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


def gpt2() -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=V, n_embd=8, n_layer=1, n_head=2, n_positions=16, bos_token_id=1, eos_token_id=2)
    return GPT2LMHeadModel(config)


def llama() -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=V, num_key_value_heads=1, **sizes))


def mixtral() -> Any:
    """Its experts in plain products, whose numbers the test's own derivatives can be taken of."""
    from transformers import MixtralConfig, MixtralForCausalLM

    sizes = {"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = MixtralForCausalLM(MixtralConfig(vocab_size=V, num_key_value_heads=1, num_local_experts=3, **sizes))
    model.set_experts_implementation("eager")
    return model


def t5() -> Any:
    from transformers import T5Config, T5ForConditionalGeneration

    return T5ForConditionalGeneration(
        T5Config(vocab_size=V, d_model=8, d_kv=4, d_ff=12, num_layers=1, num_heads=2, decoder_start_token_id=0)
    )


def bert() -> Any:
    from transformers import BertConfig, BertForMaskedLM

    sizes = {"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2}
    return BertForMaskedLM(BertConfig(vocab_size=V, max_position_embeddings=16, **sizes))


MODELS: dict[str, Callable[[], Any]] = {"gpt2": gpt2, "llama": llama, "mixtral": mixtral, "t5": t5, "bert": bert}
ROWS = [[5, 9, 11, 4, 7, 8], [6, 3, 12], [20, 21, 3, 4]]
WRITTEN = [[7, 8, 3], [9, 5], [11]]


def padded(rows: list[list[int]], with_: int) -> Tensor:
    return nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=with_)


def built(name: str, chunk: int | None) -> tuple[Problem, Callable[[], Tensor], Any]:
    """The problem, transformers' own loss as a function of its weights, and the model."""
    torch.manual_seed(0)
    model = MODELS[name]().double().eval()
    ids, mask = padded(ROWS, 0), (padded(ROWS, -1) >= 0).long()
    targets = WRITTEN if name == "t5" else None
    problem = Problem.from_transformers(model, ROWS, targets, chunk=chunk, mask_token=1)
    labels = ids.masked_fill(mask == 0, -100)
    if name == "t5":
        labels = padded(WRITTEN, -100)
    if name == "bert":
        ids, labels = problem.kwargs["input_ids"], problem.targets
    return problem, lambda: model(input_ids=ids, attention_mask=mask, labels=labels.clone()).loss, model


@needs_transformers
@pytest.mark.parametrize("chunk", [None, 7])
@pytest.mark.parametrize("name", MODELS)
def test_loss_gradient_and_curvature_are_the_models_own(name: str, chunk: int | None) -> None:
    problem, loss, model = built(name, chunk)
    function = LossFunction(problem, device="cpu", batch_size=2)
    assert function.loss(function.point) == pytest.approx(float(loss().detach()), rel=1e-6)
    named = dict(model.named_parameters())
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        slopes = torch.autograd.grad(loss(), list(named.values()), create_graph=True, allow_unused=True)
    own = {k: torch.zeros_like(p) if g is None else g for (k, p), g in zip(named.items(), slopes, strict=True)}
    found = function.layout.views(function.gradient())
    assert all(torch.allclose(found[k], g, atol=1e-7) for k, g in own.items() if k in found)
    torch.manual_seed(1)
    v = {k: torch.randn_like(p) for k, p in named.items()}
    dot = sum((own[k] * v[k]).sum() for k in named)
    images = torch.autograd.grad(dot, list(named.values()), allow_unused=True)
    flat = function.layout.flatten(v, torch.device("cpu"), torch.float64)
    product = function.layout.views(function.hessian_products(flat[None])[0])
    for (k, p), image in zip(named.items(), images, strict=True):
        assert torch.allclose(product[k], torch.zeros_like(p) if image is None else image, atol=1e-6), k


@needs_transformers
@pytest.mark.parametrize("of", ["ggn", "fisher", "empirical_fisher", "hessian"])
def test_chunks_make_no_difference(of: str) -> None:
    (whole, *_), (chunks, *_) = built("gpt2", None), built("gpt2", 7)
    assert isinstance(chunks.likelihood, VocabularyInChunks)
    rows = torch.randn(2, whole.parameter_count, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    one, other = (curvature(problem, device="cpu", of=of, batch_size=2).products(rows) for problem in (whole, chunks))
    assert torch.allclose(one, other, atol=1e-9)


@needs_transformers
def test_a_survey_in_chunks_is_that_of_all_logits() -> None:
    (whole, *_), (chunks, *_) = built("llama", None), built("llama", 7)
    plane = Plane.random(whole)
    overlays = ("perplexity", "slope", "viscosity_sam")
    one, other = (survey(p, plane, (2, 2), overlays=overlays, effort="preview") for p in (whole, chunks))
    for name in ("loss", "perplexity", "slope", "viscosity_sam"):
        assert other[name].values == pytest.approx(one[name].values, rel=1e-6), name
    assert "accuracy" in one
    assert "accuracy" not in other
    assert spectrum(whole, top=1).top[0] == pytest.approx(spectrum(chunks, top=1).top[0], rel=1e-6)


@needs_transformers
def test_from_a_folder_and_from_streams(tmp_path: Path) -> None:
    model = gpt2().eval()
    model.save_pretrained(tmp_path / "model")
    stream = torch.randint(0, V, (50,), generator=torch.Generator().manual_seed(0))
    stream.numpy().astype("uint16").tofile(tmp_path / "tokens.bin")
    problem = Problem.from_transformers(tmp_path / "model", tmp_path / "tokens.bin", context=12)
    ids = stream[:48].view(4, 12)
    function = LossFunction(problem, device="cpu")
    expected = model(input_ids=ids, labels=ids).loss
    assert function.loss(function.point) == pytest.approx(float(expected.detach()), rel=1e-5)
    assert any("2 are left out" in note for note in problem.notes)

    def spelled(text: str) -> dict[str, list[int]]:
        return {"input_ids": [ord(letter) - 97 for letter in text]}

    texts = Problem.from_transformers(model, ["abcd", "xyz"], tokenizer=spelled)
    assert texts.targets.tolist() == [[1, 2, 3, -100], [24, 25, -100, -100]]
    assert texts.prediction_count == 5


@needs_transformers
@pytest.mark.parametrize("chunk", [None, 7])
def test_a_second_data_set_has_the_loss_of_a_survey_of_its_own(chunk: int | None) -> None:
    torch.manual_seed(0)
    for model, beside in ((gpt2(), (None, None)), (t5(), ([[4, 5]], [[6, 7], [8, 9]]))):
        first, second = [[3, 4, 5, 6]], [[1, 2, 3, 4, 5], [5, 6, 7]]
        test = second if beside[1] is None else (second, beside[1])
        problem = Problem.from_transformers(model, first, beside[0], chunk=chunk, test=test)
        own, plane = Problem.from_transformers(model, second, beside[1], chunk=chunk), Plane.random(problem)
        found, expected = survey(problem, plane, (2, 2)), survey(own, plane, (2, 2))
        assert (found["test_loss"].values == expected["loss"].values).all()


@needs_transformers
def test_metrics_see_logits_as_a_whole_or_are_refused() -> None:
    metrics = {"hits": lambda z, y: ((z.argmax(-1) == y) & (y >= 0)).sum() / (y >= 0).sum()}
    problem = Problem.from_transformers(gpt2(), ROWS, metrics=metrics)
    land = survey(problem, Plane.random(problem), (2, 2))
    assert land["hits"].values == pytest.approx(land["accuracy"].values, abs=1e-6)
    with pytest.raises(InputError, match="made in chunks, so that no metric"):
        Problem.from_transformers(gpt2(), ROWS, chunk=7, metrics=metrics)


@needs_transformers
@pytest.mark.parametrize("kind", ["PromptTuningConfig", "PromptEncoderConfig", "PrefixTuningConfig"])
def test_adapters_that_put_tokens_before_the_text(kind: str) -> None:
    peft = pytest.importorskip("peft", reason="peft is not installed")
    torch.manual_seed(0)
    size = {"encoder_hidden_size": 8} if kind == "PromptEncoderConfig" else {}
    config = getattr(peft, kind)(task_type="CAUSAL_LM", num_virtual_tokens=3, **size)
    model = peft.get_peft_model(gpt2(), config).eval()
    tokens = torch.randint(3, V, (4, 7))
    mask = torch.ones_like(tokens)
    mask[1:, 5:] = 0
    problem = Problem.from_transformers(model, {"input_ids": tokens, "attention_mask": mask})
    plane = Plane.random(problem, normalize="layer")
    land = survey(problem, plane, (3, 1), fidelity=False)
    labels = tokens.masked_fill(mask == 0, -100)
    for a in (-1.0, 0.0, 1.0):
        parameters = {**dict(model.named_parameters()), **plane.at(a, 0)}
        given = {"input_ids": tokens, "attention_mask": mask, "labels": labels}
        expected = float(functional_call(model, parameters, (), given).loss.detach())
        assert float(land["loss"].sel(alpha=a)[0]) == pytest.approx(expected, rel=1e-5)


@needs_transformers
def test_adapters_of_peft() -> None:
    peft = pytest.importorskip("peft", reason="peft is not installed")
    torch.manual_seed(0)
    model = peft.get_peft_model(gpt2(), peft.LoraConfig(r=2, target_modules=["c_attn"], init_lora_weights=False)).eval()
    problem = Problem.from_transformers(model, ROWS, chunk=7)
    assert all("lora" in name for name in problem.parameters)
    ids, mask = padded(ROWS, 0), (padded(ROWS, -1) >= 0).long()
    expected = model(input_ids=ids, attention_mask=mask, labels=ids.masked_fill(mask == 0, -100)).loss
    function = LossFunction(problem, device="cpu")
    assert function.loss(function.point) == pytest.approx(float(expected.detach()), rel=1e-5)


@needs_transformers
def test_what_comes_after_the_last_layer_is_not_lost() -> None:
    from transformers import Gemma2Config, Gemma2ForCausalLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "head_dim": 4}
    config = Gemma2Config(vocab_size=V, num_key_value_heads=1, final_logit_softcapping=0.1, **sizes)
    model = Gemma2ForCausalLM(config).eval()
    problem = Problem.from_transformers(model, [[3, 4, 5]], chunk=7)
    assert not isinstance(problem.likelihood, VocabularyInChunks)
    assert any("a cap or a scale" in note for note in problem.notes)
    ids = torch.tensor([[3, 4, 5]])
    function = LossFunction(problem, device="cpu")
    assert function.loss(function.point) == pytest.approx(
        float(model(input_ids=ids, labels=ids).loss.detach()), rel=1e-5
    )


@needs_transformers
def test_refusals(tmp_path: Path) -> None:
    for build, what in (
        (lambda: Problem.from_transformers(tmp_path, ROWS), "no config.json"),
        (lambda: Problem.from_transformers(gpt2(), ["a text"]), "need a tokenizer"),
        (lambda: Problem.from_transformers(gpt2(), [[1, V]]), f"0 to {V - 1}"),
        (lambda: Problem.from_transformers(t5(), ROWS), "targets="),
        (lambda: Problem.from_transformers(bert(), ROWS), "mask_token="),
        (lambda: Problem.from_transformers(nn.Linear(1, 1), ROWS), "language model"),
    ):
        with pytest.raises(InputError, match=what):
            build()


class Tiny(nn.Module):
    """Gives `Headed` itself: the loss without transformers."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.head = nn.Embedding(V, 3), nn.Linear(3, V)

    def forward(self, ids: Tensor) -> Headed:
        return Headed(torch.tanh(self.tokens(ids)), self.head.weight, self.head.bias)


def test_the_loss_in_chunks_against_dense_matrices() -> None:
    torch.manual_seed(0)
    model = Tiny().double()
    ids = torch.randint(0, V, (3, 4))
    targets = ids.roll(-1, 1)
    targets[0, 2:] = -100
    problem = Problem(model, ids, targets, loss=VocabularyInChunks(5))
    function = LossFunction(problem, device="cpu", batch_size=2)
    layout, point = function.layout, function.point
    kept = targets.flatten() != -100

    def logits(flat: Tensor) -> Tensor:
        headed = functional_call(model, layout.views(flat), (ids,))
        return headed.logits.flatten(0, 1)[kept]  # type: ignore[no-any-return]

    def loss(flat: Tensor) -> Tensor:
        return F.cross_entropy(logits(flat), targets.flatten()[kept])

    J = torch.autograd.functional.jacobian(logits, point)
    p = logits(point).detach().softmax(-1)
    middle = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    G = torch.einsum("nvp,nvw,nwq->pq", J, middle, J) / int(kept.sum())
    H = torch.autograd.functional.hessian(loss, point)
    v = torch.randn(2, len(point), dtype=torch.float64) * (point != 0)
    assert function.loss(point) == pytest.approx(float(loss(point)), rel=1e-12)
    assert torch.allclose(function.hessian_products(v), v @ H, atol=1e-10)
    assert torch.allclose(gauss_newton_products(function, v), v @ G, atol=1e-10)
    assert torch.allclose(fisher_products(function, v), v @ G, atol=1e-10)
    each = torch.autograd.functional.jacobian(
        lambda flat: F.cross_entropy(logits(flat), targets.flatten()[kept], reduction="none"), point
    )
    assert torch.allclose(empirical_fisher_products(function, v), v @ each.T @ each / int(kept.sum()), atol=1e-10)
    by_differences = LossFunction(problem, device="cpu", products="differences")
    assert torch.allclose(gauss_newton_products(by_differences, v), v @ G, atol=1e-6)
    assert dense_matrix(curvature(problem, device="cpu")).shape == (problem.parameter_count,) * 2
    assert all(torch.isfinite(f).all() for f in fisher_diagonal(problem).values())
    entropy = -(p * p.log()).sum(-1)
    rows = problem.likelihood.flatten(model(ids), targets)[0][kept]
    assert torch.allclose(problem.likelihood.entropies(rows), entropy)


def test_no_more_than_a_chunk_of_logits_is_ever_there() -> None:
    """The largest tensor of loss, gradient, Hessian and Gauss-Newton products is that of the weights, not m × V."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Largest(TorchDispatchMode):
        numbers = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            found = func(*args, **(kwargs or {}))
            for t in found if isinstance(found, (tuple, list)) else (found,):
                if isinstance(t, Tensor):
                    Largest.numbers = max(Largest.numbers, t.numel())
            return found

    ids = torch.randint(0, V, (40, 10))
    problem = Problem(Tiny(), ids, ids.roll(1, 1), loss=VocabularyInChunks(2))
    function = LossFunction(problem, device="cpu", products="exact")
    v = torch.ones_like(function.point)[None]
    with Largest():
        function.hessian_products(v)
        gauss_newton_products(function, v)
    assert Largest.numbers <= 400 * 3 + V * 4  # what the last layer takes, and it; all logits would be 400 × 29


def test_tokens_of_padded_rows() -> None:
    found = tokens_of(torch.tensor([[5, 0, 6, 0, 0], [1, 2, 3, 4, 5]]), None, 9, 0)
    assert found.mask.tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]


def sentences(count: int, seed: int) -> Tensor:
    """Of a grammar: subject, verb, object, end; each verb has two subjects before it and two objects after it, at even odds."""
    g = torch.Generator().manual_seed(seed)
    verbs, first, last = (torch.randint(0, n, (count,), generator=g) for n in (4, 2, 2))
    rows = [2 + 2 * verbs + first, 10 + verbs, 14 + 2 * verbs + last, torch.ones_like(verbs)]
    return torch.stack(rows, 1).reshape(-1, 16)  # four sentences a row


@needs_transformers
def test_a_gpt_trained_on_a_grammar() -> None:
    torch.manual_seed(0)
    model, tokens = gpt2(), sentences(2048, 0)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    for step in range(300):
        rows = tokens[(torch.arange(32) + 32 * step) % len(tokens)]
        optimizer.zero_grad()
        model(input_ids=rows, labels=rows).loss.backward()
        optimizer.step()
    model.eval()
    held_out = sentences(256, 1)
    problem = Problem.from_transformers(model, held_out, chunk=8)
    plane = Plane.random(problem)
    land = survey(problem, plane, (3, 1), ((-1, 1), (0, 0)), overlays=("perplexity",))
    # of the 15 tokens predicted in a row: 4 verbs are certain, 4 objects are one of 2, 4 ends certain, 3 subjects one of 8
    entropy = (4 * math.log(2) + 3 * math.log(8)) / 15
    found = float(land["perplexity"].sel(alpha=0).squeeze())
    assert math.exp(entropy) < found * 1.02
    assert found < 1.15 * math.exp(entropy)
    assert float(land["loss"].sel(alpha=1).squeeze()) > float(land["loss"].sel(alpha=0).squeeze())
    expected = model(input_ids=held_out, labels=held_out).loss
    assert float(land["loss"].sel(alpha=0).squeeze()) == pytest.approx(float(expected.detach()), rel=1e-5)


def test_a_routers_auxiliary_loss_is_said_and_can_be_had() -> None:
    """The remedy of the note, followed: the model's own loss with it, over a whole batch."""
    model, ids = mixtral().eval(), torch.arange(24).reshape(3, 8) % V
    assert any(
        "auxiliary loss" in note and "output_router_logits=True" in note
        for note in Problem.from_transformers(model, ids).notes
    )
    problem = Problem.from_loss(
        model,
        ids,
        lambda model, batch: (model(input_ids=batch, labels=batch, output_router_logits=True).loss, len(batch)),
        batches="whole",
    )
    function = LossFunction(problem, None, "cpu")
    with torch.no_grad():
        own = model(input_ids=ids, labels=ids, output_router_logits=True)
    assert float(own.loss) != pytest.approx(float(model(input_ids=ids, labels=ids).loss), rel=1e-5)
    assert function.loss(function.point) == pytest.approx(float(own.loss), rel=1e-6)

"""A language model of transformers with texts or tokens, as what a problem is made of."""

from __future__ import annotations

import copy
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..checks import InputError, first_line
from .data import Brought
from .encoded import KNOWN, encoded
from .experts import in_plain_products
from .language_head import HeadOff, comes_off
from .likelihoods.cross_entropy import CrossEntropy
from .likelihoods.protocol import IGNORED, Likelihood
from .likelihoods.vocabulary import VocabularyInChunks
from .outputs import Output
from .transformers_data import LONGEST, Tokens, masked, next_tokens, tokens_of
from .virtual_tokens import FIRST_TOO, BeforeEachToken, has_virtual_tokens

SMALL = 4096  # tokens of a vocabulary, up to which logits are made as a whole
TRIED = 2
ROUTER = (
    "The router's auxiliary loss, {:g} times how unevenly the experts are used, is left out, as it is of a batch and not of a token; "
    "Problem.from_loss(model, tokens, lambda model, batch: (model(input_ids=batch, labels=batch, output_router_logits=True).loss, "
    "len(batch)), batches=…) has it."
)
ADAPTER = "adapter_config.json"


@dataclass(frozen=True)
class Language:
    """The arguments that `Problem.from_transformers` hands to `Problem`.

    fixed   arguments of forward that are the same for all examples
    output  the entry that the loss is of; None: all
    tokenizer  the one that came with the model's folder, or as it was given
    """

    model: nn.Module
    data: Brought
    likelihood: Likelihood
    fixed: dict[str, Any]
    output: Output | None
    tokenizer: Any = None


def language(
    network: Any,
    data: Any,
    targets: Any,
    tokenizer: Any,
    context: int | None,
    chunk: int | None,
    mask_token: int | None,
) -> Language:
    """The model, read from its folder where it is one, and its data.

    Raises
    ------
    InputError  transformers is not installed; a folder without a model; tokens outside the vocabulary
    """
    model, tokenizer = (_loaded(Path(network), tokenizer)) if isinstance(network, (str, Path)) else (network, tokenizer)
    config = _config(model)
    read = encoded(data, _padding(config, tokenizer))
    data = read.content
    tokens = tokens_of(data, tokenizer, context or _longest(config), _padding(config, tokenizer))
    _check_vocabulary(tokens.ids, config)
    inputs, wanted, notes = _arranged(model, tokens, data, targets, tokenizer, context, mask_token)
    others, left = _others(model, data)
    inputs, notes = {**inputs, **others}, [*read.notes, *left, *notes]
    fixed = {k: False for k in ("use_cache",) if k in inspect.signature(_forward(model)).parameters}
    prompted = has_virtual_tokens(model) and not getattr(config, "is_encoder_decoder", False)
    whole = prompted or (chunk is None and config.vocab_size <= SMALL)
    off = not whole and _head_comes_off(model, {**{k: t[:TRIED] for k, t in inputs.items()}, **fixed})
    if not (whole or off):
        notes.append("The logits are more than the last layer gives (a cap or a scale), so they are made as a whole.")
    if getattr(config, "router_aux_loss_coef", 0) and hasattr(config, "output_router_logits"):
        notes.append(ROUTER.format(config.router_aux_loss_coef))
    adapter: Any = HeadOff() if off else None
    likelihood = VocabularyInChunks(chunk) if off else CrossEntropy("logits", "last")
    brought = Brought(inputs, wanted, (*tokens.notes, *notes), adapter, read.batches)
    output: Output = BeforeEachToken(wanted.shape[1]) if prompted else "logits"
    return Language(model, brought, likelihood, fixed, None if off else output, tokenizer)


def _loaded(folder: Path, tokenizer: Any) -> tuple[nn.Module, Any]:
    try:
        import transformers
    except ImportError as error:
        raise InputError(
            "Reading a folder of transformers needs that package: pip install transformers, or give the model itself."
        ) from error
    if (folder / ADAPTER).is_file():
        return _with_adapter(folder, tokenizer)
    if not (folder / "config.json").is_file():
        raise InputError(f"'{folder}' is no folder of a model of transformers (it has no config.json): check the path.")
    config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
    kind = getattr(transformers, (config.architectures or [""])[0], None)
    if kind is None:
        kind = transformers.AutoModelForSeq2SeqLM if config.is_encoder_decoder else transformers.AutoModelForCausalLM
    try:
        model = kind.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # whatever is amiss with the files
        raise InputError(f"The model in '{folder}' cannot be read ({first_line(error)}): check its files.") from error
    if tokenizer is None and any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json")):
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return model, tokenizer


def _with_adapter(folder: Path, tokenizer: Any) -> tuple[nn.Module, Any]:
    """peft's adapter in a folder, on the model that its configuration names, where that is on this machine."""
    try:
        import peft
    except ImportError as error:
        raise InputError(
            f"'{folder}' holds an adapter of peft, which is needed to read it: pip install peft."
        ) from error
    named = peft.PeftConfig.from_pretrained(str(folder)).base_model_name_or_path
    places = [Path(named), folder / named] if named else []
    base = next((place for place in places if (place / "config.json").is_file()), None)
    if base is None:
        what = f"'{named}', which is no folder here" if named else "no model"
        raise InputError(
            f"The adapter in '{folder}' names {what} as what it was trained on: save that model in a folder and write its path as "
            f"base_model_name_or_path into {ADAPTER}, or give Problem.from_transformers(PeftModel.from_pretrained(model, folder, "
            "is_trainable=True), …) in a .py file."
        )
    model, tokenizer = _loaded(base, tokenizer)
    try:
        return peft.PeftModel.from_pretrained(model, str(folder), is_trainable=True), tokenizer
    except Exception as error:  # whatever is amiss with the files
        raise InputError(f"The adapter in '{folder}' cannot be read ({first_line(error)}): check its files.") from error


def _config(model: Any) -> Any:
    config = getattr(model, "config", None)
    if not isinstance(model, nn.Module) or not hasattr(config, "vocab_size"):
        raise InputError(
            f"from_transformers takes a language model of transformers or its folder, but got a {type(model).__name__}: for "
            "other networks give Problem(model, tokens, targets)."
        )
    return config


def _longest(config: Any) -> int:
    most = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    return min(LONGEST, most) if isinstance(most, int) else LONGEST


def _padding(config: Any, tokenizer: Any) -> int | None:
    for holder in (tokenizer, config):
        token = getattr(holder, "pad_token_id", None)
        if isinstance(token, int) and 0 <= token < config.vocab_size:
            return token
    return None


def _check_vocabulary(ids: Tensor, config: Any) -> None:
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= config.vocab_size:
        raise InputError(
            f"Tokens should be from 0 to {config.vocab_size - 1}, but run from {low} to {high}: take the tokenizer that the model "
            "was trained with."
        )


def _arranged(
    model: Any, tokens: Tokens, data: Any, targets: Any, tokenizer: Any, context: int | None, mask_token: int | None
) -> tuple[dict[str, Tensor], Tensor, list[str]]:
    """Inputs by name, targets, and notes."""
    config, inputs = _config(model), {"input_ids": tokens.ids}
    if not bool(tokens.mask.all()):  # without padding it says nothing, and what looks at its values stops torch's vmap
        inputs["attention_mask"] = tokens.mask
    labels = data["labels"] if targets is None and hasattr(data, "keys") and "labels" in data else None
    if getattr(config, "is_encoder_decoder", False):
        if targets is None and labels is None:
            raise InputError(
                "An encoder-decoder model translates: give the texts or tokens that it should write as targets=."
            )
        if labels is None:
            written = tokens_of(targets, tokenizer, context or _longest(config), _padding(config, tokenizer))
            labels = written.ids.masked_fill(written.mask == 0, IGNORED)
        labels = torch.as_tensor(labels).long()
        inputs["decoder_input_ids"] = _shifted_right(model, labels)
        return inputs, labels, ["Each token of the targets is predicted from those before it and the input."]
    if "MaskedLM" in _name(model):
        if labels is not None or targets is not None:
            return inputs, torch.as_tensor(labels if targets is None else targets).long(), []
        token = mask_token if mask_token is not None else getattr(tokenizer, "mask_token_id", None)
        if token is None:
            raise InputError(
                "A masked language model predicts hidden tokens: give mask_token=, the number of its mask, or data with labels."
            )
        inputs["input_ids"], wanted = masked(tokens, token)
        return inputs, wanted, ["15 % of the tokens are hidden and predicted, drawn once with seed 0."]
    if targets is not None or labels is not None:
        given = torch.as_tensor(labels if targets is None else targets).long()
        tokens = Tokens(given.clamp_min(0), (given != IGNORED).long() * tokens.mask)
    if has_virtual_tokens(model):
        return inputs, tokens.ids.masked_fill(tokens.mask == 0, IGNORED), [FIRST_TOO]
    return inputs, next_tokens(tokens), ["Each place predicts the token after it."]


def _others(model: Any, data: Any) -> tuple[dict[str, Tensor], list[str]]:
    """Further inputs that came by name and forward takes (positions, token types, a decoder's mask), and what it does not take, in a note."""
    parts = {k: t for k, t in data.items() if k not in KNOWN} if isinstance(data, dict) else {}
    taken = inspect.signature(_forward(model)).parameters
    left = sorted(repr(k) for k in parts if k not in taken)
    said = [f"Left out, as forward takes no such arguments: {', '.join(left)}."] if left else []
    return {k: t for k, t in parts.items() if k in taken}, said


def _shifted_right(model: Any, labels: Tensor) -> Tensor:
    if hasattr(model, "prepare_decoder_input_ids_from_labels"):
        found: Tensor = model.prepare_decoder_input_ids_from_labels(labels=labels)
        return found
    config = _config(model)
    moved = labels.roll(1, 1).masked_fill(labels.roll(1, 1) == IGNORED, config.pad_token_id or 0)
    moved[:, 0] = config.decoder_start_token_id
    return moved


def _name(model: Any) -> str:
    """The class of the model of transformers, inside peft's wrapper where there is one."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return type(inner).__name__


def _forward(model: Any) -> Any:
    return (model.get_base_model() if hasattr(model, "get_base_model") else model).forward


def _head_comes_off(model: Any, args: dict[str, Any]) -> bool:
    try:
        device = next(model.parameters()).device
        placed = {k: t.to(device) if isinstance(t, Tensor) else t for k, t in args.items()}
        duplicate = copy.deepcopy(model).eval()
        in_plain_products(duplicate)
        return comes_off(duplicate, placed)
    except (RuntimeError, TypeError, AttributeError):
        return False

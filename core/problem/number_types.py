"""In which numbers a network is evaluated, and which weights cannot be evaluated at all."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..checks import InputError

HALF = (torch.float16, torch.bfloat16)
STEPS = {torch.float16: "2⁻¹¹", torch.bfloat16: "2⁻⁸"}


def check_weights(model: nn.Module) -> None:
    """Raise InputError for weights that hold no numbers, or none that can be moved."""
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if is_lazy(tensor):
            raise InputError(
                f"'{name}' belongs to a lazy layer that was not built yet: run the network once, model(inputs[:2]), and load "
                "or train its weights, before it is given here."
            )
        if tensor.is_meta:
            raise InputError(
                f"'{name}' lies on the meta device, which holds shapes without numbers: build the network on the CPU or a "
                "GPU and load its weights."
            )
        if tensor.dtype.itemsize == 1 and tensor.is_floating_point() and tensor.requires_grad:
            raise InputError(
                f"'{name}' is trainable and in {str(tensor.dtype).removeprefix('torch.')}, in which next to no operation of torch "
                "runs: give it in bfloat16, as model.to(torch.bfloat16) does, or freeze it, requires_grad_(False)."
            )
        if tensor.is_inference():
            raise InputError(
                f"'{name}' was made under torch.inference_mode, and such weights have no derivatives: build the network "
                "outside of it, and load the state dict there."
            )
        if tensor.layout != torch.strided and isinstance(tensor, nn.Parameter):
            raise InputError(
                f"'{name}' is a sparse tensor, and weights are moved as dense ones: make it dense, nn.Parameter({name}.to_dense()), or "
                "keep it as a buffer where it stays as it is."
            )
    if isinstance(model, torch.jit.ScriptModule):
        raise InputError(scripted_text(model))
    if any(_quantised(module) for module in model.modules()) and not any(p.requires_grad for p in model.parameters()):
        raise InputError(
            "The network is quantised, so its weights are whole numbers that cannot be moved by small amounts: give the "
            "network as it was before quantisation (model.dequantize(), or its float checkpoint)."
        )


def scripted_text(model: nn.Module) -> str:
    """Advice for a network that is a TorchScript program, or has one as a part; "" where there is none."""
    scripted = next((name for name, m in model.named_modules() if isinstance(m, torch.jit.ScriptModule)), None)
    if scripted is None:
        return ""
    what = f"'{scripted}' is" if scripted else "The network is"
    return (
        f"{what} a TorchScript program, whose weights cannot be moved from outside: give the Python module that it was "
        "made from, with module.load_state_dict(program.state_dict())."
    )


def working_dtype(parameters: Iterable[Tensor]) -> torch.dtype:
    """In which real numbers weights are moved and networks evaluated: the widest among them, float32 at least.

    >>> half, single = torch.zeros(1, dtype=torch.bfloat16), torch.zeros(1)
    >>> working_dtype([half]), working_dtype([half, single.double()])
    (torch.float32, torch.float64)
    """
    widest = torch.float16
    kinds = {real_dtype(p.dtype) for p in parameters if p.is_floating_point() or p.is_complex()}
    if not kinds:
        return torch.get_default_dtype()
    for kind in kinds:
        widest = torch.promote_types(widest, kind)
    return torch.float32 if widest in HALF else widest


def real_dtype(dtype: torch.dtype) -> torch.dtype:
    """The type of a number's real part."""
    return dtype.to_real() if dtype.is_complex else dtype


def converts(parameters: Iterable[Tensor]) -> bool:
    """Whether weights are moved in other numbers than their own: half precision, or of several precisions."""
    kinds = {real_dtype(p.dtype) for p in parameters}
    return len(kinds) > 1 or any(kind in HALF for kind in kinds)


def convert(model: nn.Module, dtype: torch.dtype) -> None:
    """Weights and buffers of a copy to real type `dtype`; `nn.Module.to` would drop the imaginary part of complex ones."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point():
            tensor.data = tensor.data.to(dtype)
        elif tensor.is_complex() and dtype in (torch.float32, torch.float64):
            tensor.data = tensor.data.to(dtype.to_complex())


def said(parameters: Iterable[Tensor], dtype: torch.dtype) -> tuple[str, ...]:
    """A sentence for people where the weights are moved in other numbers than their own."""
    kinds = sorted({str(p.dtype).removeprefix("torch.") for p in parameters})
    halves = [kind for kind in HALF if str(kind).removeprefix("torch.") in kinds]
    if not (len(kinds) > 1 or halves):
        return ()
    name = str(dtype).removeprefix("torch.")
    advice = [
        f" dtype='{str(kind).removeprefix('torch.')}' takes the network's own arithmetic, in which a weight moves in steps of "
        f"{STEPS[kind]} of its size; the loss is taken of its outputs in float32, as training under autocast takes it."
        for kind in halves[:1]
    ]
    return (f"The weights are {' and '.join(kinds)}; they are moved and evaluated in {name}.{''.join(advice)}",)


def _quantised(module: nn.Module) -> bool:
    return "quantized" in type(module).__module__ or any(
        isinstance(value, Tensor) and value.is_quantized for value in vars(module).values()
    )

"""Networks in the wrappers that training puts around them: the network inside is what has the landscape."""

from __future__ import annotations

import inspect

from torch import nn

from ..checks import InputError

# wrapper's class name → the attribute that holds the network
WRAPPERS = {
    "DataParallel": "module",
    "DistributedDataParallel": "module",
    "OptimizedModule": "_orig_mod",
    "AveragedModel": "module",
}


SHARDED = ("FullyShardedDataParallel", "FSDPModule")


def uncompile(copy: nn.Module, original: nn.Module) -> None:
    """Take `module.forward = torch.compile(module.forward)` off a copy, where it would go on calling the original."""
    compiled = vars(copy).get("forward")
    if not hasattr(compiled, "_torchdynamo_orig_callable"):
        return
    inner = inspect.unwrap(compiled)  # type: ignore[arg-type]
    if getattr(inner, "__self__", None) is original and getattr(inner, "__func__", None) is type(copy).forward:
        del copy.forward


def refuse_sharded(model: nn.Module) -> None:
    """Raise InputError for weights that are spread over processes."""
    sharded = {base.__name__ for module in model.modules() for base in type(module).__mro__} & set(SHARDED)
    if sharded:
        raise InputError(
            f"The network is sharded ({sharded.pop()}), so its weights lie in pieces that no copy can hold: gather them, "
            "torch.distributed.checkpoint.state_dict.get_model_state_dict(model, options=StateDictOptions(full_state_dict=True)), and "
            "load them into the plain network."
        )


def unwrapped(model: nn.Module) -> tuple[nn.Module, tuple[str, ...]]:
    """The network inside, and a sentence where it was wrapped.

    >>> inner = nn.Linear(1, 1)
    >>> unwrapped(nn.DataParallel(inner))[0] is inner
    True
    """
    refuse_sharded(model)
    names = []
    while type(model).__name__ in WRAPPERS and isinstance(
        getattr(model, WRAPPERS[type(model).__name__], None), nn.Module
    ):
        names.append(type(model).__name__)
        model = getattr(model, WRAPPERS[type(model).__name__])
    return model, (f"The network was taken out of {' and '.join(names)}.",) if names else ()

"""Identity of a person's function, as text that is the same in every process: its name and its source."""

from __future__ import annotations

import functools
import hashlib
import inspect
from typing import Any

PLAIN = (bool, int, float, complex, str, bytes, type(None))


def function_identity(function: Any) -> str:
    """The qualified name of a callable and the SHA-256 of its source, with the plain values that it holds on to.

    Where no source can be read, as of what is written in C or typed at a prompt, its bytecode or its name alone stands for it.

    >>> function_identity(max)
    'builtins.max'
    >>> cut = lambda at: functools.partial(round, ndigits=at)
    >>> function_identity(cut(1)) == function_identity(cut(1)), function_identity(cut(1)) == function_identity(cut(2))
    (True, False)
    """
    if isinstance(function, functools.partial):
        inner = function_identity(function.func)
        return f"{inner}({_held([*function.args, *sorted(function.keywords.items())])})"
    if inspect.ismethod(function):
        return f"{function_identity(function.__func__)} of {_held([function.__self__])}"
    named = function if hasattr(function, "__qualname__") else type(function)
    name = f"{getattr(named, '__module__', '')}.{named.__qualname__}"
    content = [part for part in (_source(named), _held(_values(function))) if part]
    return f"{name} {hashlib.sha256(' '.join(content).encode()).hexdigest()}" if content else name


def _source(named: Any) -> str:
    try:
        return inspect.getsource(named)
    except (OSError, TypeError):
        code = getattr(named, "__code__", None)
        return "" if code is None else f"{code.co_code.hex()} {_held(code.co_consts)} {code.co_names}"


def _values(function: Any) -> list[Any]:
    """Values that a function closes over and its defaults; the attributes of an object that is called."""
    if not inspect.isfunction(function):
        return (
            sorted(vars(function).items()) if hasattr(function, "__dict__") and not inspect.isroutine(function) else []
        )
    inside = inspect.getclosurevars(function).nonlocals if function.__closure__ else {}
    return [*sorted(inside.items()), *(function.__defaults__ or ()), *sorted((function.__kwdefaults__ or {}).items())]


def _held(values: Any) -> str:
    """Plain values as they are; of anything else its kind, as what is in it may change, or name a place in memory."""
    return ", ".join(_told(each) for each in values)


def _told(value: Any) -> str:
    if isinstance(value, PLAIN):
        return repr(value)
    if isinstance(value, tuple):
        return f"({_held(value)})"
    return f"{type(value).__module__}.{type(value).__qualname__}"

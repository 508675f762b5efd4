"""Attributes that are computed when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")


class lazy(Generic[Value]):  # noqa: N801 - read as a decorator
    """`functools.cached_property` without the lock of Python 3.11's, which all instances of a class share.

    That lock lets only one of several workers compute at a time, each its own: two threads took points of curvature at
    1.35 times the speed of one (benchmarks/NOTES.md). Where threads share an instance, one of them must ask first.

    >>> class Square:
    ...     def __init__(self, side): self.side = side
    ...     @lazy
    ...     def area(self): return self.side**2
    >>> square = Square(3)
    >>> square.area, vars(square)
    (9, {'side': 3, 'area': 9})
    """

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self._compute, self.__doc__ = compute, compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> lazy[Value]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...

    def __get__(self, instance: object | None, owner: type) -> lazy[Value] | Value:
        if instance is None:
            return self
        found = self._compute(instance)
        vars(instance)[self._name] = found  # found there from now on, before this is asked again
        return found

"""What has moved is found under its old name too: the same module, with a word of warning."""

from __future__ import annotations

import importlib
import sys

import pytest
from lossnav.core.moved import MOVED as CORE
from lossnav.explorer.moved import MOVED as EXPLORER

NAMES = [
    *((f"lossnav.core.{old}", f"lossnav.core.{new}") for old, new in CORE.items()),
    *((f"lossnav.explorer.{old}", f"lossnav.explorer.{new}") for old, new in EXPLORER.items()),
]


@pytest.mark.parametrize(("old", "new"), NAMES)
def test_the_old_name_is_the_module_itself(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(new)
    name, spec = module.__name__, module.__spec__
    monkeypatch.delitem(sys.modules, old, raising=False)
    with pytest.warns(DeprecationWarning, match=f"is now {new}"):
        found = importlib.import_module(old)
    assert found is module
    assert (module.__name__, module.__spec__) == (name, spec)
    sys.modules.pop(old, None)


def test_what_is_not_there_is_not_found() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("lossnav.core.nothing_of_the_kind")

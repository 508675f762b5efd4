"""What this machine can do, for tests: a mark that skips with the machine's own reason, and machines of the other kind."""

from __future__ import annotations

import pytest
from lossnav.core.machine import capabilities
from lossnav.core.machine.capabilities import ABILITIES, Ability


def needs(name: str) -> pytest.MarkDecorator:
    """Skip, where this machine lacks an ability, with the sentence that a user would get."""
    reason = capabilities.lacking(name)
    return pytest.mark.skipif(reason is not None, reason=reason or "")


def absent(monkeypatch: pytest.MonkeyPatch, name: str) -> str:
    """Take an ability from this machine; returns why it lacks it now."""
    monkeypatch.setitem(ABILITIES, name, Ability(lambda: False, ABILITIES[name].lacking))
    return ABILITIES[name].lacking


def present(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Have this machine say that it can."""
    monkeypatch.setitem(ABILITIES, name, Ability(lambda: True, ABILITIES[name].lacking))

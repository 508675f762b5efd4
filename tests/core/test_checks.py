"""The first line of an error, whatever the error."""

from __future__ import annotations

import pytest
from lossnav.core.checks import first_line


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("one"), "one"),
        (ValueError("\n  one\ntwo"), "one"),
        (RuntimeError(), "RuntimeError"),
        (RuntimeError(" \n"), "RuntimeError"),
        (KeyError("name"), "'name'"),
    ],
)
def test_an_error_says_something_in_one_line(error: Exception, words: str) -> None:
    assert first_line(error) == words

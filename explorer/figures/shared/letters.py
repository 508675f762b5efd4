"""Panel letters."""

from __future__ import annotations

import string


def letter(k: int) -> str:
    """The letter of panel `k`.

    >>> letter(0), letter(25), letter(26)
    ('a', 'z', 'aa')
    """
    alphabet = string.ascii_lowercase
    return alphabet[k] if k < 26 else letter(k // 26 - 1) + alphabet[k % 26]

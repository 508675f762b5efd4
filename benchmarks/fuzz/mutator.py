"""Spoils bytes and texts, always the same way for the same seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

MAGIC = [
    n.to_bytes(size, "little")
    for size in (1, 2, 4, 8)
    for n in (0, 1, 2 ** (8 * size - 1) - 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1)
]
WORDS = (
    "null",
    "NaN",
    "-1",
    "1e400",
    "[]",
    "{}",
    '""',
    "true",
    "9" * 400,
    "0.5",
    '"\\u0000"',
    "[[[[1]]]]",
    '"' + "x" * 5000 + '"',
    "[" * 2000,
    "{'a': 1}",
    "-0.0",
    "1e-320",
    '"<b>$x$</b>"',
)
SEPARATORS = '{}[]:,"'


def mutated(seeds: Sequence[bytes], random_: random.Random) -> bytes:
    """One of `seeds` with one to eight changes."""
    content = bytearray(random_.choice(seeds))
    for _ in range(random_.choice((1, 1, 1, 2, 3, 8))):
        random_.choice(CHANGES)(content, random_, seeds)
    return bytes(content)


def mutated_text(seeds: Sequence[bytes], random_: random.Random) -> bytes:
    """The same, mostly with changes that leave a text a text."""
    if random_.random() < 0.2:
        return mutated(seeds, random_)
    content = random_.choice(seeds).decode()
    for _ in range(random_.choice((1, 1, 2, 4))):
        content = _text_change(content, random_)
    return content.encode()


def _text_change(content: str, random_: random.Random) -> str:
    """A token replaced, left out or doubled, where a token is what lies between separators."""
    places = [i for i, letter in enumerate(content) if letter in SEPARATORS or letter.isspace()]
    if len(places) < 2:
        return content + random_.choice(WORDS)
    at = random_.randrange(len(places) - 1)
    start, stop = places[at] + 1, places[at + 1]
    new = random_.choice(("", random_.choice(WORDS), 2 * content[start:stop], random_.choice(SEPARATORS)))
    return content[:start] + new + content[stop:]


Change = Callable[[bytearray, random.Random, Sequence[bytes]], None]


def _flip(content: bytearray, random_: random.Random, seeds: Sequence[bytes]) -> None:
    if content:
        content[random_.randrange(len(content))] ^= 1 << random_.randrange(8)


def _set(content: bytearray, random_: random.Random, seeds: Sequence[bytes]) -> None:
    if content:
        content[random_.randrange(len(content))] = random_.randrange(256)


def _magic(content: bytearray, random_: random.Random, seeds: Sequence[bytes]) -> None:
    number, at = random_.choice(MAGIC), random_.randrange(len(content) + 1)
    content[at : at + len(number)] = number


def _cut(content: bytearray, random_: random.Random, seeds: Sequence[bytes]) -> None:
    del content[random_.randrange(len(content) + 1) :]


def _remove(content: bytearray, random_: random.Random, seeds: Sequence[bytes]) -> None:
    at = random_.randrange(len(content) + 1)
    del content[at : at + random_.randrange(1, 64)]


def _double(content: bytearray, random_: random.Random, seeds: Sequence[bytes]) -> None:
    at = random_.randrange(len(content) + 1)
    content[at:at] = content[at : at + random_.randrange(1, 256)] * random_.choice((1, 1, 2, 50))


def _zeros(content: bytearray, random_: random.Random, seeds: Sequence[bytes]) -> None:
    at, count = random_.randrange(len(content) + 1), random_.randrange(1, 512)
    content[at : at + count] = bytes(min(count, len(content) - at))


def _splice(content: bytearray, random_: random.Random, seeds: Sequence[bytes]) -> None:
    other = random_.choice(seeds)
    content[random_.randrange(len(content) + 1) :] = other[random_.randrange(len(other) + 1) :]


CHANGES: tuple[Change, ...] = (_flip, _flip, _set, _set, _magic, _magic, _cut, _remove, _double, _zeros, _splice)

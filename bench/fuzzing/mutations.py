"""Small changes to inputs that break them where readers look: bytes, numbers, words of the format, other inputs."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

Pool = Sequence[bytes]
Words = Sequence[bytes]
NUMBERS = (0, 1, 2, 127, 128, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)
TEXTS = (
    b"0",
    b"-1",
    b"1e999",
    b"nan",
    b"inf",
    b"99999999999999999999",
    b"4294967295",
    b"",
    b"\xff\xfe",
    b"\0",
    b"[]",
    b"{}",
)
TEXTS += (
    b"null",
    b"true",
    b'"',
    b"../../x",
    b"file:///etc/passwd",
    b"http://127.0.0.1/",
    b"\xf0\x9f\xaa\x91",
    b"\r",
    b"1/1/1/1",
)


def mutated(rng: random.Random, pool: Pool, words: Words) -> bytes:
    """One to eight changes, mostly few, to an input of the pool."""
    data = bytearray(rng.choice(pool))
    for _ in range(min(8, 1 + int(rng.expovariate(0.7)))):
        rng.choice(CHANGES)(rng, data, pool, words)
    return bytes(data)


def flip(rng: random.Random, data: bytearray, pool: Pool, words: Words) -> None:
    """One bit."""
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def overwrite(rng: random.Random, data: bytearray, pool: Pool, words: Words) -> None:
    """A little-endian number that borders on something."""
    at, form = rng.randrange(len(data) + 1), rng.choice(["<B", "<H", "<I"])
    number = rng.choice(NUMBERS) % (1 << (8 * struct.calcsize(form)))
    data[at : at + struct.calcsize(form)] = struct.pack(form, number)


def insert(rng: random.Random, data: bytearray, pool: Pool, words: Words) -> None:
    """A word of the format, or a text that numbers and names are not."""
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.choice([*words, *TEXTS])


def replace(rng: random.Random, data: bytearray, pool: Pool, words: Words) -> None:
    """A value by another: from one separator to the next."""
    at = rng.randrange(len(data) + 1)
    end = min((found for mark in b' ,:"\n\t/' if (found := data.find(bytes([mark]), at + 1)) > 0), default=len(data))
    data[at + 1 : end] = rng.choice([*words, *TEXTS])


def cut(rng: random.Random, data: bytearray, pool: Pool, words: Words) -> None:
    """A stretch, or the rest."""
    at = rng.randrange(len(data) + 1)
    del data[at : at + rng.choice((1, 2, 4, 16, 64, len(data)))]


def repeat(rng: random.Random, data: bytearray, pool: Pool, words: Words) -> None:
    """A stretch, several times."""
    at, length = rng.randrange(len(data) + 1), rng.choice((1, 8, 64))
    data[at:at] = data[at : at + length] * rng.choice((1, 1, 2, 2, 3, 20))


def splice(rng: random.Random, data: bytearray, pool: Pool, words: Words) -> None:
    """The rest of another input."""
    other = rng.choice(pool)
    data[rng.randrange(len(data) + 1) :] = other[rng.randrange(len(other) + 1) :]


Change = Callable[[random.Random, bytearray, Pool, Words], None]
CHANGES: tuple[Change, ...] = (flip, overwrite, insert, replace, cut, repeat, splice)

"""Changes to files made of parts: a GLB's and a Parquet file's lengths are set right again, so that readers go on."""

from __future__ import annotations

import json
import marshal
import random
import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from fuzzing.mutations import Pool, Words, mutated

WHOLE = 0.1  # of the inputs are changed as they are: lengths that lie are faults too
MAGIC, JSON, BIN = b"glTF", b"JSON", b"BIN\0"
VALUES: tuple[Any, ...] = (0, 1, -1, 2, 3, 255, 65535, 65536, 2**31, 2**53, 1e38, 1e308, 0.5, "", "x", None, True)
VALUES += ([], {}, [0, 0, 0], [1e38] * 16, "MAT4", "SCALAR", "VEC2", 5120, 5121, 5123, 5125, 5126, "../../x", "data:,")
Change = Callable[[random.Random, Pool, Words], bytes]


def change_glb(rng: random.Random, pool: Pool, words: Words) -> bytes:
    """A GLB whose document, as text or as a tree, or whose binary chunk is changed."""
    text, binary = split_glb(rng.choice(pool))
    if not text or rng.random() < WHOLE:
        return mutated(rng, pool, words)
    where = rng.random()
    if where < 0.7:
        text = changed_tree(rng, text)
    elif where < 0.8:
        text = mutated(rng, (text,), words)
    if where > 0.6:
        binary = mutated(rng, (binary,), words)
    return join_glb(text, binary)


@lru_cache(maxsize=4096)
def split_glb(data: bytes) -> tuple[bytes, bytes]:
    """The document and the binary chunk; nothing of a file that is no GLB (glTF 2.0, 4.4)."""
    if len(data) < 20 or data[:4] != MAGIC or data[16:20] != JSON:
        return b"", b""
    end = 20 + struct.unpack_from("<I", data, 12)[0]
    return data[20:end], data[end + 8 :]


def join_glb(text: bytes, binary: bytes) -> bytes:
    """A GLB of the two chunks, with lengths that fit."""
    text, binary = text + b" " * (-len(text) % 4), binary + b"\0" * (-len(binary) % 4)
    chunks = struct.pack("<I", len(text)) + JSON + text
    chunks += struct.pack("<I", len(binary)) + BIN + binary if binary else b""
    return MAGIC + struct.pack("<II", 2, 12 + len(chunks)) + chunks


def changed_tree(rng: random.Random, text: bytes) -> bytes:
    """The document with up to three of its values replaced, taken away, or put where another stood."""
    if (packed := _packed(text)) is None:
        return text
    tree = marshal.loads(packed)
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = list(_places(tree))
        if not places:
            break
        holder, key = rng.choice(places)
        what = rng.random()
        if what < 0.2:
            del holder[key]
        elif what < 0.4:
            other, at = rng.choice(places)
            holder[key] = _copied(other[at]) if at in other or isinstance(other, list) else None
        elif what < 0.6 and isinstance(holder[key], int):
            holder[key] += rng.choice((-1, 1, 4, -4, holder[key]))
        else:
            holder[key] = _copied(rng.choice(VALUES))  # or a list of VALUES comes to lie within itself
    return json.dumps(tree, separators=(",", ":")).encode()


def _copied(value: Any) -> Any:
    return marshal.loads(marshal.dumps(value))


@lru_cache(maxsize=4096)
def _packed(text: bytes) -> bytes | None:
    """A document as marshal has it, which is unpacked three times as fast; None for what is no JSON."""
    try:
        return marshal.dumps(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _places(tree: Any) -> Sequence[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    found: list[tuple[Any, Any]] = []
    rest = [tree]
    while rest:
        holder = rest.pop()
        for key, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
            found.append((holder, key))
            if isinstance(value, dict | list):
                rest.append(value)
    return found


def change_parquet(rng: random.Random, pool: Pool, words: Words) -> bytes:
    """A Parquet file whose pages or whose footer are changed."""
    pages, footer = split_parquet(rng.choice(pool))
    if not footer or rng.random() < WHOLE:
        return mutated(rng, pool, words)
    if rng.random() < 0.5:
        pages = mutated(rng, (pages,), words)
    else:
        footer = mutated(rng, (footer,), words)
    return b"PAR1" + pages + footer + struct.pack("<I", len(footer)) + b"PAR1"


@lru_cache(maxsize=4096)
def split_parquet(data: bytes) -> tuple[bytes, bytes]:
    """The pages and the footer; nothing of what is no Parquet file."""
    if len(data) < 12 or data[:4] != b"PAR1" or data[-4:] != b"PAR1":
        return b"", b""
    start = len(data) - 8 - struct.unpack("<I", data[-8:-4])[0]
    return (data[4:start], data[start:-8]) if start >= 4 else (b"", b"")

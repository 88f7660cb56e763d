"""Chunks cut by the rows' own content, so that a restart, an inserted or an appended row meets the same chunks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from manifests.row import InvalidRow, Row


@dataclass(frozen=True)
class Keyed:
    """A row with the key that says whether it is done."""

    key: str
    row: Row | InvalidRow


class Chunk:
    """The rows of one Prefect task and one ledger part. Not a dataclass: Prefect would walk through its rows."""

    def __init__(self, rows: list[Keyed], salt: bytes = b"") -> None:
        """`salt` tells chunks of the same rows apart that are to be made more than once."""
        self.rows = rows
        digest = hashlib.blake2b(digest_size=10, salt=hashlib.blake2b(salt, digest_size=16).digest() if salt else b"")
        for keyed in rows:
            digest.update(keyed.key.encode())
        self.id = digest.hexdigest()


def cut(rows: Iterable[Keyed], size: int) -> Iterator[list[Keyed]]:
    """Lists of about `size` rows (half to twice), ended where a key's leading bits say so, never between variations.

    Content-defined chunking as in rsync-like stores: a boundary depends on the row before it alone, so a changed row
    changes its own chunk and no other. Half of `size` must have passed, then every row ends the chunk with
    probability 2/size, which gives a mean of `size`.
    """
    smallest, largest = max(1, size // 2), 2 * size
    threshold = (1 << 32) // max(1, size // 2)
    chunk: list[Keyed] = []
    for keyed in rows:
        chunk.append(keyed)
        if isinstance(keyed.row, Row) and keyed.row.variation + 1 < keyed.row.variations:
            continue  # variations are compared with one another: at most 64, so a chunk stays within 2 · size + 63
        if len(chunk) >= largest or (len(chunk) >= smallest and int(keyed.key[:8], 16) < threshold):
            yield chunk
            chunk = []
    if chunk:
        yield chunk

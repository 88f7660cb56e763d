"""Rows by priority: a manifest with that column is read once for each level it holds, the highest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.readers import open_manifest
from manifests.row import InvalidRow, Row

COLUMN = "priority"
BLOCK = 1 << 20


def by_priority(rows: Callable[[], Iterator[Row | InvalidRow]], prioritised: bool) -> Iterator[Row | InvalidRow]:
    """What `rows()` gives, the highest level first and within a level in their order; wrong rows last.

    A pass over the manifest for each level, so that a million rows never sit in memory. `prioritised` False: one pass.
    """
    if not prioritised:
        yield from rows()
        return
    for level in sorted({level_of(row) for row in rows()}, reverse=True):
        yield from (row for row in rows() if level_of(row) == level)


def level_of(row: Row | InvalidRow) -> int:
    """A row's priority; below all others for a wrong one, which costs nothing and must not stop a run too early."""
    return row.priority if isinstance(row, Row) else -1


def names_priority(uri: str, columns: Mapping[str, str]) -> bool:
    """Whether a manifest may have priorities: by its header, or by the word anywhere in JSON lines (1 GB/s)."""
    if COLUMN in columns:
        return True
    word = COLUMN.encode()
    kind, stream = open_manifest(uri)
    with stream:
        if kind == "parquet":
            try:
                return any(name.strip().lower() == COLUMN for name in pq.read_schema(stream).names)
            except (pa.ArrowException, OSError, ValueError):
                return False  # whoever reads its rows says what is wrong with it
        if kind == "csv":
            return word in stream.readline(BLOCK).lower()
        held = b""
        while block := stream.read(BLOCK):
            if word in (held + block).lower():
                return True
            held = block[-len(word) :]
    return False

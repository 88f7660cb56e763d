"""Rows by priority: a manifest with that column is read once for each level it holds, the highest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from manifests.row import InvalidRow, Row

COLUMN = "priority"


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

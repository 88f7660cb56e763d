"""The row that came first, for few and many entries, beside a dict; its bytes an entry."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from manifests import first_rows
from manifests.first_rows import FirstRows


@given(st.lists(st.integers(0, 40)))
def test_each_entry_gives_the_row_it_first_came_with(entries: list[int]) -> None:
    found, first = FirstRows(), dict[str, int]()
    for row, entry in enumerate(map(str, entries), 1):
        assert found.of(entry, row) == first.setdefault(entry, row)
    assert len(found) == len(first)


def test_it_grows_and_forgets_nothing() -> None:
    found = FirstRows()
    count = 40 * first_rows.SMALLEST
    assert all(found.of(f"asset-{row}", row) == row for row in range(1, count))
    assert all(found.of(f"asset-{row}", 7 * count) == row for row in range(1, count))
    assert len(found) == count - 1


def test_an_entry_takes_at_most_36_bytes() -> None:
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    found = FirstRows()
    for row in range(1, 50_001):
        found.of(f"asset-{row}", row)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 12 < (after - before) / len(found) <= 36.1

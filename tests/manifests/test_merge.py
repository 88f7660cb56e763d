"""Rows of many parts come in manifest order, and no part is read before its turn."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.ledger import Ledger
from manifests.ledger_row import LedgerRow
from manifests.merge import merged
from manifests.store import Store


def row(number: int) -> LedgerRow:
    return LedgerRow(id=f"asset-{number}", key=f"{number:032x}", row=number, outcome="passed")


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(numbers=st.lists(st.integers(1, 10**6), unique=True, min_size=1, max_size=40), parts=st.integers(1, 6))
def test_any_split_comes_back_in_order(numbers: list[int], parts: int) -> None:
    ledger = Ledger(Store(f"memory://merge-{hash((tuple(numbers), parts))}"))
    for part in range(parts):
        ledger.write_chunk(f"c{part}", [row(number) for number in numbers[part::parts]])
    assert [each["row"] for each in ledger.rows()] == sorted(numbers)
    assert [each["row"] for each in ledger.rows("outcome = 'passed'")] == sorted(numbers)
    ledger.store.delete_tree("ledger")


def test_parts_wait_for_their_turn(tmp_path: Path) -> None:
    ledger = Ledger(Store(str(tmp_path)))
    for part in range(5):
        ledger.write_chunk(f"c{part}", [row(10 * part + i) for i in range(10)])
    read: list[int] = []

    def reader(part: int) -> bytes:
        read.append(part)
        return ledger.store.read(f"ledger/c{part}.parquet")

    readers: list[tuple[int, Callable[[], bytes]]] = [(10 * part, partial(reader, part)) for part in range(5)]
    rows = merged(readers, ["id"])
    assert [next(rows) for _ in range(5)] == [{"id": f"asset-{i}"} for i in range(5)]
    assert read == [0]
    assert len(list(rows)) == 45
    assert read == [0, 1, 2, 3, 4]

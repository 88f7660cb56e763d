from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from manifests import journal
from manifests.journal import Journal
from manifests.store import Store


def numbers(store: Store, chunk: str = "c") -> list[int]:
    return [record["n"] for record in Journal(store, chunk).records()]


def test_a_restart_reads_what_was_finished(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with Journal(store, "c") as first:
        for n in range(130):
            first.append({"n": n, "text": "line\nbreak ü"})
        assert len(numbers(store)) == 128
    assert numbers(store) == list(range(130))
    with Journal(store, "c") as second:
        second.append({"n": 130})
    assert numbers(store) == list(range(131))
    assert numbers(store, "other") == []
    second.clear()
    assert numbers(store) == []
    assert list(store.list()) == []


def test_a_lone_record_does_not_wait_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "SEGMENT_SECONDS", 0.05)
    store = Store(str(tmp_path))
    open_journal = Journal(store, "c")
    open_journal.append({"n": 1})
    assert numbers(store) == []
    deadline = time.monotonic() + 5
    while not numbers(store) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert numbers(store) == [1]


def test_clear_drops_what_is_pending(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    open_journal = Journal(store, "c")
    open_journal.append({"n": 1})
    open_journal.clear()
    open_journal.flush()
    assert numbers(store) == []


def test_threads_lose_nothing(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with Journal(store, "c") as shared, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: shared.append({"n": n}), range(500)))
    assert sorted(numbers(store)) == list(range(500))


def test_segments_are_read_in_order_of_their_numbers(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    for n in (10, 9, 1):
        store.put(f"journal/c/{n}.jsonl", b'{"n":%d}\n' % n)
    assert numbers(store) == [1, 9, 10]
    store.put("journal/c/2.jsonl", bytes(20))
    assert numbers(store) == [1, 9, 10]

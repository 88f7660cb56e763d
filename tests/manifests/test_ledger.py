from __future__ import annotations

import contextlib
import itertools
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from manifests.errors import LedgerError
from manifests.ledger import Ledger, Output, comparable
from manifests.ledger_row import LATER, SCHEMA, LedgerRow, from_batch, to_table
from manifests.store import Store


def key(number: int, version: int = 0) -> str:
    return f"{number * 1000 + version:032x}"


def made(number: int, version: int = 0) -> LedgerRow:
    rejected = number % 3 == 0
    return LedgerRow(
        id=f"id-{number}",
        key=key(number, version),
        row=number,
        outcome="rejected" if rejected else "passed",
        reasons=("gate.faces", "gate.size") if rejected else (),
        generator="procedural",
        seed=2**62 + number,
        attempts=1 + version,
        parent="ab" * 32,
        recipe="game-ready",
        metrics={"faces": 100.0 * number, "area_m2": 0.5},
        outputs=(Output("glb", 0, f"assets/id-{number}/asset.glb", 10, "ff"),),
        timings={"clean": 0.1},
        gpu_seconds=9.0,
        cost=0.5,
        step_gpu_seconds={"distill_edit": 8.0},
        step_cost={"distill_edit": 0.25},
        prompt_understood={"subject": "chair", "styles": ["ö"]},
        meta={"sku": "7"},
    )


def test_rows_come_back_whole_and_in_order(tmp_path: Path) -> None:
    ledger = Ledger(Store(str(tmp_path)))
    ledger.write_chunk("b", [made(4), made(3)])
    ledger.write_chunk("a", [made(2), made(1)])
    rows = list(ledger.rows())
    assert [row["row"] for row in rows] == [1, 2, 3, 4]
    assert [LedgerRow.from_dict(row) for row in rows] == [made(number) for number in (1, 2, 3, 4)]
    assert list(ledger.rows("outcome = 'rejected' AND metrics['faces'] > 100", ["id"])) == [{"id": "id-3"}]
    assert list(ledger.rows("meta->>'sku' = '8'")) == []
    summary = ledger.summary()
    assert (summary.rows, summary.outcomes) == (4, {"passed": 3, "rejected": 1})
    assert summary.reasons == {"gate.faces": 1, "gate.size": 1}


def test_parts_from_before_gpu_time_was_counted(tmp_path: Path) -> None:
    ledger = Ledger(Store(str(tmp_path)))
    ledger.write_chunk("a", [made(1)])
    ledger.write_chunk("b", [made(2)])
    part = tmp_path / "ledger" / "a.parquet"
    pq.write_table(pq.read_table(part).drop_columns(list(LATER)), part)
    older, newer = ledger.rows(columns=["id", *LATER])
    assert older == {"id": "id-1", **LATER}
    assert newer["step_cost"] == {"distill_edit": 0.25}
    assert next(ledger.rows("row = 1"))["step_gpu_seconds"] == {}
    assert LedgerRow.from_dict(next(ledger.rows())).step_cost == {}


@pytest.mark.parametrize(("start", "length"), [(0, 40), (7, 20), (39, 1), (3, 0)])
def test_batches_say_what_arrow_says_of_them(start: int, length: int) -> None:
    rows = [
        LedgerRow(
            f"ä{number}",
            f"{number:032x}",
            number,
            "passed",
            reasons=("a", "b")[: number % 3],
            seed=number if number % 2 else None,
            metrics={f"m{place}": place + number / 7 for place in range(number % 5)},
            outputs=(Output("glb", 0, f"{number}.glb", number, "00"),) * (number % 3),
            meta={"title": [number]},
        )
        for number in range(40)
    ]
    (batch,) = to_table(rows).to_batches()
    batch = batch.slice(start, length)
    plain = batch.to_pylist(maps_as_pydicts="strict")
    for row in plain:
        row["prompt_understood"], row["meta"] = {}, {"title": [row["row"]]}
    assert from_batch(batch) == plain
    assert len(plain) == length


def test_an_empty_ledger(tmp_path: Path) -> None:
    ledger = Ledger(Store(str(tmp_path / "none")))
    assert list(ledger.rows("row > 3")) == []
    assert (ledger.summary().rows, len(ledger.index())) == (0, 0)
    ledger.write_chunk("a", [])
    assert ledger.chunks() == []


@pytest.mark.parametrize(
    "where",
    [
        "nope = 1",
        "1 = ",
        "1=1; DROP VIEW ledger",
        "id IN (SELECT content FROM read_text('/etc/hostname'))",
        "id::INT = 1",
    ],
)
def test_wrong_conditions_are_one_line(tmp_path: Path, where: str) -> None:
    ledger = Ledger(Store(str(tmp_path)))
    ledger.write_chunk("a", [made(1)])
    with pytest.raises(LedgerError) as caught:
        ledger.rows(where)
    assert "\n" not in str(caught.value)
    with pytest.raises(LedgerError, match="did you mean 'reasons'"):
        ledger.rows(columns=["reason"])


def test_plain_readers_need_no_knowledge_of_ours(tmp_path: Path) -> None:
    Ledger(Store(str(tmp_path))).write_chunk("a", [made(1), made(3)])
    query = f"SELECT metrics['faces'], outputs[1].uri, meta->>'sku' FROM '{tmp_path}/ledger/*.parquet' ORDER BY row"
    assert duckdb.sql(query).fetchall() == [
        (100.0, "assets/id-1/asset.glb", "7"),
        (300.0, "assets/id-3/asset.glb", "7"),
    ]
    assert ds.dataset(tmp_path / "ledger").count_rows() == 2
    assert pq.read_schema(tmp_path / "ledger" / "a.parquet").equals(SCHEMA)


def test_a_part_counts_only_with_its_marker(tmp_path: Path) -> None:
    ledger = Ledger(Store(str(tmp_path)))
    ledger.write_chunk("a", [made(1)])
    ledger.write_chunk("b", [made(2)])
    (tmp_path / "ledger" / "_done" / "b.json").unlink()
    assert [row["id"] for row in ledger.rows()] == ["id-1"]
    index = Ledger(ledger.store).index()
    assert key(1) in index
    assert key(2) not in index
    assert not (tmp_path / "ledger" / "b.parquet").exists()


def test_a_made_again_row_takes_the_older_ones_place(tmp_path: Path) -> None:
    ledger = Ledger(Store(str(tmp_path)))
    ledger.write_chunk("a", [made(1), made(2)])
    ledger.write_chunk("b", [made(3)])
    for again in (ledger, Ledger(ledger.store)):
        again.write_chunk("c", [made(2, 1), made(3, 1)])
        rows = {row["id"]: row["key"] for row in again.rows()}
        assert rows == {"id-1": key(1), "id-2": key(2, 1), "id-3": key(3, 1)}
        assert len(list(again.rows())) == 3
    assert "b" not in ledger.chunks()
    assert key(3) not in ledger.index()


def test_a_chunk_finished_in_two_goes_keeps_both(tmp_path: Path) -> None:
    ledger = Ledger(Store(str(tmp_path)))
    ledger.write_chunk("a", [made(1), made(2)])
    ledger.write_chunk("a", [made(2, 1), made(3)])
    assert [row["key"] for row in ledger.rows()] == [key(1), key(2, 1), key(3)]


def test_two_rows_of_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2 rows but 1 ids"):
        Ledger(Store(str(tmp_path))).write_chunk("a", [made(1), made(1, 1)])


def test_threads_may_share_a_ledger(tmp_path: Path) -> None:
    ledger = Ledger(Store(str(tmp_path)))
    ledger.write_chunk("old", [made(number) for number in range(40)])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: ledger.write_chunk(f"c{i}", [made(4 * i + j, 1) for j in range(4)]), range(10)))
    assert [row["key"] for row in ledger.rows()] == [key(number, 1) for number in range(40)]
    assert "old" not in ledger.chunks()


class Killed(BaseException):
    """The process ends here."""


class MortalStore(Store):
    """A store whose process is killed before its n-th change."""

    def __init__(self, uri: str, changes: int) -> None:
        super().__init__(uri)
        self.changes = changes

    def _live(self) -> None:
        self.changes -= 1
        if self.changes < 0:
            raise Killed

    def put(self, path: str, data: bytes, durable: bool = False) -> None:
        self._live()
        super().put(path, data, durable)

    def delete(self, path: str) -> None:
        self._live()
        super().delete(path)


def work(store: Store) -> None:
    """Two chunks, then rows of both made again: one old part shrinks, the other goes."""
    ledger = Ledger(store)
    index = ledger.index()
    jobs = [("a", [made(1), made(2)]), ("b", [made(3)]), ("c", [made(2, 1), made(3, 1), made(4)])]
    for chunk, rows in jobs:
        open_rows = [row for row in rows if row.key not in index and key(row.row, 1) not in index]
        ledger.write_chunk(chunk, open_rows)


def changes_of_the_whole_work(uri: str) -> int:
    store = MortalStore(uri, 1000)
    work(store)
    return 1000 - store.changes


@pytest.mark.slow
def test_a_kill_at_any_change_leaves_a_ledger_that_a_restart_completes() -> None:
    root = f"memory://{uuid4().hex}"
    changes = changes_of_the_whole_work(f"{root}/whole")
    whole = [comparable(row) for row in Ledger(Store(f"{root}/whole")).rows()]
    assert [row["key"] for row in whole] == [key(1), key(2, 1), key(3, 1), key(4)]
    assert changes == 10  # part and marker of a, b and c; of a again; both of b deleted
    for kill, again in itertools.product(range(changes), range(0, changes, 2)):
        store = Store(f"{root}/{kill}-{again}")
        with pytest.raises(Killed):
            work(MortalStore(store.uri, kill))
        with contextlib.suppress(Killed):
            work(MortalStore(store.uri, again))
        index = Ledger(store).index()
        rows = list(Ledger(store).rows())
        assert len({row["id"] for row in rows}) == len(rows) == len(index)
        assert all(row["key"] in index for row in rows)
        assert sum(path.endswith(".parquet") for path in store.list("ledger")) == len(Ledger(store).chunks())
        work(store)
        assert [comparable(row) for row in Ledger(store).rows()] == whole


def test_markers_of_another_version_or_none_are_named(tmp_path: Path) -> None:
    ledger = Ledger(Store(str(tmp_path)))
    ledger.write_chunk("a", [made(1)])
    marker = tmp_path / "ledger" / "_done" / "a.json"
    marker.write_text(marker.read_text().replace('"schema":1', '"schema":9'))
    with pytest.raises(LedgerError, match="version 9"):
        ledger.index()
    marker.write_text("{}")
    with pytest.raises(LedgerError, match="unreadable"):
        ledger.summary()


def test_text_that_is_not_unicode_is_kept_readable(tmp_path: Path) -> None:
    ledger = Ledger(Store(str(tmp_path)))
    bad = "stderr \udcff"
    ledger.write_chunk("a", [LedgerRow("a", key(1), 1, "failed", message=bad, meta={"note": bad})])
    (row,) = ledger.rows()
    assert (row["message"], row["meta"], row["seed"]) == ("stderr \\udcff", {"note": "stderr ?"}, None)


def test_equal_runs_compare_equal() -> None:
    again: dict[str, Any] = {**made(1).to_dict(), "timings": {"clean": 9.0}, "attempts": 3}
    assert comparable(again) == comparable(made(1).to_dict())
    assert comparable({**again, "metrics": {}}) != comparable(again)
    killed = {**again, "outcome": "quarantined", "message": "pid 7", "meta": {"sku": "7", "stderr": "pid 7"}}
    assert comparable(killed) == comparable({**killed, "message": "pid 8", "meta": {"sku": "7", "stderr": "pid 8"}})
    assert comparable(killed) != comparable({**killed, "meta": {"sku": "8"}})


def test_a_ledger_can_be_sent_to_another_process(tmp_path: Path) -> None:
    ledger = Ledger(Store(str(tmp_path)))
    ledger.write_chunk("a", [made(1)])
    assert len(list(pickle.loads(pickle.dumps(ledger)).rows())) == 1


@pytest.mark.slow
def test_a_ledger_on_an_object_store(bucket: str) -> None:
    work(Store(f"{bucket}/run"))
    ledger = Ledger(Store(f"{bucket}/run"))
    assert [row["key"] for row in ledger.rows()] == [key(1), key(2, 1), key(3, 1), key(4)]
    assert len(ledger.index()) == 4
    assert ledger.summary().rows == 4

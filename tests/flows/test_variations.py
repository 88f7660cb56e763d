"""Variations differ: a repeat is made anew with another seed, one that goes on repeating is rejected with its files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.catalogue import catalogue
from flows.chunk_work import ChunkWork, Line
from flows.chunks import Chunk, Keyed, cut
from flows.jobs import Generated, GenerateJob, Processed, ProcessJob
from flows.progress import Progress
from flows.variations import CODE, TRIES, another_seed
from manifests.journal import Journal
from manifests.ledger import Ledger
from manifests.ledger_row import Output
from manifests.recipe import load_recipe
from manifests.row import Row, expand
from manifests.store import Store
from tasks.signature import FEATURES, Signature

RECIPE = "[[steps]]\nuse = 'clean'\n[gate]\nprofile = 'none'\n"


class Painter:
    """An engine whose assets are grey levels: one for each seed a variation has had, the last for all further ones."""

    name = "painter"
    ahead = 4

    def __init__(self, store: Store, **levels: Sequence[int]) -> None:
        self.store, self.levels = store, levels
        self.seeds: dict[str, list[int]] = {}

    def generate(self, jobs: Sequence[GenerateJob]) -> Future[list[Any]]:
        for job in jobs:
            self.seeds.setdefault(job.request.id, []).append(job.request.seed)
        return done([Generated(f"{job.request.id}-{job.request.seed}", 1.0) for job in jobs])

    def process(self, jobs: Sequence[ProcessJob]) -> Future[list[Any]]:
        return done([self._one(job) for job in jobs])

    def _one(self, job: ProcessJob) -> Processed:
        id, _, _ = job.digest.rpartition("-")
        levels = self.levels[id.replace("-", "_")]
        level = levels[min(len(self.seeds[id]), len(levels)) - 1]
        outputs = []
        for kind, name in (("glb", f"{id}.glb"), ("poster", f"{id}.jpg")):
            self.store.put(f"{job.folder}/{name}", bytes([level]))
            outputs.append(Output(kind, 0, f"{job.folder}/{name}", 1, ""))
        signature = Signature(f"{level:032x}", np.full(FEATURES, level, np.uint8)).text()
        return Processed("passed", (), "", {}, {"signature": signature}, tuple(outputs), {"clean": 0.1})

    def window(self) -> int:
        return 2

    def close(self) -> None:
        pass


def done(answers: list[Any]) -> Future[list[Any]]:
    future: Future[list[Any]] = Future()
    future.set_result(answers)
    return future


def variations(count: int, name: str = "one") -> list[Keyed]:
    rows = expand(Row(1, 2, name, prompt="a chair", seed=5, variations=count))
    return [Keyed(f"{row.id}".encode().hex().rjust(32, "0"), row) for row in rows]


def made(folder: Path, engine: Painter, rows: list[Keyed]) -> dict[str, dict[str, Any]]:
    (folder / "plain.toml").write_text(RECIPE)
    recipe = load_recipe(str(folder / "plain.toml"), catalogue())
    line = Line(engine.store, Ledger(engine.store), engine, recipe, 0, Progress())
    counts = ChunkWork(line, Chunk(rows)).run()
    assert {name: count for name, count in line.progress.outcomes.items() if count} == counts
    return {row["id"]: row for row in Ledger(engine.store).rows()}


def files(folder: Path, id: str) -> set[str]:
    return {path.name for path in (folder / "out/assets" / id).iterdir()}


def test_a_repeat_gets_another_seed(tmp_path: Path) -> None:
    engine = Painter(Store(str(tmp_path / "out")), one_v1=[10], one_v2=[12, 90], one_v3=[200])
    rows = made(tmp_path, engine, variations(3))
    assert {row["outcome"] for row in rows.values()} == {"passed"}
    assert [len(engine.seeds[f"one-v{i}"]) for i in (1, 2, 3)] == [1, 2, 1]
    assert rows["one-v2"]["seed"] == engine.seeds["one-v2"][1] == another_seed(6, 1) != 6
    assert rows["one-v2"]["meta"]["variation_tries"] == 2
    assert "variation_tries" not in rows["one-v3"]["meta"]
    assert (tmp_path / "out/assets/one-v2/one-v2.glb").read_bytes() == bytes([90])


def test_what_goes_on_repeating_is_rejected_and_keeps_its_poster(tmp_path: Path) -> None:
    engine = Painter(Store(str(tmp_path / "out")), one_v1=[10], one_v2=[12, 11, 12, 9, 8, 12, 90], one_v3=[200])
    rows = made(tmp_path, engine, variations(3))
    assert (rows["one-v2"]["outcome"], rows["one-v2"]["reasons"]) == ("rejected", [CODE])
    assert "one-v1" in rows["one-v2"]["message"]
    assert len(engine.seeds["one-v2"]) == TRIES
    assert files(tmp_path, "one-v2") == {"one-v2.jpg"}
    assert files(tmp_path, "one-v3") == {"one-v3.jpg", "one-v3.glb"}


def test_a_generator_that_uses_no_seed_is_asked_once_more_only(tmp_path: Path) -> None:
    engine = Painter(Store(str(tmp_path / "out")), one_v1=[10], one_v2=[10], one_v3=[10])
    rows = made(tmp_path, engine, variations(3))
    assert [rows[f"one-v{i}"]["outcome"] for i in (1, 2, 3)] == ["passed", "rejected", "rejected"]
    assert [len(engine.seeds[f"one-v{i}"]) for i in (1, 2, 3)] == [1, 2, 2]


def test_those_behind_a_repeat_are_judged_by_what_it_became(tmp_path: Path) -> None:
    """v3 repeats the old v2, which is replaced: v3 stands."""
    engine = Painter(Store(str(tmp_path / "out")), one_v1=[10], one_v2=[12, 90], one_v3=[15])
    rows = made(tmp_path, engine, variations(3))
    assert [rows[f"one-v{i}"]["outcome"] for i in (1, 2, 3)] == ["passed"] * 3
    assert len(engine.seeds["one-v3"]) == 1


@pytest.mark.parametrize("kept", range(6))
def test_a_killed_chunk_ends_in_the_same_rows(tmp_path: Path, kept: int) -> None:
    """The journal holds the first records, as after a kill, and a row that was being replaced has lost its files."""
    levels = {"one_v1": [10], "one_v2": [12, 90], "one_v3": [91, 200]}
    records: list[dict[str, Any]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "append", lambda _, record: records.append(json.loads(json.dumps(record))))
        whole = made(tmp_path, Painter(Store(str(tmp_path / "out")), **levels), variations(3))
    records[:3] = sorted(records[:3], key=lambda record: str(record["id"]))
    assert [record["id"] for record in records] == ["one-v1", "one-v2", "one-v3", "one-v2", "one-v3"]
    again = tmp_path / "again"
    again.mkdir()
    engine = Painter(Store(str(again / "out")), **levels)
    with Journal(engine.store, Chunk(variations(3)).id) as journal:
        for record in records[:kept]:
            journal.append(record)
            engine.seeds.setdefault(record["id"], []).append(record["seed"])
    rows = made(again, engine, variations(3))
    assert {id: (row["outcome"], row["seed"]) for id, row in rows.items()} == {
        id: (row["outcome"], row["seed"]) for id, row in whole.items()
    }
    assert engine.seeds == {"one-v1": [5], "one-v2": [6, another_seed(6, 1)], "one-v3": [7, another_seed(7, 1)]}


@pytest.mark.parametrize("size", [1, 2, 5])
def test_variations_share_a_chunk(size: int) -> None:
    rows = [keyed for i in range(40) for keyed in variations(1 + i % 7, f"row-{i}")]
    chunks = list(cut(rows, size))
    assert [keyed for chunk in chunks for keyed in chunk] == rows
    for chunk in chunks:
        last = chunk[-1].row
        assert isinstance(last, Row)
        assert last.variation + 1 == last.variations

"""A run decides which rows are to be made: skipping, superseding, limits, and what stops it."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from direct_engine import DirectEngine

from flows.chunk_work import ChunkWork
from flows.execute import drive
from flows.run import Run, RunConfig, Summary, TooManyInvalid, already_done
from manifests.errors import ManifestError, RecipeError, SpaceError

RECIPE = """
name = "small"
[[steps]]
use = "clean"
[[exports]]
use = "glb"
"""
TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"


class Mill:
    """A folder with a recipe, manifests, and one output."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "out"
        (folder / "small.toml").write_text(RECIPE)

    def manifest(self, *rows: str, name: str = "rows.csv", header: str = "id,prompt") -> str:
        path = self.folder / name
        path.write_text("\n".join([header, *rows]) + "\n")
        return str(path)

    def config(self, manifest: str, **changes: Any) -> RunConfig:
        config = RunConfig(manifest, str(self.folder / "small.toml"), str(self.out))
        return replace(config, **changes)

    def run(self, config: RunConfig, engine: DirectEngine | None = None) -> tuple[Summary, Counter[str]]:
        """(summary, rows that were generated) of a run to its end."""
        engine = engine or DirectEngine()
        run = Run(config)
        with ThreadPoolExecutor(2) as pool:
            summary = drive(run, engine, lambda work: pool.submit(work.run))
        return summary, engine.made

    def ledger(self) -> dict[str, dict[str, Any]]:
        rows = list(Run(self.config(self.manifest("x,a chair", name="any.csv"))).ledger.rows())
        assert len({row["id"] for row in rows}) == len(rows)
        return {row["id"]: row for row in rows}

    def files(self) -> set[str]:
        return {str(path.relative_to(self.out)) for path in (self.out / "assets").rglob("*") if path.is_file()}


@pytest.fixture
def mill(tmp_path: Path) -> Mill:
    return Mill(tmp_path)


def wait_until(condition: Callable[[], bool], patience: float = 20) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def noop(mill: Mill, rows: int, **changes: Any) -> RunConfig:
    """A run of many rows that cost nothing, in small chunks."""
    manifest = mill.manifest(*(f"row-{i},a chair" for i in range(rows)))
    return mill.config(manifest, **{"recipe": "noop", "chunk_rows": 4, **changes})


def test_every_row_ends_in_the_ledger(mill: Mill) -> None:
    manifest = mill.manifest("one,a red chair", "two,a giraffe", "three,")
    summary, _ = mill.run(mill.config(manifest))
    assert summary.outcomes == {"passed": 1, "rejected": 1, "invalid": 1}
    assert {id: row["outcome"] for id, row in mill.ledger().items()} == {
        "one": "passed",
        "two": "rejected",
        "three": "invalid",
    }
    assert summary.report.endswith("report/index.html")
    assert Path(summary.report).is_file()
    assert mill.files() == {"assets/one/one.glb"}


def test_a_finished_manifest_is_recognised_without_an_engine(mill: Mill) -> None:
    config = noop(mill, 20)
    assert already_done(config) is None
    first, _ = mill.run(config)
    done = already_done(config)
    assert done is not None
    assert (done.rows, done.skipped, done.outcomes) == (20, 20, {})
    assert done.report == first.report


def test_a_run_killed_while_it_wrote_its_report_writes_it_again(mill: Mill) -> None:
    config = noop(mill, 5)
    summary, _ = mill.run(config)
    (mill.out / "run.json").unlink()  # written behind the report's last file
    Path(summary.report).unlink()
    assert already_done(config) is None
    again, made = mill.run(config)
    assert not made
    assert (again.skipped, Path(again.report).is_file()) == (5, True)


def test_an_empty_manifest_is_done_at_once(mill: Mill) -> None:
    done = already_done(mill.config(mill.manifest()))
    assert done is not None
    assert (done.rows, done.report) == (0, "")


def test_only_rows_without_a_finished_chunk_are_made_again(mill: Mill) -> None:
    config = noop(mill, 60)
    mill.run(config)
    parts = sorted((mill.out / "ledger").glob("*.parquet"))
    assert len(parts) > 5
    before = mill.ledger()
    (mill.out / "ledger" / "_done" / f"{parts[2].stem}.json").unlink()
    summary, made = mill.run(config)
    assert 0 < len(made) == 60 - summary.skipped <= 8
    assert max(made.values()) == 1
    assert mill.ledger().keys() == before.keys()
    assert parts == sorted((mill.out / "ledger").glob("*.parquet"))  # the same chunk again


def test_rows_in_another_order_are_the_same_rows(mill: Mill) -> None:
    config = noop(mill, 30)
    mill.run(config)
    mill.manifest(*(f"row-{i},a chair" for i in reversed(range(30))))
    assert already_done(config) is not None


def test_a_limit_counts_rows_of_the_manifest(mill: Mill) -> None:
    config = noop(mill, 30)
    summary, made = mill.run(replace(config, limit=7))
    assert (summary.rows, len(made)) == (7, 7)
    assert set(made) == {f"row-{i}" for i in range(7)}
    assert already_done(replace(config, limit=7)) is not None
    summary, made = mill.run(config)
    assert (summary.rows, summary.skipped, len(made)) == (30, 7, 23)


def test_variations_are_rows_of_their_own(mill: Mill) -> None:
    manifest = mill.manifest("cup,a mug,3", header="id,prompt,variations")
    summary, made = mill.run(mill.config(manifest, recipe="noop"))
    assert set(made) == {"cup-v1", "cup-v2", "cup-v3"}
    assert summary.rows == 3
    assert len({row["seed"] for row in mill.ledger().values()}) == 3


def test_a_changed_row_replaces_its_older_self(mill: Mill) -> None:
    config = mill.config(mill.manifest("one,a red chair", "two,a mug"))
    mill.run(config)
    before = mill.ledger()
    glb = (mill.out / "assets/one/one.glb").read_bytes()
    mill.manifest("one,a blue chair", "two,a mug")
    summary, made = mill.run(config)
    after = mill.ledger()
    assert made == {"one": 1}
    assert (summary.skipped, summary.outcomes) == (1, {"passed": 1})
    assert before["one"]["key"] != after["one"]["key"]
    assert before["two"] == after["two"]
    assert (mill.out / "assets/one/one.glb").read_bytes() != glb


@pytest.mark.parametrize("prompt", ["a giraffe", ""])
def test_a_row_that_fails_now_leaves_no_files_of_its_older_self(mill: Mill, prompt: str) -> None:
    config = mill.config(mill.manifest("one,a red chair", "two,a mug"))
    mill.run(config)
    mill.manifest(f"one,{prompt}", "two,a mug")
    mill.run(config)
    assert mill.ledger()["one"]["outcome"] != "passed"
    assert mill.files() == {"assets/two/two.glb"}


def test_a_duplicate_row_leaves_the_files_of_the_first(mill: Mill) -> None:
    config = mill.config(mill.manifest("one,a red chair"))
    mill.run(config)
    mill.manifest("one,a red chair", "one,a mug")
    mill.run(config)
    assert {id: row["outcome"] for id, row in mill.ledger().items()} == {"one": "passed", "one#row2": "invalid"}
    assert mill.files() == {"assets/one/one.glb"}


def test_a_changed_recipe_makes_everything_again(mill: Mill) -> None:
    config = mill.config(mill.manifest("one,a red chair", "two,a mug"))
    mill.run(config)
    recipe = mill.folder / "small.toml"
    recipe.write_text("# the same in other words\n" + RECIPE)
    assert already_done(config) is not None
    recipe.write_text(RECIPE.replace('"glb"', '"stl"'))
    _, made = mill.run(config)
    assert made == {"one": 1, "two": 1}
    assert mill.files() == {"assets/one/one.stl", "assets/two/two.stl"}
    assert len(mill.ledger()) == 2


def test_a_changed_input_file_is_a_changed_row(mill: Mill) -> None:
    mesh = mill.folder / "a.obj"
    mesh.write_text(TRIANGLE)
    config = mill.config(mill.manifest("one,a.obj", header="id,mesh"))
    mill.run(config)
    assert already_done(config) is not None
    mesh.write_text(TRIANGLE.replace("1 0 0", "2 0 0"))
    os.utime(mesh, ns=(1, 1))
    _, made = mill.run(config)
    assert made == {"one": 1}


def test_the_runs_seed_reaches_rows_without_their_own(mill: Mill) -> None:
    config = mill.config(mill.manifest("free,a mug,", "fixed,a mug,5", header="id,prompt,seed"), recipe="noop")
    mill.run(config)
    before = mill.ledger()
    _, made = mill.run(replace(config, seed=1))
    assert made == {"free": 1}
    assert mill.ledger()["free"]["seed"] != before["free"]["seed"]
    assert mill.ledger()["fixed"]["seed"] == 5


def test_two_manifests_share_an_output(mill: Mill) -> None:
    first = mill.config(mill.manifest("one,a chair", name="a.csv"), recipe="noop")
    second = mill.config(mill.manifest("two,a chair", name="b.csv"), recipe="noop")
    mill.run(first)
    mill.run(second)
    assert set(mill.ledger()) == {"one", "two"}
    assert already_done(first) is not None
    assert already_done(second) is not None


def test_unknown_names_in_a_row_are_its_own_fault(mill: Mill) -> None:
    rows = ("one,a chair,procedurel,", "two,a chair,,gaem", "three,a chair,auto,game")
    manifest = mill.manifest(*rows, header="id,prompt,generator,profile")
    mill.run(mill.config(manifest))
    one, two, three = (mill.ledger()[id] for id in ("one", "two", "three"))
    assert (one["outcome"], one["reasons"], one["meta"]["column"]) == ("invalid", ["row.bad-value"], "generator")
    assert one["message"] == "unknown generator 'procedurel'; did you mean 'procedural'?"
    assert (two["outcome"], two["reasons"], two["meta"]["column"]) == ("invalid", ["row.bad-value"], "profile")
    assert "did you mean 'game'?" in two["message"]
    assert three["outcome"] in ("passed", "rejected")


def test_too_many_invalid_rows_stop_the_run_and_keep_what_was_made(mill: Mill) -> None:
    good, bad = [f"good-{i},a chair" for i in range(30)], [f"bad-{i}," for i in range(60)]
    config = mill.config(mill.manifest(*good, *bad), recipe="noop", chunk_rows=4, max_invalid=0.25)
    with pytest.raises(TooManyInvalid, match=r"of the first \d+ rows are invalid"):
        mill.run(config)
    ledger = mill.ledger()
    assert {id for id, row in ledger.items() if row["outcome"] == "passed"} == {f"good-{i}" for i in range(30)}
    assert sum(row["outcome"] == "invalid" for row in ledger.values()) <= 10
    summary, made = mill.run(replace(config, max_invalid=1.0))
    assert (summary.rows, len(made)) == (90, 0)


def test_the_limit_on_invalid_rows_is_inclusive(mill: Mill) -> None:
    manifest = mill.manifest("one,a chair", "two,", "three,a chair", "four,a chair")
    assert mill.run(mill.config(manifest, recipe="noop", max_invalid=0.25))[0].outcomes["invalid"] == 1
    with pytest.raises(TooManyInvalid):
        already_done(mill.config(manifest, recipe="noop", max_invalid=0.24))


def test_a_chunk_whose_engine_is_lost_spoils_no_other(mill: Mill) -> None:
    config = noop(mill, 40)
    with pytest.raises(ConnectionError):
        mill.run(config, DirectEngine(broken="row-20"))
    kept = set(mill.ledger())
    assert kept >= {f"row-{i}" for i in range(10)}
    assert "row-20" not in kept
    _, made = mill.run(config)
    assert set(made) == {f"row-{i}" for i in range(40)} - kept


def test_an_interrupted_run_waits_for_no_chain_and_keeps_what_was_finished(mill: Mill) -> None:
    config = noop(mill, 40)
    run, engine, submitted = Run(config), DirectEngine(hanging="row-1"), []

    def submit(work: ChunkWork) -> Future[dict[str, int]]:
        submitted.append(work)
        if len(submitted) == 2:
            wait_until(lambda: len(submitted[0].rows) == len(submitted[0].chunk.rows) - 1)
            raise KeyboardInterrupt
        return pool.submit(work.run)

    with ThreadPoolExecutor(2) as pool, pytest.raises(KeyboardInterrupt):
        run.drive(engine, submit)
    assert not run.summary.outcomes
    finished = len(submitted[0].rows)
    summary, made = mill.run(config)
    assert len(made) == 40 - finished
    assert made["row-1"] == 1
    assert summary.outcomes == {"passed": 40}


def test_a_chunk_lets_go_of_its_rows(mill: Mill) -> None:
    works: list[ChunkWork] = []
    run = Run(noop(mill, 9))
    with ThreadPoolExecutor(1) as pool:
        run.drive(DirectEngine(), lambda work: works.append(work) or pool.submit(work.run))
    assert works
    assert all(not work.rows and not work.bound and not work.chunk.rows for work in works)


def test_wrong_calls_are_found_before_anything_starts(mill: Mill) -> None:
    manifest = mill.manifest("one,a chair")
    with pytest.raises(RecipeError, match=r"no recipe 'game-redy'; did you mean 'game-ready'\?"):
        Run(mill.config(manifest, recipe="game-redy"))
    with pytest.raises(ManifestError, match="cannot be opened"):
        already_done(mill.config(str(mill.folder / "none.csv")))
    assert not mill.out.exists()


def test_a_summary_survives_json() -> None:
    summary = Summary(3, 1, Counter({"passed": 2}), 1.5, "out/report/index.html")
    assert Summary.from_dict(json.loads(json.dumps(summary.to_dict()))) == summary


def test_a_nearly_full_disk_stops_a_run_which_goes_on_once_there_is_room(
    mill: Mill, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = mill.config(mill.manifest(*[f"a{i},a chair" for i in range(8)]), chunk_rows=4)
    with monkeypatch.context() as patch:
        patch.setattr("manifests.space.KEEP_FREE", 1 << 60)
        with pytest.raises(SpaceError, match="goes on once there is room"):
            mill.run(config)
    summary, made = mill.run(config)
    assert (summary.rows, sum(made.values())) == (8, 8)

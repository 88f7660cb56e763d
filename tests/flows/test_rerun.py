"""A rerun makes the chosen rows again and touches no other, also when it is killed on the way."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from direct_engine import DirectEngine

from flows import rerun_flow
from flows.chunk_work import ChunkWork
from flows.cli import parser
from flows.commands.rerun import as_flow, rerun
from flows.execute import drive
from flows.rerun import CURRENT, UNDER_WAY, RerunConfig, Selection
from flows.run import RunConfig, Summary, TooManyInvalid, already_done
from manifests.errors import LedgerError, UsageError
from manifests.ledger import Ledger
from manifests.ledger_row import LedgerRow
from manifests.store import Store
from manifests.versions import rows_by_id

ROWS = [f"row-{i}" for i in range(8)]
BAD = ("row-1", "row-4", "row-5")


def at_once(work: ChunkWork) -> Future[Any]:
    answer: Future[Any] = Future()
    answer.set_result(work.run())
    return answer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight rows, three of which a gate is said to have refused."""
    (tmp_path / "rows.csv").write_text("\n".join(["id,prompt", *(f"{id},a thing" for id in ROWS)]) + "\n")
    drive(config(tmp_path, RunConfig).prepare(), DirectEngine(), at_once)
    refuse(tmp_path)
    return tmp_path


def config(folder: Path, kind: Callable[..., Any] = RerunConfig, **more: Any) -> Any:
    return kind(str(folder / "rows.csv"), "noop", str(folder / "out"), **more)


def ledger(folder: Path) -> Ledger:
    return Ledger(Store(str(folder / "out")))


def refuse(folder: Path) -> None:
    found = rows_by_id(ledger(folder), BAD)
    rows = [replace(LedgerRow.from_dict(row), outcome="rejected", reasons=("uv.overlap",)) for row in found.values()]
    ledger(folder).write_chunk("refused", rows)


def rows(folder: Path) -> dict[str, Any]:
    return {row["id"]: row for row in ledger(folder).rows()}


def again(folder: Path, engine: DirectEngine | None = None, rows_a_chunk: int = 256, **chosen: str) -> dict[str, int]:
    """How often each row was made."""
    engine = engine or DirectEngine()
    run = config(folder, selection=Selection(**chosen), chunk_rows=rows_a_chunk).prepare()
    drive(run, engine, at_once)
    return dict(engine.made)


@pytest.mark.parametrize("reason", ["uv.overlap", "gate.uv.overlap", "uv"])
def test_rows_with_a_reason_are_made_again_and_no_others(folder: Path, reason: str) -> None:
    before = rows(folder)
    assert again(folder, reason=reason) == dict.fromkeys(BAD, 1)
    after = rows(folder)
    assert {id for id in ROWS if after[id] != before[id]} == set(BAD)
    assert {row["outcome"] for row in after.values()} == {"passed"}
    assert len(after) == len(ROWS)
    assert again(folder, reason=reason) == {}
    assert already_done(config(folder, selection=Selection(reason=reason))) is not None


def test_a_part_of_a_code_is_no_code(folder: Path) -> None:
    assert again(folder, reason="uv.over") == {}


@pytest.mark.parametrize("broken", BAD)
def test_a_rerun_that_broke_goes_on_with_what_is_left(folder: Path, broken: str) -> None:
    """Rows that are refused once more are not made a third time when the rerun is taken up."""
    engine = DirectEngine(broken=broken)
    with pytest.raises(ConnectionError):
        again(folder, engine, rows_a_chunk=1, reason="uv.overlap")
    finished = {id for id in BAD if rows(folder)[id]["outcome"] == "passed"}
    assert list((folder / "out" / UNDER_WAY).iterdir())
    ledger(folder).write_chunk(
        "refused-again",
        [
            replace(LedgerRow.from_dict(rows(folder)[id]), outcome="rejected", reasons=("uv.overlap",))
            for id in sorted(finished)
        ],
    )
    assert set(again(folder, rows_a_chunk=1, reason="uv.overlap")) == set(BAD) - finished
    assert not list((folder / "out" / UNDER_WAY).iterdir())


def test_other_ways_to_choose(folder: Path) -> None:
    assert again(folder, chunk="refused") == dict.fromkeys(BAD, 1)
    assert set(again(folder, where="row <= 2")) == {"row-0", "row-1"}
    assert set(again(folder, stage="generate")) == set(ROWS)
    assert again(folder, stage="unwrap") == {}
    assert set(again(folder, recipe="noop", where="id = 'row-7'")) == {"row-7"}
    assert set(again(folder, model="noop")) == set(ROWS)
    model = rows(folder)["row-7"]["meta"]["made_from"]["model"]
    assert model.startswith("noop/")
    assert set(again(folder, model=model)) == set(ROWS)
    assert again(folder, model="noop/0.0") == {}
    assert again(folder, outcome="failed") == {}


def made_by_others(folder: Path) -> None:
    """Row 1 is said to be of an older recipe, row 2 of an older model, row 3 of a generator that is not installed."""
    said = {
        "row-1": {"recipe": "0" * 32, "model": "noop/1"},
        "row-2": {"recipe": rows(folder)["row-2"]["meta"]["made_from"]["recipe"], "model": "noop/0"},
        "row-3": {"recipe": rows(folder)["row-3"]["meta"]["made_from"]["recipe"], "model": "gone/1"},
    }
    found = [LedgerRow.from_dict(rows(folder)[id]) for id in said]
    changed = [replace(row, meta={**row.meta, "made_from": said[row.id]}) for row in found]
    changed[2] = replace(changed[2], generator="gone")
    ledger(folder).write_chunk("older", changed)


def test_what_another_version_made_is_made_again_until_the_current_one_has(folder: Path) -> None:
    current = {**rows(folder)["row-7"]["meta"]["made_from"]}
    made_by_others(folder)
    assert again(folder, other_recipe=current["recipe"], where="id = 'row-2'") == {}
    assert again(folder, other_recipe="current") == {"row-1": 1}
    assert again(folder, other_recipe="current") == {}
    assert again(folder, other_model=current["model"], where="id = 'row-1'") == {}
    assert again(folder, other_model="current") == {"row-2": 1}
    assert again(folder, other_model="current") == {}
    made_by_others(folder)
    assert again(folder, other_model="noop/0") == dict.fromkeys(set(ROWS) - {"row-2", "row-3"}, 1)
    assert again(folder, other_recipe="noop") == {}  # by name: all are of some version of it


def test_every_option_reaches_the_run_alone_and_as_a_flow(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    text = f"rerun {folder}/rows.csv --recipe noop --out o --max-invalid 0.5 --limit 3 --seed 7 --input-root in"
    text += " --auto-fix 1 --column prompt=words"
    text += " --reason r --stage s --chunk c --outcome o --made-by b --model m --where w"
    text += " --other-recipe --other-model n/1"
    monkeypatch.setattr("flows.commands.rerun.carry_out", lambda config, *_: seen.append(config) or 0)
    rerun(parser().parse_args(text.split()))
    monkeypatch.setattr(rerun_flow, "execute", lambda config, *_: seen.append(config) or Summary())
    monkeypatch.setattr(rerun_flow, "rerun_rows", rerun_flow.rerun_rows.fn)
    as_flow(seen[0])
    chosen = Selection("r", "s", "c", "o", "b", "m", "w", CURRENT, "n/1")
    columns = (("prompt", "words"),)
    manifest, roots = str(folder / "rows.csv"), ("in",)
    asked = RerunConfig(manifest, "noop", "o", 0.5, 3, 7, roots, auto_fix=1, columns=columns, selection=chosen)
    assert seen == [asked, asked]


def test_a_rerun_of_too_many_invalid_rows_stops(folder: Path) -> None:
    (folder / "rows.csv").write_text("id,prompt\nrow-1,a thing\nrow-2,a thing\nrow-4,\n")
    drive(config(folder, RunConfig).prepare(), DirectEngine(), at_once)
    run = config(folder, max_invalid=0.4, selection=Selection(where="id <> 'row-2'")).prepare()
    with pytest.raises(TooManyInvalid, match="1 of the first 2"):
        drive(run, DirectEngine(), at_once)


def test_what_is_wrong_is_told(folder: Path) -> None:
    with pytest.raises(LedgerError, match="no chunk 'none'"):
        again(folder, chunk="none")
    with pytest.raises(LedgerError):
        again(folder, where="no such thing")
    with pytest.raises(UsageError, match="--reason"):
        rerun(parser().parse_args(["rerun", str(folder / "rows.csv")]))

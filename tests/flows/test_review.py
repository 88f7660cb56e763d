"""A review: approvals recorded, rejections for good, remakes made by the next run, wrong lines told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from flows import cli
from flows import review as flow
from manifests.lease import Lease
from manifests.ledger import Ledger
from manifests.review_file import Decision
from manifests.store import Store

RECIPE = "[[steps]]\nuse = 'clean'\n[gate]\nprofile = 'none'\n[[exports]]\nuse = 'glb'\n[thumbnail]\nsize = 64\n"
ROWS = ("one,a red mug,5,", "it's,an oak chair,6,shelf 3", "three,a lamp,,", "no,a giraffe,,", "bad,,,")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("review")
    (folder / "small.toml").write_text(RECIPE)
    (folder / "rows.csv").write_text("\n".join(["id,prompt,seed,review", *ROWS]) + "\n")
    assert make(folder) == 0
    return folder


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "run"))


def make(folder: Path) -> int:
    places = ["--recipe", str(folder / "small.toml"), "--out", str(folder / "out"), "--engine", "inline"]
    return cli.main(["run", str(folder / "rows.csv"), *places, "--json"])


def review(folder: Path, capsys: pytest.CaptureFixture[str], *lines: str) -> dict[str, Any]:
    (folder / "review.csv").write_text("\n".join(["id,decision,reason,note,key", *lines]) + "\n")
    capsys.readouterr()
    assert cli.main(["review", str(folder / "out"), str(folder / "review.csv"), "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def ledger(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in Ledger(Store(str(folder / "out"))).rows()}


def test_decisions_reach_the_ledger_and_the_next_run_keeps_to_them(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = ledger(run)
    lines = ("one,approve,,fine", "it's,reject,shape,legs", "three,remake,texture,dull")
    assert review(run, capsys, *lines) == {
        "changed": {"approve": 1, "reject": 1, "remake": 1}, "unchanged": 0, "refused": []
    }  # fmt: skip
    rows = ledger(run)
    assert rows["one"]["meta"]["review"] == {"decision": "approve", "reason": "", "note": "fine"}
    assert (rows["it's"]["outcome"], rows["it's"]["reasons"]) == ("rejected", ["review.shape"])
    assert rows["it's"]["message"] == "review.shape: legs"
    assert rows["three"] == before["three"] | {"meta": rows["three"]["meta"]}
    assert review(run, capsys, *lines) == {"changed": {}, "unchanged": 3, "refused": []}

    assert make(run) == 0
    assert json.loads(capsys.readouterr().out)["outcomes"] == {"passed": 1}
    after = ledger(run)
    assert after["three"]["seed"] != before["three"]["seed"]
    assert after["three"]["outputs"] != before["three"]["outputs"]
    assert "review" not in after["three"]["meta"]
    assert {id: row for id, row in after.items() if id != "three"} == {
        id: row for id, row in rows.items() if id != "three"
    }
    assert make(run) == 0
    assert json.loads(capsys.readouterr().out)["skipped"] == 5

    again = review(run, capsys, f"three,remake,,,{before['three']['key'][:12]}")
    assert [each["code"] for each in again["refused"]] == ["review.made-since"]
    assert review(run, capsys, "three,remake")["changed"] == {"remake": 1}  # whichever is there
    assert make(run) == 0
    assert ledger(run)["three"]["seed"] not in (before["three"]["seed"], after["three"]["seed"])


def test_a_decision_can_be_taken_back(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = ledger(run)
    review(run, capsys, "it's,reject,shape", "three,remake")
    review(run, capsys, "it's,approve", "three,approve")
    rows = ledger(run)
    assert rows["it's"]["outcome"] == "passed"
    assert rows["it's"]["reasons"] == before["it's"]["reasons"]
    assert (run / "out" / rows["it's"]["outputs"][0]["uri"]).is_file()
    assert make(run) == 0
    assert ledger(run) == rows


def test_wrong_lines_are_coded_and_the_others_are_done(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ("nobody,approve", "one,keep", "no,approve", "bad,remake", "bad,reject,other", "one,approve")
    answer = review(run, capsys, *lines)
    assert [(each["line"], each["code"]) for each in answer["refused"]] == [
        (2, "review.unknown-id"), (3, "review.unknown-decision"), (4, "review.not-finished"), (5, "review.repeated")
    ]  # fmt: skip
    assert answer["changed"] == {"reject": 1, "approve": 1}
    assert ledger(run)["bad"]["outcome"] == "invalid"  # it has its own reason already
    assert [each["code"] for each in review(run, capsys, "bad,remake")["refused"]] == ["review.invalid-row"]


def test_a_column_of_the_manifest_named_review_is_not_lost(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ledger(run)["it's"]["meta"]["review"] == "shelf 3"
    review(run, capsys, "it's,approve")
    assert ledger(run)["it's"]["meta"]["review"]["column"] == "shelf 3"
    review(run, capsys, "it's,reject")
    assert ledger(run)["it's"]["meta"]["review"]["column"] == "shelf 3"


def test_generators_that_know_one_answer_do_not_pretend_to_make_another(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(str(run / "out"))
    books = Ledger(store)
    row = flow.LedgerRow.from_dict(ledger(run)["one"])
    books.write_chunk("other", [flow.replace(row, generator="mesh")])
    (refused,) = review(run, capsys, "one,remake")["refused"]
    assert refused["code"] == "review.no-seed"
    books.write_chunk("another", [flow.replace(row, parent="three")])
    (refused,) = review(run, capsys, "one,remake")["refused"]
    assert refused["code"] == "review.has-parent"


@pytest.mark.slow
def test_killed_at_any_write_the_next_call_does_the_rest(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [Decision(2, "one", "approve"), Decision(3, "it's", "reject", "shape"), Decision(4, "three", "remake")]
    whole = Path(shutil.copytree(run, tmp_path / "whole"))
    flow.apply_review(Store(str(whole / "out")), lines)
    monkeypatch.setattr(flow, "BATCH", 2)
    for stop in range(1, 99):
        cut = Path(shutil.copytree(run, tmp_path / f"cut{stop}"))
        done = reviewed_until(stop, Store(str(cut / "out")), lines, monkeypatch)
        flow.apply_review(Store(str(cut / "out")), lines)
        assert ledger(cut) == ledger(whole)
        assert (cut / "out/remakes.json").read_bytes() == (whole / "out/remakes.json").read_bytes()
        if done:
            break
    assert 5 < stop < 99  # every write was tried


def reviewed_until(stop: int, store: Store, lines: list[Any], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Apply a review that is interrupted in place of its write number `stop`; whether it came to its end before."""
    put, left = Store.put, [stop]

    def dying(self: Store, path: str, data: bytes, durable: bool = False) -> None:
        left[0] -= durable  # the lease's heartbeat is no write of ours
        if durable and not left[0]:
            raise KeyboardInterrupt
        put(self, path, data, durable)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "put", dying)
        try:
            flow.apply_review(store, lines)
        except KeyboardInterrupt:
            return False
    return True


def test_counts_and_a_run_that_is_writing(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    review(run, capsys, "one,approve", "it's,reject")
    assert cli.main(["review", str(run / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"approve": 1, "reject": 1, "remake": 0, "undecided": 3}
    with Lease(Store(str(run / "out"))):
        assert cli.main(["review", str(run / "out"), str(run / "review.csv")]) == 2
    assert "another run is writing" in capsys.readouterr().err

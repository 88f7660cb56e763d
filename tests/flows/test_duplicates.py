"""Duplicates: repeated rows are listed and rejected on request, their files go, and the next run leaves them so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flows import cli

RECIPE = "[[steps]]\nuse = 'clean'\n[gate]\nprofile = 'none'\n[[exports]]\nuse = 'glb'\n[thumbnail]\nsize = 64\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("duplicates")
    (folder / "small.toml").write_text(RECIPE)
    rows = ("one,a red mug,5", "two,a red mug,5", "three,an oak chair,5", "four,a blue mug,5")
    (folder / "rows.csv").write_text("\n".join(["id,prompt,seed", *rows]) + "\n")
    assert make(folder) == 0
    return folder


def make(folder: Path) -> int:
    places = ["--recipe", str(folder / "small.toml"), "--out", str(folder / "out"), "--engine", "inline"]
    return cli.main(["run", str(folder / "rows.csv"), *places, "--json"])


def lines(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert cli.main([str(argument) for argument in arguments]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_assets_of_an_earlier_run_are_repeated_too(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.csv").write_text("id,prompt,seed\nnew,an oak chair,5\nother,a steel sword,5\n")
    (tmp_path / "small.toml").write_text(RECIPE)
    assert make(tmp_path) == 0
    assert lines(capsys, "duplicates", tmp_path / "out", "--json") == []
    (found,) = lines(capsys, "duplicates", tmp_path / "out", "--json", "--against", run / "out")
    assert found == {"id": "new", "of": f"{run / 'out'}: three", "distance": 0.0, "code": "duplicate.exact"}


def test_repeats_are_listed_and_then_rejected_for_good(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = lines(capsys, "duplicates", run / "out", "--json")
    assert found == {"id": "two", "of": "one", "distance": 0.0, "code": "duplicate.exact"}
    loose = lines(capsys, "duplicates", run / "out", "--json", "--threshold", 1)
    assert {each["id"] for each in loose} >= {
        "two",
        "four",
    }

    lines(capsys, "duplicates", run / "out", "--json", "--reject")
    rows = {row["id"]: row for row in lines(capsys, "ledger", run / "out", "--json")}
    assert {id: row["outcome"] for id, row in rows.items()} == {
        "one": "passed", "two": "rejected", "three": "passed", "four": "passed"
    }  # fmt: skip
    assert rows["two"]["reasons"] == ["duplicate.exact"]
    assert rows["two"]["message"] == "duplicate.exact: one has the same geometry and colours"
    assert [path.name for path in (run / "out/assets/two").iterdir()] == ["two_poster.jpg"]
    assert (run / "out/assets/one/one.glb").is_file()

    assert lines(capsys, "duplicates", run / "out", "--json") == []
    capsys.readouterr()
    assert make(run) == 0
    assert json.loads(capsys.readouterr().out)["skipped"] == 4

"""The command line: exit codes, one line for what is wrong, JSON that parses, and what each command prints."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import trimesh
from commands import MESHMILL, heard

from flows import cli
from flows.commands import status
from flows.execute import prepared
from manifests.ledger import NAMES

RECIPE = """
name = "small"
[[steps]]
use = "clean"
[[exports]]
use = "glb"
"""
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """(exit code, stdout, stderr) of a command run in this process."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out, heard(err)

    return run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of four rows, with its manifest and its recipe beside `out`."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "small.toml").write_text(RECIPE)
    rows = ("one,a red chair,,A1", "two,a giraffe,,A2", "three,,,A3", "four,a mug,5,Ä4")
    (folder / "rows.csv").write_text("\n".join(["id,prompt,seed,shelf", *rows]) + "\n")
    assert cli.main(run_arguments(folder)) == 0
    return folder


def run_arguments(folder: Path, *more: object, out: str = "out") -> list[str]:
    places = [folder / "rows.csv", "--recipe", folder / "small.toml", "--out", folder / out]
    return ["run", *map(str, places), "--engine", "inline", *map(str, more)]


def rows_of(out: str) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in map(json.loads, out.splitlines())}


def manifest(folder: Path, text: str = "id,prompt\none,a chair\n") -> Path:
    (folder / "rows.csv").write_text(text)
    return folder / "rows.csv"


def test_version(call: Call) -> None:
    assert call("--version") == (0, f"meshmill {version('meshmill')}\n", "")


def test_no_command_is_a_wrong_call(call: Call) -> None:
    code, out, err = call()
    assert (code, out) == (2, "")
    assert "usage: meshmill" in err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be opened: No such file"),
        ("", "is empty"),
        ("prompt only a line\n", "column"),
        ("%PDF-1.7 and so on\n", "is a PDF"),
    ],
)
def test_a_wrong_manifest(tmp_path: Path, call: Call, content: str | None, words: str) -> None:
    if content is not None:
        manifest(tmp_path, content)
    code, out, err = call("run", tmp_path / "rows.csv", "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert words in err
    assert_one_line(err)
    assert not (tmp_path / "out").exists()


def test_a_damaged_parquet_manifest(tmp_path: Path, call: Call) -> None:
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 no footer\x05\0\0\0PAR1")
    code, out, err = call("run", tmp_path / "rows.parquet", "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert "rows.parquet: is not a whole Parquet file" in err
    assert_one_line(err)


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ("game-redy", "no recipe 'game-redy'; did you mean 'game-ready'?"),
        ("{}/none.toml", "cannot be read: No such file"),
        ("{}/key.toml", "unknown key 'stepps'; did you mean 'steps'?"),
        ("{}/step.toml", "unknown name 'simplfy'; did you mean 'simplify'?"),
        ("{}/option.toml", "unknown key 'target_face'; did you mean 'target_faces'?"),
        ("{}/range.toml", "target_faces is 1; it has to be in 4 … 5000000"),
        ("{}/toml.toml", "is not TOML"),
    ],
)
def test_a_wrong_recipe(tmp_path: Path, call: Call, recipe: str, words: str) -> None:
    for name, text in {
        "key": "[[stepps]]\nuse = 'clean'",
        "step": "[[steps]]\nuse = 'simplfy'",
        "option": "[[steps]]\nuse = 'simplify'\ntarget_face = 9",
        "range": "[[steps]]\nuse = 'simplify'\ntarget_faces = 1",
        "toml": "[[steps",
    }.items():
        (tmp_path / f"{name}.toml").write_text(text)
    code, out, err = call("run", manifest(tmp_path), "--recipe", recipe.format(tmp_path), "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert words in err
    assert_one_line(err)


@pytest.mark.parametrize(
    "options",
    [
        ("--engine", "k8s"),
        ("--limit", "0"),
        ("--limit", "x"),
        ("--max-invalid", "1.5"),
        ("--seed", "x"),
        ("--auto-fix", "9"),
    ],
)
def test_a_wrong_option(tmp_path: Path, call: Call, options: tuple[str, str]) -> None:
    code, out, err = call("run", manifest(tmp_path), *options)
    assert (code, out) == (2, "")
    assert f"argument {options[0]}" in err.splitlines()[-1]


def assert_one_line(err: str) -> None:
    assert err.startswith("meshmill: ")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    assert "Traceback" not in err


@pytest.mark.slow
def test_too_many_invalid_rows(finished: Path, call: Call) -> None:
    code, out, err = call(*run_arguments(finished, "--max-invalid", 0.2, out="stopped"))
    assert (code, out) == (3, "")
    assert err == "meshmill: stopped: 1 of the first 4 rows are invalid (--max-invalid 0.2)\n"


def test_the_summary_for_people(finished: Path, call: Call) -> None:
    code, out, err = call(*run_arguments(finished, out="people"))
    assert (code, err) == (0, "")
    first, *rest = out.splitlines()
    assert first.startswith("4 rows: 2 passed, 1 rejected, 1 invalid in ")
    assert [line.split()[0] for line in rest] == ["assets", "ledger", "report"]
    code, out, err = call(*run_arguments(finished, out="people"))
    assert (code, err) == (0, "")
    assert out.startswith("4 rows: nothing to do in ")
    assert "4 were in the ledger already" in out
    assert Path(out.split()[-1]).is_file()


def test_the_summary_for_programs(finished: Path, call: Call) -> None:
    code, out, err = call(*run_arguments(finished, "--json"))
    assert (code, err) == (0, "")
    summary = json.loads(out)
    assert (summary["rows"], summary["skipped"], summary["outcomes"]) == (4, 4, {})
    assert Path(summary["report"]).is_file()


def test_one_row_is_not_rows(finished: Path, call: Call) -> None:
    assert call(*run_arguments(finished, "--limit", 1))[1].startswith("1 row: nothing to do")


def test_a_finished_run_leaves_no_engine_to_the_next(finished: Path) -> None:
    assert prepared.get() is None


def test_limit(finished: Path, call: Call) -> None:
    code, out, _ = call(*run_arguments(finished, "--limit", 2, "--json", out="limited"))
    assert code == 0
    assert json.loads(out)["rows"] == 2
    assert set(rows_of(call("ledger", finished / "limited", "--json")[1])) == {"one", "two"}


@pytest.mark.slow
def test_auto_fix_makes_what_the_gate_refused(tmp_path: Path, call: Call) -> None:
    torn_ball().export(tmp_path / "ball.obj")
    (tmp_path / "strict.toml").write_text("[[steps]]\nuse = 'clean'\n[gate]\nprofile = 'print-fdm'\n")
    rows = manifest(tmp_path, "id,mesh,height_m\none,ball.obj,0.1\n")
    for rounds, outcome in ((0, "rejected"), (1, "passed")):
        out = tmp_path / f"out{rounds}"
        assert (
            call(
                *("run", rows, "--recipe", tmp_path / "strict.toml", "--engine", "inline"),
                *("--auto-fix", rounds, "--out", out),
            )[0]
            == 0
        )
        row = rows_of(call("ledger", out, "--json")[1])["one"]
        assert row["outcome"] == outcome
        assert ("gate.watertight: watertight" in row["meta"].get("auto_fix", "")) is bool(rounds)


def torn_ball() -> trimesh.Trimesh:
    """Without four small faces: a shell closed over a larger hole would have walls too thin to print."""
    ball = trimesh.creation.icosphere(4)
    return trimesh.Trimesh(ball.vertices, ball.faces[4:], process=False)


def test_the_same_seed_gives_the_same_bytes(finished: Path, call: Call) -> None:
    for seed, name in ((7, "seven"), (7, "seven-again"), (8, "eight")):
        assert call(*run_arguments(finished, "--seed", seed, "--limit", 4, out=name))[0] == 0
    ledgers = [rows_of(call("ledger", finished / name, "--json")[1]) for name in ("seven", "seven-again", "eight")]
    for one, other, another in [[ledger[id] for ledger in ledgers] for id in ("one", "four")]:
        assert one["seed"] == other["seed"]
        assert one["outputs"] == other["outputs"] != []
        assert (one["seed"] == another["seed"]) is (one["id"] == "four")  # a row's own seed wins
    assert ledgers[0]["one"]["outputs"][0]["sha256"] != ledgers[2]["one"]["outputs"][0]["sha256"]
    assert ledgers[0]["four"]["outputs"] == ledgers[2]["four"]["outputs"]


def test_a_default_output_folder(finished: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished)
    assert call("run", finished / "rows.csv", "--recipe", "noop", "--limit", 1, "--engine", "inline")[0] == 0
    assert (finished / "out" / "rows" / "report" / "index.html").is_file()


def test_status(finished: Path, call: Call) -> None:
    code, out, err = call("status", finished / "out")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"4 rows in {finished / 'out'}"
    assert [line.split() for line in out.splitlines()[1:]] == [
        ["1", "invalid"],
        ["2", "passed"],
        ["1", "rejected"],
        ["1", "prompt.unknown-noun"],
        ["1", "row.no-input"],
    ]
    counts = json.loads(call("status", finished / "out", "--json")[1])
    assert counts["rows"] == 4
    assert counts["outcomes"] == {"invalid": 1, "passed": 2, "rejected": 1}


def test_status_of_a_folder_where_nothing_ran(tmp_path: Path, call: Call) -> None:
    assert call("status", tmp_path / "none")[:2] == (0, f"0 rows in {tmp_path / 'none'}\n")
    assert not (tmp_path / "none").exists()


def test_ledger_as_json_lines(finished: Path, call: Call) -> None:
    code, out, _ = call("ledger", finished / "out", "--json")
    rows = rows_of(out)
    assert code == 0
    assert list(rows) == ["one", "two", "three", "four"]
    assert all(tuple(row) == NAMES for row in rows.values())
    assert rows["one"]["meta"]["shelf"] == "A1"
    assert rows["four"]["meta"]["shelf"] == "Ä4"
    assert rows["one"]["prompt_understood"]["subject"] == "chair"


def test_ledger_where(finished: Path, call: Call) -> None:
    code, out, _ = call("ledger", finished / "out", "--where", "outcome <> 'passed' AND id LIKE 't%'")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()] == [["rejected", "two"], ["invalid", "three"]]
    assert "prompt.unknown-noun" in out
    by_number = call("ledger", finished / "out", "--where", "metrics['triangles'] > 100", "--json")[1]
    assert set(rows_of(by_number)) == {"one", "four"}


@pytest.mark.parametrize("where", ["outcom = 'passed'", "outcome = 'passed", "1; DROP TABLE ledger", "nonsense("])
def test_a_wrong_condition(finished: Path, call: Call, where: str) -> None:
    code, out, err = call("ledger", finished / "out", "--where", where)
    assert (code, out) == (2, "")
    assert_one_line(err)


def test_every_row_is_one_line_of_the_short_listing(finished: Path, call: Call) -> None:
    assert len(call("ledger", finished / "out")[1].splitlines()) == 4


def test_report_is_written_again(finished: Path, call: Call) -> None:
    index = finished / "out" / "report" / "index.html"
    before = index.read_bytes()
    index.unlink()
    assert call("report", finished / "out") == (0, f"{index}\n", "")
    assert index.read_bytes() == before


def test_no_report_where_nothing_ran(tmp_path: Path, call: Call) -> None:
    code, out, err = call("report", tmp_path)
    assert (code, out) == (2, "")
    assert "no finished run" in err
    assert_one_line(err)


def test_what_nobody_foresaw_is_one_line_and_exit_1(
    finished: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> int:
        raise OSError(28, "No space\nleft")

    monkeypatch.setattr(status, "status", fail)
    code, out, err = call("status", finished / "out")
    assert (code, out) == (1, "")
    assert err == "meshmill: OSError: [Errno 28] No space left (MESHMILL_DEBUG=1 shows where)\n"
    monkeypatch.setenv("MESHMILL_DEBUG", "1")
    with pytest.raises(OSError, match="No space"):
        call("status", finished / "out")


def test_an_output_that_cannot_be_written(tmp_path: Path, call: Call) -> None:
    (tmp_path / "file").write_text("")
    code, out, err = call("run", manifest(tmp_path), "--recipe", "noop", "--out", tmp_path / "file" / "out")
    assert (code, out) == (1, "")
    assert_one_line(err)


def test_a_reader_that_stops_early_is_no_error(finished: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [MESHMILL, "ledger", str(finished / "out"), "--json"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_ctrl_c_stops_soon_and_the_same_command_goes_on(plugins: None, tmp_path: Path) -> None:
    from restart import Drill, differences

    drill = Drill(tmp_path, rows=60, pace=0.2)
    process = drill.start(tmp_path / "out")
    assert drill.wait_for(4, process)
    os.kill(process.pid, signal.SIGINT)
    started = time.monotonic()
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - started < 10
    assert (process.returncode, out) == (130, "")
    assert heard(err) == "meshmill: interrupted; the same command goes on from here\n"
    made = len(drill.made())
    assert 4 <= made < 120
    summary = drill.finish(tmp_path / "out")
    assert sum(summary["outcomes"].values()) == 60
    assert drill.again("generate") <= 16  # only what was in flight
    assert not differences(tmp_path / "out", tmp_path / "out", 60)

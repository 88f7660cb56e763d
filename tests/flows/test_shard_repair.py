"""`--repair` makes damaged shards and indexes again as they were, and leaves alone what it cannot."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from shard_rows import asset, packed, write

from flows import cli
from manifests.errors import ShardError
from manifests.ledger import Ledger
from manifests.store import Store


@pytest.fixture(params=["webdataset", "parquet"])
def out(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A run of 40 rows, published in two versions."""
    for numbers in (range(25), range(25, 40)):
        write(tmp_path / "out", numbers)
        packed(tmp_path / "out", tmp_path / "set", format=request.param)
    return tmp_path


def tree(folder: Path) -> dict[str, str]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def repaired(folder: Path, **more: Any) -> Any:
    form = json.loads((folder / "set/dataset.json").read_text())["format"]
    return packed(folder / "out", folder / "set", repair=True, format=form, **more)


def one_shard(folder: Path, split: str = "train") -> Path:
    return sorted((folder / "set" / split).glob("*"))[1 if split == "train" else 0]


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def index_of(folder: Path, shard: Path) -> Path:
    return folder / "set/index" / f"{shard.parent.name}-{shard.stem}.parquet"


DAMAGE: dict[str, Callable[[Path], Any]] = {
    "flipped": flipped,
    "gone": Path.unlink,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "empty": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_shard_has_its_bytes_again_and_no_other_is_written(
    out: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree(out / "set")
    shard = one_shard(out)
    others = {path: path.stat().st_mtime_ns for path in (out / "set").rglob("*.*") if path.is_file() and path != shard}
    DAMAGE[damage](shard)
    assert tree(out / "set") != before
    form = json.loads((out / "set/dataset.json").read_text())["format"]
    with pytest.raises(ShardError, match="--repair makes it again"):
        packed(out / "out", out / "set", check=True, format=form)
    options = ["shard", str(out / "out"), "--to", str(out / "set"), "--split", "0.8/0.1/0.1", "--format", form]
    assert cli.main([*options, "--repair"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"train/{shard.name}  made again, 10 samples")
    assert tree(out / "set") == before
    assert {path: path.stat().st_mtime_ns for path in others} == others


# Not "flipped": an index has no digest, so what can still be read of it counts as whole.
@pytest.mark.parametrize("damage", ["gone", "cut", "empty"])
def test_an_index_comes_back_from_its_shard_and_both_from_what_no_other_has(out: Path, damage: str) -> None:
    before = tree(out / "set")
    for split in ("train", "test"):
        shard = one_shard(out, split)
        DAMAGE[damage](index_of(out, shard))
        repaired(out)
        assert tree(out / "set") == before
        DAMAGE[damage](index_of(out, shard))
        DAMAGE[damage](shard)
        repaired(out)
        assert tree(out / "set") == before


def test_several_at_once_and_new_rows_afterwards(out: Path) -> None:
    before = tree(out / "set")
    write(out / "out", range(40, 50))
    for shard in (out / "set/train").glob("*"):
        flipped(shard)
    (out / "set" / "test" / one_shard(out, "test").name).unlink()
    assert repaired(out).samples == 10
    after = tree(out / "set")
    assert {name: after[name] for name in before} == before


def test_a_shard_lost_with_its_index_is_not_guessed_among_new_rows(out: Path) -> None:
    write(out / "out", range(40, 50))
    shard = one_shard(out)
    index_of(out, shard).unlink()
    shard.unlink()
    before = tree(out / "set")
    with pytest.raises(ShardError, match=r"both lost: 1[0-9] rows of .* are in no other shard, and 10 were in it"):
        repaired(out)
    assert tree(out / "set") == before


@pytest.mark.parametrize("cause", ["anew", "missing", "differs", "another run"])
def test_what_the_run_no_longer_has_is_named_and_left_alone(out: Path, cause: str) -> None:
    shard = one_shard(out)
    form = json.loads((out / "set/dataset.json").read_text())["format"]
    id = pq.read_table(index_of(out, shard)).column("id")[0].as_py()
    store = Store(str(out / "out"))
    (row,) = Ledger(store).rows(f"id = '{id}'")
    flipped(shard)
    before = tree(out / "set")
    words = f"{id}: output.{cause}"
    if cause == "anew":
        Ledger(store).write_chunk("anew", [asset(store, row["row"], remade="!")])
        words = f"{id}: made anew"
    elif cause == "another run":
        write(out / "other", range(100, 120))
        with pytest.raises(ShardError, match="not in the run and 7 more"):
            packed(out / "other", out / "set", repair=True, format=form)
    for output in row["outputs"][1:] if cause in ("missing", "differs") else ():
        path = out / "out" / output["uri"]
        path.unlink() if cause == "missing" else path.write_bytes(b"x")
    if cause != "another run":
        with pytest.raises(ShardError, match=words):
            repaired(out)
    assert tree(out / "set") == before
    assert not list((out / "set/.tmp").iterdir())


def test_shards_of_a_bucket(tmp_path: Path, bucket: str) -> None:
    write(tmp_path / "out", range(12))
    packed(tmp_path / "out", f"{bucket}/set")
    store = Store(f"{bucket}/set")
    data = store.read("train/shard-000000.tar")
    store.put("train/shard-000000.tar", data[:-1] + b"!")
    packed(tmp_path / "out", f"{bucket}/set", repair=True)
    assert store.read("train/shard-000000.tar") == data

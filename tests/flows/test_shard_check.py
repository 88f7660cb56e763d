"""`--check` reads what is published again: bytes, indexes and versions that are not as published are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from shard_rows import packed, write

from flows import cli
from flows.shard import ShardConfig, shard
from manifests.errors import ShardError
from manifests.shard_check import check_shards
from manifests.store import Store


@pytest.fixture(params=["webdataset", "parquet"])
def out(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A run of 30 rows, published in two versions."""
    for numbers in (range(20), range(20, 30)):
        write(tmp_path / "out", numbers)
        packed(tmp_path / "out", tmp_path / "set", format=request.param)
    return tmp_path


def refused(folder: Path, words: str) -> None:
    form = json.loads((folder / "set/dataset.json").read_text())["format"]
    with pytest.raises(ShardError, match=words):
        packed(folder / "out", folder / "set", check=True, format=form)


def test_what_is_as_published_is_told_and_packing_goes_on(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    form = json.loads((out / "set/dataset.json").read_text())["format"]
    told: list[str] = []
    write(out / "out", [30])
    config = ShardConfig(str(out / "out"), str(out / "set"), form, samples=10, split=(0.8, 0.1, 0.1), check=True)
    before = len(list(check_shards(Store(str(out / "set")))))
    assert shard(config, told.append).samples == 1
    assert sum("as published" in line for line in told) == before > 2
    options = ["shard", str(out / "out"), "--to", str(out / "set"), "--split", "0.8/0.1/0.1", "--format", form]
    assert cli.main([*options, "--check"]) == 0
    assert capsys.readouterr().err.count("as published") == before + 1


def test_one_bit_of_a_shard_is_found_whose_length_is_right(out: Path) -> None:
    path = sorted((out / "set/train").glob("*"))[-1]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    form = json.loads((out / "set/dataset.json").read_text())["format"]
    packed(out / "out", out / "set", format=form)  # which looks at lengths alone
    refused(out, "has the digest")
    path.unlink()
    refused(out, "is gone")


def test_an_index_of_another_shard_or_none_is_found(out: Path) -> None:
    one, other = sorted((out / "set/index").glob("train-*"))[:2]
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    refused(out, "is not the index of train/shard-000000")
    one.write_bytes(data[:100])
    refused(out, "cannot be read")


def test_a_version_that_lists_other_shards_is_found(out: Path) -> None:
    path = out / "set/versions/1.json"
    version: dict[str, Any] = json.loads(path.read_text())
    version["shards"][0]["samples"] += 1
    path.write_text(json.dumps(version))
    refused(out, "a version lists another")
    version["shards"][0]["path"] = "train/shard-000099.tar"
    path.write_text(json.dumps(version))
    refused(out, "which has no marker")


def test_a_bucket_is_checked_too(tmp_path: Path, bucket: str) -> None:
    write(tmp_path / "out", range(12))
    packed(tmp_path / "out", f"{bucket}/set")
    assert len(list(check_shards(Store(f"{bucket}/set")))) >= 2

"""Shards: the same bytes whatever happens, nothing published is changed, and other people's readers read them."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shard_rows import asset, packed, write

from flows import cli
from flows.shard import ShardConfig, shard
from manifests.errors import ShardError, SpaceError, UsageError
from manifests.ledger import Ledger
from manifests.ledger_row import LedgerRow
from manifests.samples import SPLITS, read_shares, sample_name, split_of
from manifests.shard_files import tar_header
from manifests.spool import Spool
from manifests.store import Store

LEFT_OUT = {"licence.not-allowed": 1, "licence.unknown": 1, "output.none": 1}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    write(tmp_path / "out", range(60))
    return tmp_path / "out"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def ids(folder: Path) -> list[str]:
    return [json.loads(data)["id"] for _, data in members(folder, ".json")]


def members(folder: Path, suffix: str) -> list[tuple[str, bytes]]:
    found = []
    for path in sorted(folder.rglob("*.tar")):
        with tarfile.open(path) as tar:
            for info in tar:
                stream = tar.extractfile(info)
                assert stream is not None
                if info.name.endswith(suffix):
                    found.append((info.name, stream.read()))
    return found


def test_every_passed_row_is_in_one_shard_with_its_files_and_licence(out: Path, tmp_path: Path) -> None:
    summary = packed(out, tmp_path / "set")
    assert (summary.samples, summary.total, summary.version, summary.left_out) == (60, 60, "1", {})
    assert sorted(ids(tmp_path / "set")) == sorted(f"a.{number}/x" for number in range(60))
    names = [name for name, _ in members(tmp_path / "set", "")]
    assert {name.partition(".")[2] for name in names} == {"json", "vecset.npz", "caption.txt"}
    name, data = next(each for each in members(tmp_path / "set", ".json") if b"a.7/x" in each[1])
    assert name == "a%2E7%2Fx.json"
    said = {"id": "a.7/x", "licence": "CC0", "metrics": {"faces": 7.0}, "meta": {"title": "Thing 7"}}
    assert {key: value for key, value in json.loads(data).items() if key != "split"} == said


def test_index_finds_each_sample_in_its_shard(out: Path, tmp_path: Path) -> None:
    packed(out, tmp_path / "set")
    index = ds.dataset(tmp_path / "set/index").to_table().to_pylist(maps_as_pydicts="strict")
    assert len(index) == 60
    for entry in index:
        data = (tmp_path / "set" / entry["shard"]).read_bytes()[entry["offset"] :][: entry["bytes"]]
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            assert tar.getnames() == [f"{entry['sample']}.{each}" for each in ("caption.txt", "json", "vecset.npz")]
        assert entry["split"] == split_of(entry["id"], (0.8, 0.1, 0.1)) == entry["shard"].partition("/")[0]


@pytest.mark.parametrize("size", [0, 5, 8**11 - 1, 8**11])
@pytest.mark.parametrize("name", ["a.npz", "x" * 100, "x" * 101, "ü" * 50, "ü" * 51])
def test_headers_are_those_of_tarfile(name: str, size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size = size
    assert tar_header(name, size) == info.tobuf(tarfile.GNU_FORMAT)


def test_same_rows_same_bytes_in_any_manifest_order(tmp_path: Path) -> None:
    write(tmp_path / "a", range(40))
    for numbers in (range(20, 40), range(20)):
        write(tmp_path / "b", numbers)
    packed(tmp_path / "a", tmp_path / "set-a")
    packed(tmp_path / "b", tmp_path / "set-b")
    assert tree(tmp_path / "set-a") == tree(tmp_path / "set-b")


class KilledError(BaseException):
    pass


@pytest.mark.parametrize("stop", [2, 3, 4, 5, 10, 18, 19, 21])
def test_killed_before_any_write_and_begun_again_ends_in_the_same_bytes(
    stop: int, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def dying(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Store, *arguments: Any, **more: Any) -> Any:
            nonlocal calls
            calls += self.uri.endswith("set")
            if calls == stop:
                raise KilledError
            return method(self, *arguments, **more)

        return call

    packed(out, tmp_path / "whole" / "set")
    with monkeypatch.context() as patch:
        for name in ("put", "put_file", "put_if_absent"):
            patch.setattr(Store, name, dying(getattr(Store, name)))
        with pytest.raises(KilledError):
            packed(out, tmp_path / "set")
    packed(out, tmp_path / "set")
    assert tree(tmp_path / "set") == tree(tmp_path / "whole" / "set")


def test_appended_rows_come_in_new_shards_and_nothing_published_changes(out: Path, tmp_path: Path) -> None:
    packed(out, tmp_path / "set")
    before = tree(tmp_path / "set")
    assert packed(out, tmp_path / "set").to_dict() == {**packed(out, tmp_path / "set").to_dict(), "shards": 0}
    assert tree(tmp_path / "set") == before

    write(out, range(60, 90))
    summary = packed(out, tmp_path / "set", version="more")
    assert (summary.version, summary.samples, summary.total) == ("more", 30, 90)
    after = tree(tmp_path / "set")
    assert {name: after[name] for name in before} == before
    assert len(set(ids(tmp_path / "set"))) == len(ids(tmp_path / "set")) == 90
    versions = [json.loads(after[f"versions/{name}.json"]) for name in ("1", "more")]
    assert versions[1]["after"] == "1"
    assert versions[1]["new_samples"] == 30
    assert {each["path"] for each in versions[0]["shards"]} < {each["path"] for each in versions[1]["shards"]}
    for each in versions[1]["shards"]:
        assert hashlib.sha256(after[each["path"]]).hexdigest() == each["sha256"]
        assert len(after[each["path"]]) == each["bytes"]


def test_a_row_made_anew_stays_as_published_and_is_counted(out: Path, tmp_path: Path) -> None:
    packed(out, tmp_path / "set")
    before = tree(tmp_path / "set")
    write(out, [3], remade="!")
    assert packed(out, tmp_path / "set").left_out == {"shard.changed": 1}
    assert tree(tmp_path / "set") == before


def test_a_row_that_failed_and_passes_when_it_is_tried_again_comes_in_a_new_shard(out: Path, tmp_path: Path) -> None:
    write(out, [70], outcome="failed")
    assert packed(out, tmp_path / "set").total == 60
    before = tree(tmp_path / "set")
    write(out, [70])
    again = packed(out, tmp_path / "set")
    assert (again.version, again.shards, again.samples, again.total) == ("2", 1, 1, 61)
    after = tree(tmp_path / "set")
    assert {name: after[name] for name in before} == before


def test_what_may_not_or_cannot_go_is_counted_by_reason(out: Path, tmp_path: Path) -> None:
    store = write(out, [100], licence="CC-BY-NC")
    write(out, [101], licence="")
    write(out, [102], outcome="rejected")
    row = asset(store, 103)
    Ledger(store).write_chunk(
        "masters", [LedgerRow.from_dict({**row.to_dict(), "outputs": row.to_dict()["outputs"][:1]})]
    )
    assert packed(out, tmp_path / "set", licences=("cc0",)).left_out == LEFT_OUT
    asked = packed(out, tmp_path / "views", formats=("glb", "vecset"), licences=("cc0",))
    assert asked.left_out == {**{name: 1 for name in LEFT_OUT if name[0] == "l"}, "output.format": 1}
    assert {name.partition(".")[2] for name, _ in members(tmp_path / "views", "")} == {"json", "glb", "vecset.npz"}


def test_the_rows_own_recipe_says_which_licences_may_go(out: Path, tmp_path: Path) -> None:
    store = Store(str(out))
    store.put("recipes/abc.json", json.dumps({"text": "[licences]\nallow = ['MIT']"}).encode())
    rows = [asset(store, number, licence) for number, licence in ((1, "CC0"), (2, "mit"))]
    made = [LedgerRow.from_dict({**r.to_dict(), "meta": {**r.meta, "made_from": {"recipe": "abc"}}}) for r in rows]
    Ledger(store).write_chunk("again", made)
    summary = packed(out, tmp_path / "set")
    assert (summary.samples, summary.left_out) == (59, {"licence.not-allowed": 1})


@pytest.mark.parametrize("damage", ["missing", "differs"])
def test_a_damaged_file_costs_its_sample_and_comes_once_it_is_mended(damage: str, out: Path, tmp_path: Path) -> None:
    path = next((out / "assets").rglob("*7%2Fx.vecset.npz"))
    good = path.read_bytes()
    path.unlink() if damage == "missing" else path.write_bytes(good[:-1] + b"!")
    summary = packed(out, tmp_path / "set")
    assert (summary.samples, summary.left_out) == (59, {f"output.{damage}": 1})
    path.write_bytes(good)
    assert packed(out, tmp_path / "set").samples == 1


def test_limits_hold_and_where_chooses(out: Path, tmp_path: Path) -> None:
    packed(out, tmp_path / "set", samples=None, bytes=1500, where="metrics['faces'] < 30")
    stats = [json.loads(path.read_text()) for path in (tmp_path / "set/stats").rglob("*.json")]
    assert sum(each["samples"] for each in stats) == 30
    assert len(stats) >= 5
    assert max(each["metrics"]["faces"][2] for each in stats) == 29
    for path in (tmp_path / "set").rglob("*.tar"):
        with tarfile.open(path) as tar:
            assert sum(info.size for info in tar if not info.name.endswith(".json")) <= 1500


def test_parquet_shards_hold_the_same(out: Path, tmp_path: Path) -> None:
    packed(out, tmp_path / "set", format="parquet")
    packed(out, tmp_path / "tars")
    rows = [row for path in sorted((tmp_path / "set").glob("*/*.parquet")) if path.parent.name in SPLITS
            for row in pq.read_table(path).to_pylist()]  # fmt: skip
    files = {f"{row['sample']}.{file['name']}": file["data"] for row in rows for file in row["files"]}
    files |= {f"{row['sample']}.json": row["json"].encode() for row in rows}
    assert files == dict(members(tmp_path / "tars", ""))


def test_refusals(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed(out, tmp_path / "set")
    with pytest.raises(ShardError, match="with format webdataset, not parquet"):
        packed(out, tmp_path / "set", format="parquet")
    write(out, [200])
    with pytest.raises(ShardError, match="has a version 1, which"):
        packed(out, tmp_path / "set", version="1")
    with monkeypatch.context() as patch:
        write(out, [201])
        patch.setattr("manifests.space.KEEP_FREE", shutil.disk_usage(tmp_path).total)
        with pytest.raises(SpaceError, match="MB are left"):
            packed(out, tmp_path / "set")
    next((tmp_path / "set/train").glob("*.tar")).write_bytes(b"")
    with pytest.raises(ShardError, match="not the file that was published"):
        packed(out, tmp_path / "set")
    for wrong in ("0.5/0.5", "1/1/-1", "a/b/c", "0.5/0.1/0.1"):
        with pytest.raises(UsageError, match="--split"):
            read_shares(wrong)


@pytest.mark.slow
def test_shards_of_a_bucket(out: Path, tmp_path: Path, bucket: str) -> None:
    packed(out, tmp_path / "set")
    summary = shard(ShardConfig(str(out), f"{bucket}/set", samples=10, split=(0.8, 0.1, 0.1)))
    assert summary.samples == 60
    remote = Store(f"{bucket}/set")
    assert {path: remote.read(path) for path in remote.list()} == tree(tmp_path / "set")


def test_the_command(out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["shard", str(out), "--to", str(tmp_path / "set"), "--size", "20", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["samples"] == said["total"] == 60
    assert cli.main(["shard", str(out), "--to", str(tmp_path / "set"), "--format", "parquet"]) == 2
    assert "take another folder" in capsys.readouterr().err


@given(st.lists(st.text(min_size=1, max_size=200), unique=True, max_size=20))
def test_names_differ_as_ids_do(some: list[str]) -> None:
    names = [sample_name(id) for id in some if id.isprintable()]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 80 and "." not in name and "/" not in name for name in names)


@given(st.lists(st.binary(min_size=4, max_size=8), max_size=50), st.sampled_from([1, 20_000, 40_000, 10**9]))
def test_spool_sorts(tmp_path_factory: pytest.TempPathFactory, some: list[bytes], expected: int) -> None:
    spool = Spool(str(tmp_path_factory.mktemp("spool")), expected)
    lines = [each.hex().encode() + b"\n" for each in some]
    for line in lines:
        spool.add(line)
    assert list(spool.sorted_lines()) == sorted(lines)
    spool.close()


def test_splits_have_their_shares() -> None:
    counts = [[split_of(str(i), (0.9, 0.05, 0.05)) for i in range(4000)].count(name) for name in SPLITS]
    assert counts[0] == pytest.approx(3600, abs=80)
    assert counts[1] == pytest.approx(200, abs=60)
    assert {split_of(str(i), (1, 0, 0)) for i in range(100)} == {"train"}

"""Shards are read by `webdataset`, Hugging Face `datasets` and the trainer's own reader, each sample once."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from shard_rows import packed, write

torch = pytest.importorskip("torch")

from manifests import shard_files  # noqa: E402
from ml.asset import InputError  # noqa: E402
from ml.shards import ShardDataset, read_catalogue  # noqa: E402

pytestmark = pytest.mark.slow

COUNT = 60


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 samples as tars in `set` and as Parquet in `parquet`."""
    folder = tmp_path_factory.mktemp("shards")
    write(folder / "out", range(COUNT))
    packed(folder / "out", folder / "set")
    packed(folder / "out", folder / "parquet", format="parquet")
    return folder


def train(data: Path) -> list[str]:
    return [str(path) for path in sorted((data / "set/train").glob("*.tar"))]


def faces(samples: Any) -> list[int]:
    return [int(sample["json"]["metrics"]["faces"]) for sample in samples]


def expected(data: Path) -> list[int]:
    """In published order."""
    return faces(ShardDataset(str(data / "set"), window=0))


def test_webdataset_reads_them(data: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own
        webdataset = pytest.importorskip("webdataset")
        reader = webdataset.WebDataset(train(data), shardshuffle=False, empty_check=False).decode()
        found = list(reader)
    assert faces(found) == expected(data)
    assert [int(sample["vecset.npz"]["points"][0, 0]) for sample in found] == expected(data)


def test_datasets_reads_both_forms(data: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    load: Any = datasets.load_dataset
    rows = load("webdataset", data_files={"train": train(data)}, cache_dir=str(tmp_path), split="train")
    assert faces(rows) == expected(data)
    parquet = {"train": [str(path) for path in sorted((data / "parquet/train").glob("*.parquet"))]}
    rows = load("parquet", data_files=parquet, cache_dir=str(tmp_path), split="train")
    assert [int(json.loads(row["json"])["metrics"]["faces"]) for row in rows] == expected(data)


def batches(dataset: ShardDataset, workers: int) -> Iterator[list[int]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are more workers than cores here
        how = {"num_workers": workers, "multiprocessing_context": "fork"} if workers else {}
        loader: Any = torch.utils.data.DataLoader(dataset, batch_size=dataset.batch, collate_fn=faces, **how)
        yield from loader


def flat(lists: list[list[int]]) -> list[int]:
    return list(chain.from_iterable(lists))


def test_order_is_the_same_for_any_number_of_workers_and_new_each_epoch(data: Path) -> None:
    dataset = ShardDataset(str(data / "set"), batch=4, window=16)
    first = list(batches(dataset, 0))
    assert dataset.epoch == 1
    second = list(batches(dataset, 0))
    dataset.set_epoch(0)
    assert list(batches(dataset, 3)) == first != second
    for each in (first, second):
        assert sorted(flat(each)) == sorted(expected(data)) != flat(each)


@pytest.mark.parametrize("taken", [0, 1, 7, 46])
def test_resume_goes_on_with_the_next_sample(data: Path, taken: int) -> None:
    whole = faces(ShardDataset(str(data / "set"), window=16))
    dataset = ShardDataset(str(data / "set"), window=16)
    samples = iter(dataset)
    assert faces(next(samples) for _ in range(taken)) == whole[:taken]
    state = json.loads(json.dumps(dataset.state_dict()))
    other = ShardDataset(str(data / "set"), window=16)
    other.load_state_dict(state)
    assert faces(other) == whole[taken:]


def test_a_loader_with_workers_resumes_with_another_number_of_them(data: Path) -> None:
    dataset = ShardDataset(str(data / "set"), batch=4, window=16)
    whole = list(batches(dataset, 2))
    dataset.load_state_dict(dataset.state_after(3 * 4))
    assert list(batches(dataset, 3)) == whole[3:]


def test_ranks_share_every_sample(data: Path) -> None:
    parts = [ShardDataset(str(data / "set"), window=16, rank=rank, ranks=3) for rank in range(3)]
    lists = [faces(part) for part in parts]
    assert [len(part) for part in parts] == [len(each) for each in lists]
    assert sorted(flat(lists)) == sorted(expected(data))
    assert max(map(len, lists)) - min(map(len, lists)) <= 1


def test_a_bucket_is_read_as_a_folder_is(data: Path, tmp_path: Path, bucket: str) -> None:
    packed(data / "out", f"{bucket}/set")
    assert faces(ShardDataset(f"{bucket}/set", window=0)) == expected(data)


@pytest.mark.parametrize("group", [1, 400, 1 << 20])
def test_parquet_shards_give_the_trainer_the_same_samples_in_the_same_order(
    group: int, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_files, "ROW_GROUP", group)
    packed(data / "out", tmp_path / "set", format="parquet")
    tars, rows = (ShardDataset(str(folder / "set"), batch=4, window=16) for folder in (data, tmp_path))
    for one, other in zip(tars, rows, strict=True):
        assert {name: repr(value) for name, value in one.items()} == {name: repr(other[name]) for name in one}
        assert one.keys() == other.keys()
    rows.set_epoch(0)
    tars.set_epoch(0)
    assert list(batches(rows, 2)) == list(batches(tars, 3))
    assert {frozenset(each) for each in ShardDataset(str(tmp_path / "set"), "test", members=["json"])} == {
        frozenset(["__key__", "json"])
    }


def test_members_versions_and_faults(data: Path, tmp_path: Path) -> None:
    sample = next(iter(ShardDataset(str(data / "set"), members=["vecset.npz"])))
    assert set(sample) == {"__key__", "vecset.npz"}
    with pytest.raises(InputError, match="no version '9'; there are: 1"):
        read_catalogue(str(data / "set"), version="9")
    with pytest.raises(InputError, match="has no version"):
        read_catalogue(str(tmp_path))
    with pytest.raises(ValueError, match="rank 2 of 2"):
        ShardDataset(str(data / "set"), rank=2, ranks=2)
    assert list(ShardDataset(str(data / "set"), "nothing")) == []


@pytest.mark.parametrize("damage", ["cut", "overwritten"])
@pytest.mark.parametrize("form", ["webdataset", "parquet"])
def test_a_damaged_shard_is_a_coded_error(data: Path, tmp_path: Path, damage: str, form: str) -> None:
    packed(data / "out", tmp_path / "set", format=form)
    path = sorted((tmp_path / "set/train").glob("*"))[0]
    content = path.read_bytes()
    path.write_bytes(content[:700] if damage == "cut" else bytes(len(content)))
    with pytest.raises(InputError) as caught:
        list(ShardDataset(str(tmp_path / "set"), window=0))
    assert caught.value.code == "shard.damaged"

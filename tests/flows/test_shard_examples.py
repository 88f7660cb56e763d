"""Examples of the shape model go through a run's shards to the trainer, from any place on, alone or among others."""

from __future__ import annotations

import hashlib
from itertools import islice
from pathlib import Path

import pytest
import trimesh
from shard_rows import packed, write

pytest.importorskip("torch")

from manifests.ledger import Ledger
from manifests.ledger_row import LedgerRow, Output
from manifests.row import asset_folder
from manifests.store import Store
from ml.asset import Asset, InputError, make_part
from ml.shapes.shard_examples import mixed, shard_examples
from tasks.export_shape import ShapeOptions, export_shape

COUNT = 6


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Six samples, each with the example of another seed."""
    folder = tmp_path_factory.mktemp("shapes")
    store, rows = Store(str(folder / "out")), []
    mesh = trimesh.creation.box()
    for number in range(COUNT):
        id = f"box.{number}"
        (file,) = export_shape(
            Asset((make_part(mesh.vertices, mesh.faces),)), asset_folder(id), ShapeOptions(seed=number)
        )
        uri = f"assets/{asset_folder(id)}/{file.name}"
        store.put(uri, file.data)
        output = Output(file.format, 0, uri, len(file.data), hashlib.sha256(file.data).hexdigest())
        rows.append(LedgerRow(id, f"{number:032x}", number, "passed", outputs=(output,), meta={"license": "CC0"}))
    Ledger(store).write_chunk("chunk-000000", rows)
    packed(folder / "out", folder / "set", split=(1.0, 0.0, 0.0), samples=4)
    return str(folder / "set")


def seeds(url: str, count: int, **more: int) -> list[int]:
    return [each.seed >> 32 for each in islice(shard_examples(url, **more), count)]  # type: ignore[arg-type]


def test_each_epoch_has_every_example_once_and_any_place_is_a_start(shards: str) -> None:
    whole = seeds(shards, 3 * COUNT)
    epochs = [whole[start : start + COUNT] for start in range(0, 3 * COUNT, COUNT)]
    assert all(sorted(epoch) == list(range(COUNT)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1
    for start in (1, COUNT, 2 * COUNT - 1):
        assert seeds(shards, COUNT, start=start) == whole[start : start + COUNT]


def test_streams_are_mixed_by_their_shares_and_end_with_one(shards: str) -> None:
    first, second = (shard_examples(shards, seed=seed) for seed in (1, 2))
    assert len(list(islice(mixed((first, iter([])), (1.0, 0.0)), COUNT))) == COUNT
    assert len(list(islice(mixed((second, iter([])), (0.5, 0.5)), 50))) < 50


def test_shards_without_examples_and_empty_splits_are_named(shards: str, tmp_path: Path) -> None:
    write(tmp_path / "out", range(3))
    packed(tmp_path / "out", tmp_path / "set", split=(1.0, 0.0, 0.0))
    with pytest.raises(InputError) as caught:
        next(shard_examples(str(tmp_path / "set")))
    assert caught.value.code == "example.damaged"
    with pytest.raises(ValueError, match="no samples"):
        next(shard_examples(shards, split="test"))

"""Ten million rows in all that grows with rows: what a driver, a restart, a packing call and a reader hold and take.

The rows are not run (that is bench/curation_million.py): markers, shards' indexes and versions are written as a run
and its packing write them, and the code of a run reads them back, each part in a process of its own.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from figures import Figure, main

from manifests.first_rows import FirstRows
from manifests.ledger import Ledger, Marker
from manifests.shard_folder import INDEX_SCHEMA, Published, Stats, add_version, index_bytes, index_path, stats_path
from manifests.store import Store
from ml.shards import read_catalogue

ROWS = int(os.environ.get("ROWS", "10000000"))
A_CHUNK, A_SHARD, MEASURES = 250, 1000, 8
CHUNKS, SHARDS = ROWS // A_CHUNK, ROWS // A_SHARD
ASKED = 20_000
PAGE = os.sysconf("SC_PAGE_SIZE")


def accounted(work: Callable[[Store], int], store: Store) -> tuple[float, float, float, int]:
    """CPU-seconds, MB at the peak and MB afterwards above where it began, and the answer of work in its own process."""
    context = multiprocessing.get_context("fork")
    answers, sender = context.Pipe(duplex=False)

    def child() -> None:
        before, began = resident(), time.process_time()
        answer = work(store)
        cpu, after = time.process_time() - began, resident()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        sender.send((cpu, (peak - before) / 1e6, (after - before) / 1e6, answer))

    process = context.Process(target=child)
    process.start()
    found: tuple[float, float, float, int] = answers.recv()
    process.join()
    return found


def resident() -> int:
    """Bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


KEPT: list[object] = []  # what a part measures, so that it is still there when memory is looked at


def keep_ids(_: Store) -> int:
    """What the reader of a manifest holds of its ids, and admission of its files' digests."""
    first = FirstRows()
    KEPT.append(first)
    return sum(first.of(f"{row:032x}", row) == row for row in range(1, ROWS + 1))


def write_markers(store: Store) -> int:
    """A ledger's markers with the parts' names."""
    random = np.random.default_rng(0)
    for number in range(CHUNKS):
        keys, ids = random.bytes(16 * A_CHUNK), random.integers(0, 2**64 - 1, A_CHUNK, np.uint64)
        name = f"{number:020x}"
        marker = Marker(name, number + 1, A_CHUNK, number * A_CHUNK + 1, {"passed": A_CHUNK}, "0" * 64, keys, ids)
        store.put(f"ledger/{name}.parquet", b"")
        store.put(f"ledger/_done/{name}.json", marker.to_json())
    return CHUNKS


def restart(store: Store) -> int:
    """The index of finished rows, as a run reads it before its first chunk."""
    ledger = Ledger(store)
    index = ledger.index()
    KEPT.append((ledger, index))
    assert not any(f"{number:032x}" in index for number in range(ASKED))
    return len(index)


def write_shards(store: Store) -> int:
    """Indexes and markers of shards; of the shards themselves one byte each."""
    values = np.random.default_rng(1).random((A_SHARD, MEASURES))
    names = [f"measure_{place}" for place in range(MEASURES)]
    spans = {name: [0.0, 0.5, 1.0] for name in names}
    alike = {"id": "", "key": "", "sample": "", "shard": "", "licence": "CC-BY-4.0", "split": "train", "bytes": 160_000}
    measured = [dict(zip(names, row, strict=True)) for row in values.tolist()]
    first = [{**alike, "offset": 160_000 * row, "metrics": each} for row, each in enumerate(measured)]
    table = pq.read_table(io.BytesIO(index_bytes(first)))  # made once by the packer's own function, then renamed
    for number in range(SHARDS):
        shard = f"train/shard-{number:06d}.tar"
        ids = [f"{number * A_SHARD + row:032x}" for row in range(A_SHARD)]
        columns = {"id": ids, "key": [id[::-1] for id in ids], "sample": ids, "shard": [shard] * A_SHARD}
        for name, column in columns.items():
            table = table.set_column(INDEX_SCHEMA.get_field_index(name), INDEX_SCHEMA.field(name), pa.array(column))
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        store.put(shard, b"x")
        store.put(index_path(shard), buffer.getvalue())
        stats = Stats(shard, "train", A_SHARD, 1, "0" * 64, {"CC-BY-4.0": A_SHARD}, spans, {"vecset.npz": A_SHARD})
        store.put(stats_path(shard), stats.to_json())
    return SHARDS


def published(store: Store) -> int:
    """What a packing call holds of the samples that stand in shards."""
    done = Published(store)
    KEPT.append(done)
    assert done.state(f"{ROWS - 1:032x}", f"{ROWS - 1:032x}"[::-1]) == "same"
    assert all(done.state(f"x{number}", "0" * 32) == "new" for number in range(ASKED))
    return len(done)


def version(store: Store) -> int:
    """A version that lists all shards: its bytes."""
    add_version(store, "", {"left_out": {}})
    return store.size("versions/1.json") or 0


def catalogue(store: Store) -> int:
    """What a reader of the shards holds."""
    found = read_catalogue(store.uri)
    KEPT.append(found)
    return len(found)


def size(folder: Path) -> int:
    """Bytes below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def measure() -> Iterator[Figure]:
    """Part after part."""
    out = Path(tempfile.mkdtemp(dir="/dev/shm"))
    store = Store(str(out))
    try:
        yield Figure("rows", ROWS, "")
        cpu, _, after, rows = accounted(keep_ids, store)
        assert rows == ROWS
        yield Figure("a reader's ids, or admission's digests: memory", after, "MB")
        yield Figure("a reader's ids, or admission's digests: CPU a row", cpu / ROWS * 1e6, "µs")
        cpu, *_ = accounted(write_markers, store)
        yield Figure("markers", CHUNKS, "files")
        yield Figure("markers: size", size(out / "ledger") / 1e9, "GB")
        cpu, peak, after, rows = accounted(restart, store)
        assert rows == ROWS
        yield Figure("restart: CPU before the first chunk", cpu, "CPU-s")
        yield Figure("restart: memory at its peak", peak, "MB")
        yield Figure("restart: memory that the run keeps", after, "MB")
        shutil.rmtree(out / "ledger")
        accounted(write_shards, store)
        yield Figure("indexes of shards", SHARDS, "files")
        yield Figure("indexes of shards: size", size(out / "index") / 1e9, "GB")
        yield Figure("markers of shards: size", size(out / "stats") / 1e6, "MB")
        cpu, peak, after, rows = accounted(published, store)
        assert rows == ROWS
        yield Figure("packing: CPU before the first sample", cpu, "CPU-s")
        yield Figure("packing: memory at its peak", peak, "MB")
        yield Figure("packing: memory that the call keeps", after, "MB")
        cpu, peak, _, bytes_ = accounted(version, store)
        yield Figure("a version: CPU", cpu, "CPU-s")
        yield Figure("a version: size", bytes_ / 1e6, "MB")
        yield Figure("a version: memory at its peak", peak, "MB")
        cpu, peak, after, rows = accounted(catalogue, store)
        assert rows == ROWS
        yield Figure("a training's reader: CPU before the first sample", cpu, "CPU-s")
        yield Figure("a training's reader: memory", after, "MB")
    finally:
        shutil.rmtree(out)


if __name__ == "__main__":
    main(measure, __doc__ or "")

"""100,000 passed no-op rows packed into shards: memory of the driver, CPU a row, index bytes a row, and a delta.

ROWS=10000000 MEASURES=8 FORMAT=parquet is a long run that a disk has room for: 17 GB instead of 60.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from accounting import Account, run_accounted
from figures import Figure, main

from manifests.ledger import Ledger
from manifests.ledger_row import LedgerRow, Output
from manifests.store import Store

ROWS = int(os.environ.get("ROWS", "100000"))
A_CHUNK = 256
PRODUCT = bytes(1024)  # of every row, one file: what is measured is the packing, not the disk
MEASURES = int(os.environ.get("MEASURES", "40"))  # a row; a gate of the house keeps about as many
FORMAT = os.environ.get("FORMAT", "webdataset")
NAMES = [f"measure_{i:02d}" for i in range(MEASURES)]
MESHMILL = str(Path(sys.executable).parent / "meshmill")


def write_ledger(store: Store, first: int, end: int) -> None:
    """Passed rows first … end − 1 with one output each."""
    uri = "assets/noop/product.bin"
    store.put(uri, PRODUCT)
    outputs = (Output("noop", 0, uri, len(PRODUCT), hashlib.sha256(PRODUCT).hexdigest()),)
    ledger = Ledger(store)
    for start in range(first, end, A_CHUNK):
        rows = []
        for number in range(start, min(start + A_CHUNK, end)):
            id = f"asset-{number:08d}"
            key = blake2b(id.encode(), digest_size=16).hexdigest()
            metrics = dict(zip(NAMES, np.random.default_rng(number).random(MEASURES).tolist(), strict=True))
            rows.append(LedgerRow(id, key, number, "passed", metrics=metrics, outputs=outputs, meta={"license": "CC0"}))
        ledger.write_chunk(f"chunk-{start:08d}", rows)


def shard(out: str, to: str) -> Account:
    """`meshmill shard`, accounted."""
    account = run_accounted([MESHMILL, "shard", out, "--to", to, "--size", "1000", "--format", FORMAT])
    assert account.code == 0, account.output
    return account


def peak(account: Account) -> float:
    """MB of the driver at its largest."""
    return max(rss for _, rss in account.rss) / 1e6


def size(folder: Path) -> int:
    """Bytes below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def measure() -> Iterator[Figure]:
    """A tenth of the rows, then all, then the same again, then a thousandth more."""
    with tempfile.TemporaryDirectory() as scratch:
        store = Store(f"{scratch}/out")
        write_ledger(store, 0, ROWS // 10)
        tenth = shard(store.uri, f"{scratch}/tenth")
        write_ledger(store, ROWS // 10, ROWS)
        whole, to = shard(store.uri, f"{scratch}/set"), Path(scratch, "set")
        yield Figure("measures of a row", MEASURES, "")
        yield Figure(f"CPU a packed row, {ROWS:,} rows", whole.cpu / ROWS * 1e3, "CPU-ms")
        yield Figure(f"driver's memory, {ROWS:,} rows", peak(whole), "MB")
        yield Figure(f"driver's memory above that of {ROWS // 10:,} rows", peak(whole) - peak(tenth), "MB")
        yield Figure("index bytes a row", size(to / "index") / ROWS, "bytes")
        shards = len(list((to / "stats").rglob("*.json")))
        yield Figure("marker and version bytes a shard", (size(to / "stats") + size(to / "versions")) / shards, "bytes")
        again = shard(store.uri, str(to))
        yield Figure("CPU a row, nothing new", again.cpu / ROWS * 1e6, "CPU-µs")
        yield Figure("driver's memory, nothing new", peak(again), "MB")
        write_ledger(store, ROWS, ROWS + ROWS // 1000)
        delta = shard(store.uri, str(to))
        yield Figure(f"a delta of {ROWS // 1000:,} rows", delta.cpu, "CPU-s")


if __name__ == "__main__":
    main(measure, __doc__ or "")

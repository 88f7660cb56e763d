"""Runs with rows to shard, made up without making an asset."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from flows.shard import Packed, ShardConfig, shard
from manifests.ledger import Ledger
from manifests.ledger_row import LedgerRow, Output
from manifests.row import asset_folder
from manifests.store import Store


def points(number: int) -> bytes:
    """An npz file of one row that holds the number."""
    buffer = io.BytesIO()
    np.savez(buffer, points=np.full((1, 3), number, np.float16))
    return buffer.getvalue()


def asset(store: Store, number: int, licence: str = "CC0", outcome: Any = "passed", remade: str = "") -> LedgerRow:
    """A ledger row with three files that its own folder holds."""
    id = f"a.{number}/x"
    key = blake2b(f"{id}{remade}".encode(), digest_size=16).hexdigest()
    outputs = []
    for format, suffix in (("glb", ".glb"), ("vecset", ".vecset.npz"), ("caption", "_caption.txt")):
        data = points(number) if format == "vecset" else f"{format} of {id}{remade}".encode() * (number % 7 + 1)
        uri = f"assets/{asset_folder(id)}/{asset_folder(id)}{suffix}"
        store.put(uri, data)
        outputs.append(Output(format, 0, uri, len(data), hashlib.sha256(data).hexdigest()))
    meta = {"license": licence, "title": f"Thing {number}", "signature": "00ff"}
    return LedgerRow(id, key, number, outcome, metrics={"faces": number}, outputs=tuple(outputs), meta=meta)


def write(folder: Path, numbers: Iterable[int], **more: Any) -> Store:
    store = Store(str(folder))
    rows = [asset(store, number, **more) for number in numbers]
    Ledger(store).write_chunk(f"chunk-{rows[0].row:06d}", rows)
    return store


def packed(out: Path, to: Path | str, **more: Any) -> Packed:
    options: dict[str, Any] = {"samples": 10, "split": (0.8, 0.1, 0.1), **more}
    return shard(ShardConfig(str(out), str(to), **options))

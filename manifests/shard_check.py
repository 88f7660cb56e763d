"""Reads published shards again and compares them with what their markers, indexes and versions say."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import fsspec
import pyarrow.parquet as pq

from manifests.errors import ShardError
from manifests.shard_folder import Stats, index_path, published, versions
from manifests.store import Store

PIECE = 8 << 20  # bytes in memory
READ = frozenset({"id", "key", "shard", "offset", "bytes"})  # of an index, by whoever packs, repairs or checks


def check_shards(store: Store) -> Iterator[Stats]:
    """Every finished shard, once its bytes are known to be the published ones; all of them are read.

    Raises ShardError for a shard with another digest, an index that is not of it, and a version that lists another one.
    """
    for stats, faults in looked_at(store):
        if faults:
            raise ShardError(f"{faults[0]}; --repair makes it again from the run it came from")
        yield stats


def looked_at(store: Store) -> Iterator[tuple[Stats, list[str]]]:
    """Every finished shard with what is wrong with its file and its index; raises ShardError for a version that lists
    another one."""
    listed: dict[str, list[dict[str, Any]]] = {}
    for version in versions(store):
        for entry in version["shards"]:
            listed.setdefault(entry["path"], []).append(entry)
    for stats in published(store):
        if any(entry != stats.entry() for entry in listed.pop(stats.shard, [])):
            raise ShardError(f"{store.uri}: a version lists another {stats.shard} than its marker")
        yield stats, [fault for fault in (file_fault(store, stats), index_fault(store, stats)) if fault]
    if listed:
        raise ShardError(f"{store.uri}: a version lists {min(listed)}, which has no marker")


def file_fault(store: Store, stats: Stats) -> str:
    """What is wrong with a shard's bytes, "" for nothing."""
    try:
        found = _digest(store, stats.shard)
    except FileNotFoundError:
        return f"{store.uri_of(stats.shard)} is gone"
    if found == stats.sha256:
        return ""
    return f"{store.uri_of(stats.shard)} has the digest {found}, not {stats.sha256} as published"


def index_fault(store: Store, stats: Stats) -> str:
    """What is wrong with a shard's index, "" where it lists as many samples as the marker counts, inside the shard."""
    path = index_path(stats.shard)
    try:
        columns: Any = pq.read_table(io.BytesIO(store.read(path)), columns=list(READ)).to_pydict()
    except (FileNotFoundError, ValueError, OSError) as error:
        return f"{store.uri_of(path)} cannot be read: {error}"
    if set(columns) != READ:
        return f"{store.uri_of(path)} lacks {', '.join(sorted(READ - set(columns)))}"
    tar = stats.shard.endswith(".tar")
    ends = [a + b for a, b in zip(columns["offset"], columns["bytes"], strict=True)] if tar else columns["offset"]
    within = max(ends, default=0) <= (stats.bytes if tar else stats.samples - 1)
    if len(ends) != stats.samples or set(columns["shard"]) != {stats.shard} or not within:
        return f"{store.uri_of(path)} is not the index of {stats.shard}"
    return ""


def _digest(store: Store, path: str) -> str:
    found = hashlib.sha256()
    with fsspec.open(store.uri_of(path), "rb") as stream:
        while piece := stream.read(PIECE):
            found.update(piece)
    return found.hexdigest()

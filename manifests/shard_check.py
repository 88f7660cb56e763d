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


def check_shards(store: Store) -> Iterator[Stats]:
    """Every finished shard, once its bytes are known to be the published ones; all of them are read.

    Raises ShardError for a shard with another digest, an index that is not of it, and a version that lists another one.
    """
    listed: dict[str, list[dict[str, Any]]] = {}
    for version in versions(store):
        for entry in version["shards"]:
            listed.setdefault(entry["path"], []).append(entry)
    for stats in published(store):
        if (found := _digest(store, stats.shard)) != stats.sha256:
            raise ShardError(
                f"{store.uri_of(stats.shard)} has the digest {found}, not {stats.sha256} as published; bring it back "
                "from a copy of the data set"
            )
        if any(entry != stats.entry() for entry in listed.pop(stats.shard, [])):
            raise ShardError(f"{store.uri}: a version lists another {stats.shard} than its marker")
        _check_index(store, stats)
        yield stats
    if listed:
        raise ShardError(f"{store.uri}: a version lists {min(listed)}, which has no marker")


def _digest(store: Store, path: str) -> str:
    found = hashlib.sha256()
    try:
        with fsspec.open(store.uri_of(path), "rb") as stream:
            while piece := stream.read(PIECE):
                found.update(piece)
    except FileNotFoundError as error:
        raise ShardError(f"{store.uri_of(path)} is gone") from error
    return found.hexdigest()


def _check_index(store: Store, stats: Stats) -> None:
    """As many samples as the marker counts, each inside the shard."""
    path = index_path(stats.shard)
    try:
        columns: Any = pq.read_table(io.BytesIO(store.read(path)), columns=["shard", "offset", "bytes"]).to_pydict()
    except (FileNotFoundError, ValueError, OSError) as error:
        raise ShardError(f"{store.uri_of(path)} cannot be read: {error}") from error
    tar = stats.shard.endswith(".tar")
    ends = [a + b for a, b in zip(columns["offset"], columns["bytes"], strict=True)] if tar else columns["offset"]
    within = max(ends, default=0) <= (stats.bytes if tar else stats.samples - 1)
    if len(ends) != stats.samples or set(columns["shard"]) != {stats.shard} or not within:
        raise ShardError(f"{store.uri_of(path)} is not the index of {stats.shard}")

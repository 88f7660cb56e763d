"""Makes damaged shards again from the run that they came from, byte for byte as they were published, or not at all."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow.parquet as pq

from flows.open_shard import OpenShard, read_files
from manifests.errors import ShardError
from manifests.index import id_hashes
from manifests.ledger import Ledger
from manifests.samples import Sample, sample_of, split_of
from manifests.shard_check import file_fault, index_fault, looked_at
from manifests.shard_folder import Settings, Stats, index_bytes, index_path, published
from manifests.space import check_space
from manifests.store import Store
from manifests.versions import rows_by_id

NAMED = 3  # ids in a message


def repair(source: Store, target: Store, settings: Settings, tell: Callable[[str], None]) -> None:
    """Read all published shards and make those again that are damaged or gone, with their indexes.

    A shard takes its place only with the digest that its marker tells. Raises ShardError, and leaves the shard as it
    is, where the run no longer has what went into it. The caller holds the target's lease.
    """
    for stats in [stats for stats, faults in looked_at(target) if faults]:
        shard, index = file_fault(target, stats), index_fault(target, stats)
        keys = _keys(source, target, stats, settings, bool(shard), bool(index))
        made = _made(source, target, stats, settings, keys)
        try:
            entries = index_bytes(made.index)
            if shard:
                target.put_file(stats.shard, made.local)
            if index:
                target.put(index_path(stats.shard), entries, durable=True)
        finally:
            made.abandon()
        tell(f"{stats.shard}  made again, {stats.samples} samples as published")


def _made(source: Store, target: Store, stats: Stats, settings: Settings, keys: Mapping[str, str]) -> OpenShard:
    """The shard of these rows, finished in scratch; `keys` are those of the ledger rows it was made of, "" unknown."""
    rows = rows_by_id(Ledger(source), keys)
    check_space(target.scratch(), stats.bytes)
    shard = OpenShard(stats.shard, settings.format, target.scratch())
    wrong = [f"{id}: not in the run" for id in keys if id not in rows]
    try:
        for sample in in_order([sample_of(row, settings.formats, settings.split) for row in rows.values()]):
            files = read_files(source, sample)
            if isinstance(files, str):
                wrong.append(f"{sample.id}: {files}")
            elif not wrong:
                shard.add(sample, files)
        if not wrong and shard.close().sha256 != stats.sha256:
            wrong = [f"{id}: made anew" for id, key in keys.items() if key not in ("", rows[id]["key"])]
            wrong = wrong or ["the same rows give other bytes with these libraries"]
        if wrong:
            more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
            raise ShardError(
                f"{target.uri_of(stats.shard)} cannot be made again from {source.uri}:"
                f" {', '.join(wrong[:NAMED])}{more}; bring it back from a copy of the data set"
            )
    except BaseException:
        shard.abandon()
        raise
    return shard


def in_order(samples: Sequence[Sample]) -> list[Sample]:
    """As `Spool` gives them to the packer."""
    return sorted(samples, key=Sample.to_line)


def _keys(
    source: Store, target: Store, stats: Stats, settings: Settings, shard_lost: bool, index_lost: bool
) -> dict[str, str]:
    """The ids of a shard's samples and the keys of their ledger rows: from its index, else its members, else what is
    in no other shard."""
    if not index_lost:
        table = pq.read_table(io.BytesIO(target.read(index_path(stats.shard))), columns=["id", "key"])
        return dict(zip(table.column("id").to_pylist(), table.column("key").to_pylist(), strict=True))
    return dict.fromkeys(_left_over(source, target, stats, settings) if shard_lost else _inside(target, stats), "")


def _inside(target: Store, stats: Stats) -> list[str]:
    """The ids that a sound shard holds."""
    data = io.BytesIO(target.read(stats.shard))
    if stats.shard.endswith(".parquet"):
        found: list[str] = pq.read_table(data, columns=["id"]).column("id").to_pylist()
        return found
    with tarfile.open(fileobj=data) as tar:
        texts = [tar.extractfile(each) for each in tar if each.name.partition(".")[2] == "json"]
        return [json.load(text)["id"] for text in texts if text is not None]


def _left_over(source: Store, target: Store, stats: Stats, settings: Settings) -> list[str]:
    """Passed rows of the shard's split that no index lists; raises ShardError where there are not as many as it had."""
    listed = [
        id_hashes(pq.read_table(io.BytesIO(target.read(index_path(each.shard))), columns=["id"])["id"].to_pylist())
        for each in published(target)
        if not index_fault(target, each)
    ]
    known = np.sort(np.concatenate([np.empty(0, np.uint64), *listed]))
    rows = Ledger(source).rows("outcome = 'passed'", columns=["id"])
    ids = [row["id"] for row in rows if split_of(row["id"], settings.split) == stats.split]
    free = [id for id, known_one in zip(ids, np.isin(id_hashes(ids), known), strict=True) if not known_one]
    if len(free) != stats.samples:
        raise ShardError(
            f"{target.uri_of(stats.shard)} and its index are both lost: {len(free)} rows of {source.uri} are in no"
            f" other shard, and {stats.samples} were in it; bring its index back from a copy of the data set"
        )
    return free

"""Packs the passed rows of a run into training shards: in an order and a split that no appended row changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flows.licences import Licences
from flows.open_shard import OpenShard, read_files
from flows.shard_repair import repair
from manifests.errors import ShardError
from manifests.index import U64, id_hashes
from manifests.lease import Lease
from manifests.ledger import Ledger
from manifests.samples import Sample, sample_of
from manifests.shard_check import check_shards
from manifests.shard_files import Files, Shape
from manifests.shard_folder import (
    Published,
    Settings,
    add_version,
    keep_settings,
    shard_path,
    version_taken,
    write_shard,
)
from manifests.space import check_space
from manifests.spool import Spool
from manifests.store import Store
from manifests.versions import superseded

MAX_BYTES = 512 << 20  # of a shard's files: large enough to stream, small enough to shuffle by shards
COLUMNS = ("id", "key", "outcome", "metrics", "outputs", "meta")
Tell = Callable[[str], None]


@dataclass(frozen=True)
class ShardConfig:
    """What is packed, how, and where to."""

    out: str
    to: str
    format: Shape = "webdataset"
    formats: tuple[str, ...] = ()  # of the outputs; () for all but the masters
    samples: int | None = None  # at most, a shard
    bytes: int = MAX_BYTES  # of files at most, a shard; one sample may be larger
    split: tuple[float, float, float] = (0.98, 0.01, 0.01)
    where: str | None = None
    licences: tuple[str, ...] | None = None  # None for those the rows' recipes allow
    version: str = ""
    check: bool = False  # read all that is published again and compare digests, before anything is packed
    repair: bool = False  # the same, and make what is damaged again


@dataclass(frozen=True)
class Packed:
    """What a call has published, and why rows are not in it."""

    version: str  # "" where there is nothing to publish
    shards: int  # new ones
    samples: int  # new ones
    total: int  # samples of the version
    left_out: dict[str, int] = field(default_factory=dict)  # reason → rows

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return dict(vars(self))


def shard(config: ShardConfig, tell: Tell = lambda line: None) -> Packed:
    """Publish every passed row that is in no shard yet; killed at any instant, the same call goes on.

    Memory holds 16 bytes for each published sample, one bucket of rows and one sample's files. Raises ShardError for
    a folder with other settings or a shard that is not as published, SpaceError before the disk is full, LeaseError
    while another call writes there.
    """
    source, target = Store(config.out), Store(config.to)
    with Lease(target) as lease:
        settings = Settings(config.format, config.formats, config.split)
        keep_settings(target, settings)
        if config.repair:
            repair(source, target, settings, tell)
        for stats in check_shards(target) if config.check and not config.repair else ():
            tell(f"{stats.shard}  {stats.bytes / 1e6:.1f} MB as published")
        done = Published(target)
        left_out: Counter[str] = Counter()
        expected = sum(marker.outcomes.get("passed", 0) for marker in Ledger(source).markers())
        taken = version_taken(target, config.version)
        scratch = target.scratch()
        packer = Packer(config, target, dict(done.next_number), tell)
        with closing(Spool(scratch, expected)) as spool, packer:
            for sample in chosen(source, config, done, left_out):
                if taken:
                    raise ShardError(
                        f"{target.uri} has a version {config.version}, which is never changed; name another"
                    )
                check_space(scratch, 0)
                spool.add(sample.to_line())
            for line in spool.sorted_lines():
                lease.check()
                sample = Sample.from_line(line)
                files = read_files(source, sample)
                if isinstance(files, str):
                    left_out[files] += 1
                else:
                    packer.add(sample, files)
        reasons = dict(sorted(left_out.items()))
        version = add_version(target, config.version, {"left_out": reasons})
    name, total = (version["version"], version["samples"]) if version else ("", 0)
    return Packed(name, packer.shards, packer.samples, total, reasons)


def chosen(source: Store, config: ShardConfig, done: Published, left_out: Counter[str]) -> Iterator[Sample]:
    """The samples to publish, in the ledger's order; the rest is counted by reason.

    Of an asset's versions only the current one goes. What is published stays as it is: a row that was made anew since
    is counted as `shard.changed` and needs a folder of its own.
    """
    ledger = Ledger(source)
    wanted = matching(ledger, config.where)
    older = superseded(ledger)
    licences = Licences(source, config.licences)
    for row in ledger.rows(columns=COLUMNS):
        if row["outcome"] != "passed" or (wanted is not None and not _holds(wanted, row["id"])):
            continue
        sample = sample_of(row, config.formats, config.split)
        reason = "version.older" if row["id"] in older else licences.reason(row)
        reason = reason or missing(row, config.formats, sample)
        state = done.state(row["id"], row["key"])
        if reason or state == "changed":
            left_out[reason or "shard.changed"] += 1
        elif state == "new":
            yield sample


def matching(ledger: Ledger, where: str | None) -> U64 | None:
    """Sorted digests of the passed ids that an SQL condition holds for; None without one. Raises LedgerError."""
    if where is None:
        return None
    rows = ledger.rows(f"outcome = 'passed' and ({where}\n)", columns=["id"])
    return np.sort(np.fromiter((id_hashes([row["id"]])[0] for row in rows), dtype=np.uint64))


def _holds(hashes: U64, id: str) -> bool:
    (wanted,) = id_hashes([id])
    place = int(np.searchsorted(hashes, wanted))
    return place < len(hashes) and bool(hashes[place] == wanted)


def missing(row: Mapping[str, Any], formats: tuple[str, ...], sample: Sample) -> str:
    """`output.none` for a row without a file to pack, `output.format` for one that lacks a format asked for."""
    if not sample.members:
        return "output.none"
    return "output.format" if set(formats) - {output["format"] for output in row["outputs"]} else ""


class Packer:
    """Puts samples, which come in order, into one open shard for each split; the last are published at the end."""

    def __init__(self, config: ShardConfig, target: Store, numbers: dict[str, int], tell: Tell) -> None:
        self.config, self.target, self.numbers, self.tell = config, target, numbers, tell
        self.scratch = target.scratch()
        self.shards = self.samples = 0
        self.open: dict[str, OpenShard] = {}

    def add(self, sample: Sample, files: Files) -> None:
        """Put a sample into its split's shard; one that is full is published first."""
        size = sum(len(data) for _, data in files)
        check_space(self.scratch, size)
        current = self.open.get(sample.split)
        if current and (len(current.index) == self.config.samples or current.held + size > self.config.bytes):
            self._publish(sample.split)
        if sample.split not in self.open:
            number = self.numbers.get(sample.split, 0)
            self.numbers[sample.split] = number + 1
            name = shard_path(sample.split, number, self.config.format)
            self.open[sample.split] = OpenShard(name, self.config.format, self.scratch)
        self.open[sample.split].add(sample, files)

    def __enter__(self) -> Packer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            for split in sorted(self.open) if kind is None else ():
                self._publish(split)
        finally:
            for shard in self.open.values():
                shard.abandon()

    def _publish(self, split: str) -> None:
        shard = self.open[split]
        stats = shard.close()
        write_shard(self.target, stats, shard.local, shard.index)
        del self.open[split]
        self.shards += 1
        self.samples += stats.samples
        self.tell(f"{stats.shard}  {stats.samples} samples, {stats.bytes / 1e6:.1f} MB")

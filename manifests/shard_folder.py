"""A folder of published shards: its settings, index, markers and versions; what stands there is never changed."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from manifests.errors import ShardError
from manifests.index import U64, id_hashes
from manifests.shard_files import SUFFIX, Shape
from manifests.store import Store

SETTINGS, INDEX, STATS, VERSIONS = "dataset.json", "index", "stats", "versions"
MARKERS_AT_ONCE = 512
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
Json: TypeAlias = bytes  # where a field is called `bytes`
INDEX_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("key", pa.string(), nullable=False),  # of the ledger row
        pa.field("sample", pa.string(), nullable=False),  # its name in the shard
        pa.field("shard", pa.string(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),  # bytes in a tar, row in Parquet
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("metrics", pa.map_(pa.string(), pa.float64())),
    ]
)


@dataclass(frozen=True)
class Settings:
    """What all shards of a folder share."""

    format: Shape
    formats: tuple[str, ...]  # of the outputs; () for all but the masters
    split: tuple[float, ...]

    def to_json(self) -> Json:
        return _json({"schema": 1, **asdict(self)})


@dataclass(frozen=True)
class Stats:
    """What a finished shard holds. Its file is written last and is the mark that the shard is published."""

    shard: str
    split: str
    samples: int
    bytes: int
    sha256: str
    licences: dict[str, int]
    metrics: dict[str, list[float]]  # least, mean and greatest of the shard's samples
    members: dict[str, int]  # how many samples have a file of this extension

    def entry(self) -> dict[str, Any]:
        """The shard as a version lists it."""
        names = {"path": self.shard, "sha256": self.sha256, "split": self.split}
        return {**names, "bytes": self.bytes, "samples": self.samples}

    def to_json(self) -> Json:
        return _json(asdict(self))


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n"


def shard_path(split: str, number: int, shape: Shape) -> str:
    """train/shard-000000.tar."""
    return f"{split}/shard-{number:06d}{SUFFIX[shape]}"


def index_path(shard: str) -> str:
    """index/train-shard-000000.parquet."""
    return f"{INDEX}/{shard.rpartition('.')[0].replace('/', '-')}.parquet"


def stats_path(shard: str) -> str:
    """stats/train/shard-000000.json."""
    return f"{STATS}/{shard.rpartition('.')[0]}.json"


def keep_settings(store: Store, settings: Settings) -> None:
    """Write them where there are none; raises ShardError where others stand."""
    if store.put_if_absent(SETTINGS, settings.to_json()):
        return
    found = json.loads(store.read(SETTINGS))
    wanted = json.loads(settings.to_json())
    for name, value in wanted.items():
        if found.get(name) != value:
            raise ShardError(
                f"{store.uri} holds a data set with {name} {found.get(name)}, not {value}; take another folder"
            )


def published(store: Store) -> Iterator[Stats]:
    """The marker of every finished shard, by name."""
    paths = [path for path in store.list(STATS) if path.endswith(".json")]
    for start in range(0, len(paths), MARKERS_AT_ONCE):
        found = store.read_many(paths[start : start + MARKERS_AT_ONCE])
        for path in sorted(found):
            yield Stats(**json.loads(found[path]))


def write_shard(store: Store, stats: Stats, local: str, index: Sequence[Mapping[str, Any]]) -> None:
    """Publish a shard: its file, its index, and its marker last; killed before that, the next call writes it again."""
    store.put_file(stats.shard, local)
    store.put(index_path(stats.shard), index_bytes(index), durable=True)
    store.put(stats_path(stats.shard), stats.to_json(), durable=True)


def index_bytes(index: Sequence[Mapping[str, Any]]) -> bytes:
    """The index of one shard as a Parquet file."""
    buffer = io.BytesIO()
    rows = [{**entry, "metrics": sorted(entry["metrics"].items())} for entry in index]
    pq.write_table(pa.Table.from_pylist(rows, schema=INDEX_SCHEMA), buffer, compression="zstd")
    return buffer.getvalue()


class Published:
    """Which ids stand in finished shards, and of which ledger row: 16 bytes each."""

    def __init__(self, store: Store) -> None:
        """Raises ShardError where a finished shard is gone or has another length."""
        self.next_number: dict[str, int] = {}
        ids, keys = [np.empty(0, "<u8")], [np.empty(0, "<u8")]
        for stats in published(store):
            if store.size(stats.shard) != stats.bytes:
                raise ShardError(
                    f"{store.uri_of(stats.shard)} is not the file that was published ({stats.bytes} bytes); --repair"
                    " makes it again from the run it came from"
                )
            number = int(stats.shard.rpartition("-")[2].partition(".")[0])
            self.next_number[stats.split] = max(self.next_number.get(stats.split, 0), number + 1)
            table = pq.read_table(io.BytesIO(store.read(index_path(stats.shard))), columns=["id", "key"])
            ids.append(id_hashes(table.column("id").to_pylist()))
            keys.append(_key_hashes(table.column("key").to_pylist()))
        order = np.argsort(merged := np.concatenate(ids), kind="stable")
        self._ids, self._keys = merged[order], np.concatenate(keys)[order]

    def __len__(self) -> int:
        return len(self._ids)

    def state(self, id: str, key: str) -> Literal["new", "same", "changed"]:
        """Whether an asset is published, and whether from this ledger row."""
        (wanted,) = id_hashes([id])
        place = int(np.searchsorted(self._ids, wanted))
        if place == len(self._ids) or self._ids[place] != wanted:
            return "new"
        return "same" if self._keys[place] == _key_hashes([key])[0] else "changed"


def _key_hashes(keys: Sequence[str]) -> U64:
    """The first 8 of a key's 16 bytes."""
    return np.frombuffer(b"".join(bytes.fromhex(key[:16]) for key in keys), dtype="<u8")


def versions(store: Store) -> list[dict[str, Any]]:
    """All published versions, the oldest first."""
    found = store.read_many([path for path in store.list(VERSIONS) if path.endswith(".json")])
    return sorted((json.loads(data) for data in found.values()), key=lambda each: int(each["number"]))


def version_taken(store: Store, name: str) -> bool:
    """Whether a version of this name is published; raises ShardError for what is no name of a version."""
    if name and not NAME.fullmatch(name):
        raise ShardError(f"{name!r} is no name of a version: letters, digits, '.', '_' and '-', at most 64")
    return bool(name) and store.exists(_version_path(name))


def _version_path(name: str) -> str:
    return f"{VERSIONS}/{name}.json"


def add_version(store: Store, name: str, more: Mapping[str, Any]) -> dict[str, Any] | None:
    """Publish a version of all finished shards; the last one where it lists the same; None where none are finished."""
    shards = [stats.entry() for stats in published(store)]
    known = versions(store)
    if not shards or (known and known[-1]["shards"] == shards):
        return known[-1] if known else None
    number = known[-1]["number"] + 1 if known else 1
    while not name and version_taken(store, str(number)):  # a name somebody gave
        number += 1
    older = {shard["path"] for shard in known[-1]["shards"]} if known else set()
    content = {
        "version": name or str(number),
        "number": number,
        "after": known[-1]["version"] if known else None,
        "samples": sum(shard["samples"] for shard in shards),
        "new_samples": sum(shard["samples"] for shard in shards if shard["path"] not in older),
        **more,
        "shards": shards,
    }
    store.put(_version_path(str(content["version"])), _json(content), durable=True)
    return content

"""The ledger: one Parquet part a chunk, its marker last: plain readers see whole parts, restarts see the truth."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, count
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from manifests.backends import ObjectStore
from manifests.errors import LedgerError, nearest
from manifests.index import U64, IdOwners, KeyIndex, id_hashes, pack_keys
from manifests.ledger_row import NAMES, SCHEMA, SCHEMA_VERSION, LedgerRow, Output, comparable, from_batch, to_table
from manifests.merge import merged
from manifests.store import Store

__all__ = ["KeyIndex", "Ledger", "LedgerRow", "Marker", "Output", "Summary", "comparable"]

PARTS, MARKERS = "ledger", "ledger/_done"  # readers of the folder skip names that begin with _
MARKERS_AT_ONCE = 512


@dataclass(frozen=True)
class Marker:
    """That a chunk is finished, and what its part holds; enough to skip rows and count outcomes without the part."""

    chunk: str
    written: int  # grows with every chunk: of two rows with one id, the later counts
    rows: int
    first: int  # smallest row number
    outcomes: dict[str, int]
    sha256: str
    keys: bytes  # 16 each
    ids: U64  # 64-bit digests

    def to_json(self) -> bytes:
        content = {
            "schema": SCHEMA_VERSION,
            "written": self.written,
            "rows": self.rows,
            "first": self.first,
            "outcomes": self.outcomes,
            "sha256": self.sha256,
            "keys": base64.b64encode(self.keys).decode(),
            "ids": base64.b64encode(self.ids.tobytes()).decode(),
        }
        return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()

    @staticmethod
    def from_json(chunk: str, data: bytes) -> Marker:
        """Raises LedgerError for a marker of another version or none at all."""
        try:
            content = json.loads(data)
            if content["schema"] != SCHEMA_VERSION:
                raise LedgerError(f"ledger marker {chunk} is of version {content['schema']}, not {SCHEMA_VERSION}")
            keys, ids = base64.b64decode(content["keys"]), base64.b64decode(content["ids"])
            plain = (content["written"], content["rows"], content["first"], content["outcomes"], content["sha256"])
            return Marker(chunk, *plain, keys, np.frombuffer(ids, dtype="<u8"))
        except (ValueError, KeyError, TypeError) as error:
            raise LedgerError(f"ledger marker {chunk} is unreadable: {error}") from error


@dataclass(frozen=True)
class Summary:
    """How many rows ended how, and for which reasons."""

    rows: int
    outcomes: dict[str, int]
    reasons: dict[str, int]


class Ledger:
    """All parts under `store`. One process writes at a time; its threads may share this object."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.RLock()
        self._owners: IdOwners | None = None  # read from the markers on first need
        self._written = 0

    def __reduce__(self) -> tuple[Any, ...]:
        return Ledger, (self.store,)

    def chunks(self) -> list[str]:
        """Ids of the finished chunks, sorted: those with a part and a marker."""
        parts, marked = self._listing()
        return sorted(parts & marked)

    def _listing(self) -> tuple[set[str], set[str]]:
        """Chunks that have a part, and chunks that have a marker."""
        names = [path[len(PARTS) + 1 :] for path in self.store.list(PARTS)]
        parts = {name[:-8] for name in names if name.endswith(".parquet") and "/" not in name}
        return parts, {name[6:-5] for name in names if name.startswith("_done/") and name.endswith(".json")}

    def markers(self) -> Iterator[Marker]:
        """The marker of every finished chunk; raises LedgerError for one that cannot be read."""
        paths = [_marker(chunk) for chunk in self.chunks()]
        for start in range(0, len(paths), MARKERS_AT_ONCE):
            for path, data in self.store.read_many(paths[start : start + MARKERS_AT_ONCE]).items():
                yield Marker.from_json(path[len(MARKERS) + 1 : -5], data)

    def index(self) -> KeyIndex:
        """The keys of all finished rows, for the one process that writes: what a kill left behind is put right first.

        A part without its marker goes (or a marker without its part), and of two rows with one id the older.
        """
        with self._lock:
            parts, marked = self._listing()
            for chunk in sorted(parts ^ marked):
                self._delete(chunk)
            markers = list(self.markers())
            if stale := _stale(markers):
                for chunk, hashes in stale.items():
                    self._drop(chunk, hashes)
                markers = list(self.markers())
            self._owners, self._written = IdOwners(), max((marker.written for marker in markers), default=0)
            for marker in markers:
                self._owners.add(marker.chunk, marker.ids)
        return KeyIndex(b"".join(marker.keys for marker in markers))

    def write_chunk(self, chunk_id: str, rows: Sequence[LedgerRow]) -> None:
        """Write a chunk's part, then its marker; then older rows of the same ids leave the parts they are in.

        Where the chunk is finished already (rows were re-made), the part gets the next free name CHUNK~2, CHUNK~3, …,
        so no finished part is ever half replaced. Raises ValueError for two rows of one id.
        """
        ids = [row.id for row in rows]
        if len(set(ids)) < len(ids):
            raise ValueError(f"chunk {chunk_id} has {len(ids)} rows but {len(set(ids))} ids")
        if not rows:
            return
        with self._lock:
            if self._owners is None:
                self.index()
            assert self._owners is not None
            name, hashes = self._free_name(chunk_id), id_hashes(ids)
            self._written += 1
            self._write(name, to_table(list(rows)), self._written)
            for older in sorted(self._owners.holding(hashes) - {name}):
                self._drop(older, hashes)
            self._owners.add(name, hashes)

    def _free_name(self, chunk_id: str) -> str:
        names = chain([chunk_id], (f"{chunk_id}~{n}" for n in count(2)))
        return next(name for name in names if not self.store.exists(_marker(name)))

    def rows(self, where: str | None = None, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Rows in manifest order as plain dicts; `where` is a SQL condition such as `outcome = 'rejected'`.

        Raises LedgerError, before the first row, for a condition or column that is wrong.
        """
        for name in columns or ():
            if name not in NAMES:
                raise LedgerError(f"the ledger has no column {name!r}{nearest(name, NAMES)}")
        if where is None:
            parts = [(marker.first, partial(self.store.read, _path(marker.chunk))) for marker in self.markers()]
            return merged(parts, columns)
        chosen = ", ".join(f'"{name}"' for name in columns or NAMES)
        reader = self._query(f"SELECT {chosen} FROM ledger WHERE ({where}\n) ORDER BY ledger.row, ledger.id")
        return (row for batch in reader for row in from_batch(batch))

    def summary(self) -> Summary:
        """Counts by outcome and by reason."""
        outcomes: Counter[str] = Counter()
        for marker in self.markers():
            outcomes.update(marker.outcomes)
        query = "SELECT unnest(reasons) AS reason, count(*) AS rows FROM ledger GROUP BY 1 ORDER BY 2 DESC, 1"
        reasons = {row["reason"]: row["rows"] for batch in self._query(query) for row in batch.to_pylist()}
        return Summary(sum(outcomes.values()), dict(sorted(outcomes.items())), reasons)

    def dataset(self) -> Any:
        """The finished parts as a pyarrow dataset."""
        import pyarrow.dataset as ds  # brings pandas along: 0.8 CPU-s that a run which only skips need not pay
        import pyarrow.fs as pa_fs

        chunks = self.chunks()
        if not chunks:
            return ds.dataset(SCHEMA.empty_table())
        backend = self.store.backend
        if isinstance(backend, ObjectStore):
            files = pa_fs.PyFileSystem(pa_fs.FSSpecHandler(backend.filesystem))
            paths = [f"{backend.root}/{_path(chunk)}" for chunk in chunks]
        else:
            files, paths = pa_fs.LocalFileSystem(), [self.store.uri_of(_path(chunk)) for chunk in chunks]
        return ds.dataset(paths, schema=SCHEMA, filesystem=files, format="parquet")

    def _query(self, sql: str) -> Iterator[Any]:
        """Record batches of an answer, the first computed at once; raises LedgerError."""
        import duckdb  # 0.1 CPU-s

        config = {"enable_external_access": "false", "autoload_known_extensions": "false"}
        try:
            connection = duckdb.connect(config={**config, "autoinstall_known_extensions": "false"})
            connection.register("ledger", self.dataset())
            reader = connection.sql(sql).to_arrow_reader(1024)
            first = next(reader, None)
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise LedgerError(f"the ledger cannot answer: {' '.join(str(error).split())[:300]}") from error
        return chain([first] if first is not None else [], reader)

    def _drop(self, chunk: str, hashes: U64) -> None:
        """Rewrite a part without the rows of these ids, then its marker: killed between, `index()` does it again."""
        if not self.store.exists(_marker(chunk)):
            return
        before = Marker.from_json(chunk, self.store.read(_marker(chunk)))
        table = pq.read_table(io.BytesIO(self.store.read(_path(chunk))), schema=SCHEMA)
        gone = np.isin(id_hashes(table.column("id").to_pylist()), hashes)
        table = table.filter(pa.array(~gone))
        if table.num_rows == 0:
            self._delete(chunk)
        elif table.num_rows < before.rows:
            self._write(chunk, table, before.written)

    def _delete(self, chunk: str) -> None:
        self.store.delete(_path(chunk))
        self.store.delete(_marker(chunk))

    def _write(self, chunk: str, table: pa.Table, written: int) -> None:
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        data = buffer.getvalue()
        ids, keys = table.column("id").to_pylist(), table.column("key").to_pylist()
        outcomes = dict(Counter(table.column("outcome").to_pylist()))
        sha256 = hashlib.sha256(data).hexdigest()
        marker = Marker(
            chunk,
            written,
            table.num_rows,
            min(table.column("row").to_pylist()),
            outcomes,
            sha256,
            pack_keys(keys),
            id_hashes(ids),
        )
        self.store.put(_path(chunk), data, durable=True)
        self.store.put(_marker(chunk), marker.to_json(), durable=True)


def _path(chunk: str) -> str:
    return f"{PARTS}/{chunk}.parquet"


def _marker(chunk: str) -> str:
    return f"{MARKERS}/{chunk}.json"


def _sorted_ids(markers: Sequence[Marker]) -> tuple[U64, npt.NDArray[np.int32]]:
    """All id digests sorted, and for each the index of its marker."""
    ids = np.concatenate([np.empty(0, np.uint64), *(marker.ids for marker in markers)])
    owner = np.repeat(np.arange(len(markers), dtype=np.int32), [len(marker.ids) for marker in markers])
    order = np.argsort(ids, kind="stable")
    return ids[order], owner[order]


def _stale(markers: Sequence[Marker]) -> dict[str, U64]:
    """Ids that a later chunk holds as well, by the chunk that should lose them."""
    ordered = sorted(markers, key=lambda marker: (marker.written, marker.chunk))
    ids, owner = _sorted_ids(ordered)
    # The sort is stable and markers go from old to new, so of equal neighbours the first is the older.
    twice = np.flatnonzero(ids[:-1] == ids[1:])
    return {ordered[i].chunk: ids[twice[owner[twice] == i]] for i in np.unique(owner[twice]).tolist()}

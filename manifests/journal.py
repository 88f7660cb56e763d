"""The journal: results of a chunk in flight, kept in small segments so that a kill loses seconds, not the chunk."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from manifests.store import Store

SEGMENT_RECORDS = 64
SEGMENT_SECONDS = 2.0


class Journal:
    """One chunk's journal; threads may share it. Use as a context manager, or `flush()` at the end."""

    def __init__(self, store: Store, chunk_id: str) -> None:
        self.store = store
        self.folder = f"journal/{chunk_id}"
        self._lock = threading.Lock()
        self._pending: list[str] = []
        self._timer: threading.Timer | None = None
        self._next = 1 + max((_number(path) for path in store.list(self.folder)), default=0)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()

    def append(self, record: Mapping[str, Any]) -> None:
        """Keep a JSON-ready record; it is in the store within 2 seconds, or at once with the 64th."""
        line = json.dumps(record, separators=(",", ":"), default=str)
        with self._lock:
            self._pending.append(line)
            if len(self._pending) >= SEGMENT_RECORDS:
                self._flush()
            elif self._timer is None:
                self._timer = threading.Timer(SEGMENT_SECONDS, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write what is pending."""
        with self._lock:
            self._flush()

    def records(self) -> Iterator[dict[str, Any]]:
        """What an earlier process finished, oldest first."""
        paths = sorted((path for path in self.store.list(self.folder) if _number(path)), key=_number)
        segments = self.store.read_many(paths)
        for path in paths:
            for line in segments.get(path, b"").splitlines():
                # A power cut may leave a segment of zeros; its rows are then made again.
                with contextlib.suppress(ValueError):
                    yield json.loads(line)

    def clear(self) -> None:
        """Forget the chunk, once its marker is written."""
        with self._lock:
            self._pending.clear()
            self._stop_timer()
            self.store.delete_tree(self.folder)

    def _flush(self) -> None:
        self._stop_timer()
        if self._pending:
            data = "".join(f"{line}\n" for line in self._pending).encode()
            self.store.put(f"{self.folder}/{self._next}.jsonl", data)
            self._next += 1
            self._pending.clear()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def forget_finished(store: Store, finished: Callable[[], Iterable[str]]) -> None:
    """Delete the journals of chunks that are in the ledger: a kill between marker and `clear` leaves them."""
    chunks = {path.split("/")[1] for path in store.list("journal")}
    for chunk in chunks.intersection(finished() if chunks else ()):
        store.delete_tree(f"journal/{chunk}")


def _number(path: str) -> int:
    """The number of a segment, 0 for any other file."""
    name = path.rsplit("/", 1)[1]
    return int(name[:-6]) if name.endswith(".jsonl") and name[:-6].isdigit() else 0

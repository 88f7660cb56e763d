"""The publications log: what was to be sent where and what came of it, append-only, each line chained to the last."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

from manifests.errors import LedgerError
from manifests.store import Store

FOLDER = "log"
START = "0" * 64  # what the first line is chained to
FULL = 4096  # lines a file has at most once small files are put together
SMALL_FILES = 256  # of which so many are put together at the next start

# An asset's way: intent → created (the service has it) → published. `failed` was refused or never sent, and may be
# tried again; `unsure` means that every answer was lost and nothing was found: the next call looks and tries again
# where the service shows all it has, else a person has to look.
Event = Literal["intent", "created", "published", "failed", "unsure", "seal"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log; `prev` is the SHA-256 of the line before it."""

    n: int
    at: str  # UTC, ISO 8601
    event: Event
    target: str = ""  # service and account
    id: str = ""
    key: str = ""  # the ledger's, which tells versions of an asset apart
    token: str = ""  # what the listing is found by at the service
    remote: str = ""  # the service's own id
    url: str = ""
    note: str = ""  # why it failed; of a seal its signature
    prev: str = START

    def line(self) -> bytes:
        """The line as it stands in the log."""
        return json.dumps(asdict(self), separators=(",", ":"), ensure_ascii=True).encode()


Place = tuple[str, str, str]  # target, id, key


class Publications:
    """The log below `store`, a folder that one process writes to at a time; its threads may share this object.

    The chain shows every change of a line and every line taken out; that the end was cut off it shows only where a
    later seal (a signature over the newest line, see `seal`) is known from elsewhere.
    """

    def __init__(self, store: Store) -> None:
        """Reads the log; raises LedgerError where its chain is broken."""
        self.store = store
        self._lock = threading.Lock()
        self._last: dict[Place, Entry] = {}
        self._of_id: dict[tuple[str, str], Entry] = {}
        self._next, self._head = 1, START
        for entry in self.entries():
            self._remember(entry)

    def last(self, target: str, id: str, key: str) -> Entry | None:
        """The newest line about one version of an asset at one target."""
        return self._last.get((target, id, key))

    def other_version(self, target: str, id: str, key: str) -> Entry | None:
        """The newest line that says another version of the asset stands at the target."""
        found = self._of_id.get((target, id))
        return found if found and found.key != key else None

    def append(self, event: Event, place: Place = ("", "", ""), **more: str) -> Entry:
        """Write one line, durably, before returning; raises LedgerError when another process wrote it first."""
        with self._lock:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            entry = Entry(self._next, now, event, *place, prev=self._head, **more)
            if not self.store.put_if_absent(_path(entry.n), entry.line() + b"\n"):
                raise LedgerError(f"another process writes to the log of publications in {self.store.uri}")
            self._remember(entry)
            return entry

    def seal(self, sign: Callable[[bytes], str]) -> None:
        """Sign the newest line, if there is one that no seal covers."""
        if self._head != START and not self._sealed:
            self.append("seal", note=sign(self._head.encode()))

    def entries(self) -> Iterator[Entry]:
        """Every line from the first; raises LedgerError at one that is unreadable or does not follow from the last."""
        number, head = 1, START
        paths = sorted(self.store.list(FOLDER))
        for start in range(0, len(paths), SMALL_FILES):
            found = self.store.read_many(paths[start : start + SMALL_FILES])
            for path in sorted(found):
                for line in found[path].splitlines():
                    entry = _parse(line, path)
                    if entry.n < number:  # a kill between putting files together and deleting them
                        continue
                    if entry.n != number or entry.prev != head:
                        raise LedgerError(f"the log of publications is broken at line {number} ({path})")
                    number, head = number + 1, hashlib.sha256(line).hexdigest()
                    yield entry

    def tidy(self) -> None:
        """Put many small files together: the first takes in the lines of those behind it, which then go."""
        paths = sorted(self.store.list(FOLDER))
        if len(paths) <= SMALL_FILES:
            return
        contents, last = self.store.read_many(paths), 0
        for path in paths:
            newest = _parse(contents[path].splitlines()[-1], path).n
            if newest <= last:  # left by a kill: another file holds its lines
                self.store.delete(path)
                del contents[path]
            last = max(last, newest)
        small = [path for path in sorted(contents) if contents[path].count(b"\n") < FULL]
        while len(small) > 1:
            size, group = 0, list[str]()
            while small and (not group or size + contents[small[0]].count(b"\n") <= FULL):
                size += contents[small[0]].count(b"\n")
                group.append(small.pop(0))
            self.store.put(group[0], b"".join(contents[path] for path in group), durable=True)
            for path in group[1:]:
                self.store.delete(path)

    def _remember(self, entry: Entry) -> None:
        self._next, self._head = entry.n + 1, hashlib.sha256(entry.line()).hexdigest()
        self._sealed = entry.event == "seal"
        if self._sealed:
            return
        self._last[entry.target, entry.id, entry.key] = entry
        if entry.event in ("created", "published"):
            self._of_id[entry.target, entry.id] = entry


def _parse(line: bytes, path: str) -> Entry:
    try:
        values = json.loads(line)
        entry = Entry(**values)
    except (ValueError, TypeError) as error:
        raise LedgerError(f"the log of publications has a line that cannot be read ({path}): {error}") from error
    if entry.line() != line:
        raise LedgerError(f"line {entry.n} of the log of publications was changed ({path})")
    return entry


def _path(number: int) -> str:
    return f"{FOLDER}/{number:012d}.jsonl"

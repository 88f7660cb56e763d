"""The lease: one driver at a time writes to a run's folder, and the next takes over from one that was killed."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from manifests.errors import LeaseError
from manifests.store import Store

LOCK = "driver.lock"
BEAT_SECONDS = 10.0
STALE_SECONDS = 60.0  # six beats missed: the other machine is gone, or cut off from the store


@dataclass(frozen=True)
class Holder:
    """Who holds a lease."""

    host: str
    machine: str  # boot and pid namespace: where `pid` means something
    pid: int
    born: str  # the process's start in clock ticks since boot, as pids are used again
    started: str
    heartbeat: float  # seconds since 1970

    def alive(self) -> bool:
        """Whether the process runs; of a process elsewhere, whether it was heard of in the last minute."""
        here = self.machine == machine()
        return self.born == born(self.pid) != "" if here else time.time() - self.heartbeat < STALE_SECONDS


class Lease:
    """Held inside a with block; raises LeaseError at its start while another live driver holds it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.lost = False
        pid, now = os.getpid(), datetime.now(UTC)
        self.me = Holder(os.uname().nodename, machine(), pid, born(pid), now.isoformat(), now.timestamp())
        self._over = threading.Event()
        self._beats = threading.Thread(target=self._keep, name="lease", daemon=True)

    def __enter__(self) -> Lease:
        self._take(LOCK)
        self._beats.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._beats.join()
        if self._is_mine():
            self.store.delete(LOCK)

    def check(self) -> None:
        """Raises LeaseError when another driver took over, as after this machine slept for over a minute."""
        if self.lost:
            raise LeaseError(f"{self.store.uri} was taken over by another driver")

    def _take(self, path: str) -> None:
        while not self.store.put_if_absent(path, self._content()):
            with contextlib.suppress(FileNotFoundError):  # released meanwhile
                if self._take_over(path, self.store.read(path)):
                    return

    def _take_over(self, path: str, found: bytes) -> bool:
        """Replace a dead holder's file; of several drivers that found it dead, a second lease lets one do so."""
        holder = parse(found)
        if holder is not None and holder.alive():
            who = f"process {holder.pid} on {holder.host}, since {holder.started[:19]}"
            raise LeaseError(f"another run is writing to {self.store.uri} ({who}); wait for it or stop it")
        claim = f"{path}.claim"
        self._take(claim)
        try:
            if still := self.store.read(path) == found:
                self.store.put(path, self._content(), durable=True)
        finally:
            self.store.delete(claim)
        return still

    def _keep(self) -> None:
        while not self._over.wait(BEAT_SECONDS) and not self.lost:
            with contextlib.suppress(Exception):  # a store that is away for a moment: the next beat will tell
                self.lost = not self._is_mine()
                if not self.lost:
                    self.store.put(LOCK, self._content())

    def _is_mine(self) -> bool:
        holder = parse(self.store.read(LOCK)) if self.store.exists(LOCK) else None
        return holder is not None and replace(holder, heartbeat=self.me.heartbeat) == self.me

    def _content(self) -> bytes:
        return json.dumps(asdict(replace(self.me, heartbeat=time.time()))).encode()


def parse(data: bytes) -> Holder | None:
    """The holder a file names; None for what a power cut may leave."""
    with contextlib.suppress(ValueError, TypeError):
        return Holder(**json.loads(data))
    return None


def machine() -> str:
    """The same text for every process that sees the same pids."""
    return Path("/proc/sys/kernel/random/boot_id").read_text() + os.readlink("/proc/self/ns/pid")  # noqa: PTH115


def born(pid: int) -> str:
    """When a process started; "" when there is none, or a dead one that nobody has waited for."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if state in "ZX" else rest[18]
    return ""

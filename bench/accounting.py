"""Runs a command and accounts for every process below it: CPU seconds of all, memory of the first."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
PAUSE = 0.1  # seconds between two looks, 2 ms each; what a process burns after the last one is not seen
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Account:
    """What a command cost."""

    code: int
    began: float  # seconds since the epoch
    wall: float
    cpu: float  # seconds, user and system, of the command and everything it started
    rss: tuple[tuple[float, int], ...]  # (seconds since start, bytes) of the command's own process
    output: str


def run_accounted(command: Sequence[str], env: dict[str, str] | None = None) -> Account:
    """Run to the end of the last process the command started; orphans become our children and are waited for.

    wait(2) alone misses the CPU of a child whose parent ignores SIGCHLD (our guard's template, Ray's raylet), so every
    descendant is also read from /proc while it lives. Both see too little, never too much: the larger one counts.
    """
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began, started = time.time(), time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **(env or {})}, stdout=subprocess.PIPE, text=True)
    watcher = Watcher(process.pid, started)
    watcher.start()
    output, _ = process.communicate()
    wall = time.perf_counter() - started
    reap_orphans()
    watcher.stop.set()
    watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    waited = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Account(process.returncode, began, wall, max(waited, watcher.cpu), tuple(watcher.rss), output)


class Watcher(threading.Thread):
    """Looks at all descendants of this process again and again; its own time is this process's, so in no account."""

    def __init__(self, pid: int, started: float) -> None:
        super().__init__()
        self.pid, self.started = pid, started
        self.rss: list[tuple[float, int]] = []
        self.ticks: dict[tuple[int, int], int] = {}  # CPU at the last look, by pid and start time
        self.stop = threading.Event()

    def run(self) -> None:
        """Until told to stop."""
        while not self.stop.wait(PAUSE):
            for stat in descendants(os.getpid()):
                self.ticks[stat.pid, stat.started] = stat.ticks
                if stat.pid == self.pid:
                    self.rss.append((time.perf_counter() - self.started, stat.rss))

    @property
    def cpu(self) -> float:
        """Seconds of all processes seen."""
        return sum(self.ticks.values()) / TICKS_A_SECOND


@dataclass(frozen=True)
class Stat:
    """One line of /proc/PID/stat (proc(5))."""

    pid: int
    parent: int
    ticks: int  # of its own, user and system
    started: int  # ticks since boot
    rss: int  # bytes


def descendants(ancestor: int) -> list[Stat]:
    """All living processes below this one."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    stats = [stat for pid in pids if (stat := read_stat(pid))]
    family, found = {ancestor}, [ancestor]
    while found:
        found = [stat.pid for stat in stats if stat.parent in family and stat.pid not in family]
        family.update(found)
    return [stat for stat in stats if stat.pid in family and stat.pid != ancestor]


def read_stat(pid: int) -> Stat | None:
    """None for a process that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    parent, user, system, started, pages = (int(fields[i]) for i in (1, 11, 12, 19, 21))
    return Stat(pid, parent, user + system, started, pages * resource.getpagesize())


def reap_orphans(patience: float = 30.0) -> None:
    """Wait for what the command left running to end."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            time.sleep(0.05)

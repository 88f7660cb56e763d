"""Runs a command and accounts for every process it leaves behind: CPU seconds of all, memory of the first."""

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
    """Run to the end, orphans included: they become our children, and their CPU time is counted when they end."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began, started = time.time(), time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **(env or {})}, stdout=subprocess.PIPE, text=True)
    samples: list[tuple[float, int]] = []
    stop = threading.Event()
    watcher = threading.Thread(target=watch, args=(process.pid, started, samples, stop))
    watcher.start()
    output, _ = process.communicate()
    wall = time.perf_counter() - started
    stop.set()
    watcher.join()
    reap_orphans()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Account(process.returncode, began, wall, cpu, tuple(samples), output)


def watch(pid: int, started: float, samples: list[tuple[float, int]], stop: threading.Event) -> None:
    """Sample the resident memory of a process four times a second."""
    page = resource.getpagesize()
    while not stop.wait(0.25):
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            return
        samples.append((time.perf_counter() - started, pages * page))


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

"""The guard: runs a function in a warm child process under a deadline and a memory cap that really hold.

Prefect's timeout and Dask's cancel never interrupt a C call (measured, see LOG.md). Here a call that outlives its
deadline is killed with its whole process group, a crash is an ordinary exception that carries the child's stderr,
and the next call meets a fresh child. A call costs 0.1 ms; a fresh child about 15 ms.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from flows.guard_server import STATUS_BYTES

T = TypeVar("T")
STDERR_TAIL = 4000
# One BLAS thread a child: assets already run in parallel, and a template that forks must have one thread.
SINGLE_THREADED = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Limits:
    """What one call may take before it is killed."""

    seconds: float = 300.0  # the specification's bound for a simple model
    memory_bytes: int = 4 << 30  # address space beyond the warm child's own; 0 for no cap (CUDA maps terabytes)
    recycle_rss_bytes: int = 2 << 30  # a child that has grown beyond this is replaced between calls
    recycle_growth_bytes: int = 1 << 62  # and one that has grown by this since its first call
    recycle_gpu_growth_bytes: int = 1 << 62  # or by this of its GPU's memory


class Killed(RuntimeError):
    """The child died: `code` is `guard.timeout`, `guard.memory` or `guard.crash.SIGSEGV`; `stderr` its last words."""

    def __init__(self, code: str, message: str, stderr: str) -> None:
        super().__init__(message)
        self.code, self.message, self.stderr = code, message, stderr

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.code, self.message, self.stderr)


class Template:
    """The process that has the libraries loaded and forks children for every guard of this process."""

    def __init__(self, modules: tuple[str, ...]) -> None:
        self.lock = threading.Lock()
        self.control, far = socket.socketpair()
        command = [sys.executable, "-m", "flows.guard_server", str(far.fileno()), *modules]
        self.process = spawn_from_lasting_thread(command, far.fileno())
        far.close()

    def fork(self, memory: int, fds: list[int]) -> None:
        """Ask for a child that gets these descriptors (channel, status, stderr)."""
        with self.lock:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
            self.control.sendmsg([memory.to_bytes(8, "little")], rights)

    def close(self) -> None:
        """End the template; its children go with it."""
        self.control.close()
        self.process.kill()
        self.process.wait()


def spawn_from_lasting_thread(command: list[str], fd: int) -> subprocess.Popen[bytes]:
    """Popen from a thread that lives as long as the process: a child asks to die with the thread that made it."""
    started: list[subprocess.Popen[bytes]] = []
    ready = threading.Event()

    def hold() -> None:
        started.append(subprocess.Popen(command, pass_fds=[fd], env={**os.environ, **SINGLE_THREADED}))
        ready.set()
        started[0].wait()

    threading.Thread(target=hold, name="guard-template", daemon=True).start()
    ready.wait()
    return started[0]


class Guard:
    """One warm child at a time. Not for two threads at once: each worker thread has its own guard."""

    _templates: dict[tuple[str, ...], Template] = {}  # noqa: RUF012
    _lock = threading.Lock()

    def __init__(self, limits: Limits, modules: tuple[str, ...] = ("flows.jobs", "flows.warm")) -> None:
        self.limits = limits
        self.modules = modules
        self.channel: Connection | None = None
        self.pid = 0
        self.first: tuple[int, int] | None = None  # bytes, and those of the GPU, that the child's first call left it
        self.memory_kills = 0  # that the kernel had done when the child began
        self.status: socket.socket | None = None
        self.closed = False
        self.stderr = tempfile.TemporaryFile(prefix="meshmill-stderr-")  # noqa: SIM115

    def call(self, function: Callable[..., T], *args: Any, seconds: float | None = None) -> T:
        """`function(*args)` in the child. Raises what it raised, or Killed when the child had to die."""
        if self.channel is None:
            self._start()
        assert self.channel is not None
        deadline = seconds if seconds is not None else self.limits.seconds
        try:
            self.channel.send((function, args))
            if not self.channel.poll(deadline):
                raise self._timed_out(deadline)
            reply = self.channel.recv()
        except (EOFError, OSError) as error:
            raise self._crashed() from error
        value: T = self._unpack(reply)
        return value

    def _unpack(self, reply: Any) -> Any:
        kind, value, *_, rss, gpu = reply
        if kind == "error" and isinstance(value, MemoryError):
            stderr = self._last_words() + reply[2]
            self._drop()
            raise Killed("guard.memory", f"over {self.limits.memory_bytes >> 20} MiB of memory", stderr)
        if self._outgrown(rss, gpu):
            self._drop()
        if kind == "error":
            value.add_note(reply[2])
            raise value
        return value

    def _outgrown(self, rss: int, gpu: int) -> bool:
        """Whether the child holds more than it may, in all or since its first call."""
        self.first = self.first or (rss, gpu)
        limits, grown = self.limits, rss - self.first[0]
        of_gpu = gpu - self.first[1] > limits.recycle_gpu_growth_bytes
        return of_gpu or rss > limits.recycle_rss_bytes or grown > limits.recycle_growth_bytes

    def _timed_out(self, deadline: float) -> Killed:
        stderr = self._last_words()
        self._drop()
        return Killed("guard.timeout", f"killed after {deadline:g} s", stderr)

    def _crashed(self) -> Killed:
        status = self._exit_status()
        stderr = self._last_words()
        self._drop()
        if os.WIFSIGNALED(status):
            name = signal.Signals(os.WTERMSIG(status)).name
            starved = name == "SIGKILL" and memory_kills() > self.memory_kills
            if starved or "bad_alloc" in stderr or "MemoryError" in stderr:
                return Killed("guard.memory", f"out of memory ({name})", stderr)
            return Killed(f"guard.crash.{name}", f"the worker died of {name}", stderr)
        return Killed("guard.crash.exit", f"the worker left with status {os.WEXITSTATUS(status)}", stderr)

    def prepare(self) -> None:
        """Start the template now (1 CPU-s in a process of its own), so that the first call need not wait for it."""
        self._template()

    def _start(self) -> None:
        if self.closed:
            raise Killed("guard.closed", "the guard was closed", "")
        self.memory_kills = memory_kills()
        for _ in range(2):  # a template that was killed a moment ago is followed by a fresh one
            template = self._template()
            self._fork(template)
            if self.pid:
                return
            self._drop()
            template.process.wait()
        raise Killed("guard.crash.SIGKILL", "no child could be started", "")

    def _fork(self, template: Template) -> None:
        """A child of the template with its channels; `pid` stays 0 when the template is dead."""
        near, far = socket.socketpair()
        self.status, far_status = socket.socketpair()
        self.channel = Connection(near.detach())
        with far, far_status, contextlib.suppress(OSError):
            template.fork(self.limits.memory_bytes, [far.fileno(), far_status.fileno(), self.stderr.fileno()])
        self.pid = self._read_status() or 0

    def _template(self) -> Template:
        with Guard._lock:
            template = Guard._templates.get(self.modules)
            if template is not None and template.process.poll() is not None:
                template.close()
                template = None
            if template is None:
                template = Guard._templates[self.modules] = Template(self.modules)
            return template

    def _read_status(self) -> int | None:
        """The next number from the watcher: a pid, then a wait status; None when the watcher is gone."""
        assert self.status is not None
        data = self.status.recv(STATUS_BYTES, socket.MSG_WAITALL)
        return int.from_bytes(data, "little") if data else None

    def _exit_status(self) -> int:
        assert self.status is not None
        self.status.settimeout(5.0)
        status = None
        with contextlib.suppress(OSError):
            status = self._read_status()
        return signal.SIGKILL if status is None else status

    def _last_words(self) -> str:
        size = self.stderr.seek(0, os.SEEK_END)
        self.stderr.seek(max(0, size - STDERR_TAIL))
        return self.stderr.read().decode("utf-8", "replace")

    def renew(self) -> None:
        """Let the child go; the next call meets a fresh one."""
        self._drop()

    def close(self) -> None:
        """Kill the child and let go of everything; a call that another thread is in does not start a second child."""
        self.closed = True
        self._drop()
        self.stderr.close()

    def _drop(self) -> None:
        """Kill the child's whole process group; the next call starts a fresh one."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
                self._exit_status()  # wait for its end: a dying child must not write beside its successor
        if self.channel is not None:
            self.channel.close()
        if self.status is not None:
            self.status.close()
        self.channel, self.status, self.pid, self.first = None, None, 0, None


def memory_kills() -> int:
    """Processes that Linux has killed on this machine because memory ran out; 0 where it does not say."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def close_templates() -> None:
    """End every template of this process."""
    with Guard._lock:
        while Guard._templates:
            Guard._templates.popitem()[1].close()


atexit.register(close_templates)

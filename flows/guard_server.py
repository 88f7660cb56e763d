"""The guard's far side: a single-threaded template process that forks warm workers and a worker's serving loop.

Run as `python -m flows.guard_server FD MODULE…`. It imports the modules once, calls their `warm_up`, then forks one
worker for each set of descriptors it is sent over FD: a fork costs about 10 ms where a fresh interpreter with the mesh
libraries and kernels costs 1.4 CPU-s. Each worker has a watcher (its parent) that reports the exit status. Every
process asks the kernel to be killed with its parent, so nothing outlives a driver that was killed, not even native
code that hangs.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import faulthandler
import importlib
import os
import resource
import signal
import socket
import sys
import traceback
from multiprocessing.connection import Connection
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1
STATUS_BYTES = 4


def die_with_parent() -> None:
    """Ask Linux for SIGKILL when the parent's thread ends; all processes here have one thread."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def address_space() -> int:
    """Bytes of address space mapped by this process now."""
    with open("/proc/self/statm") as stream:  # noqa: PTH123
        return int(stream.read().split()[0]) * resource.getpagesize()


def cap_memory(extra: int) -> None:
    """Let this process map `extra` bytes more than the template had; beyond that allocations fail."""
    if extra:
        limit = address_space() + extra
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def serve(channel: Connection) -> NoReturn:
    """Answer (function, args) messages until the other side hangs up."""
    while True:
        try:
            function, args = channel.recv()
        except EOFError:
            os._exit(0)
        except Exception as error:  # a plugin that is not installed here: the machine's fault, told as it is
            channel.send(("error", portable(error), traceback.format_exc(limit=-8), *memory_held()))
            continue
        os.ftruncate(2, 0)
        os.lseek(2, 0, os.SEEK_SET)
        channel.send(answer(function, args))


def answer(function: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """('ok', value, peak RSS, GPU bytes) or ('error', exception, traceback, peak RSS, GPU bytes)."""
    try:
        return "ok", function(*args), *memory_held()
    except BaseException as error:
        trace = traceback.format_exc(limit=-8)
        return "error", portable(error), trace, *memory_held()


def portable(error: BaseException) -> BaseException:
    """The exception without its frames; exceptions of native libraries that do not pickle become RuntimeError."""
    import pickle

    error.__traceback__ = error.__cause__ = error.__context__ = None
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def memory_held() -> tuple[int, int]:
    """Bytes: the largest resident set of this process so far, and what torch keeps reserved of its GPU now."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, gpu_reserved()


def gpu_reserved() -> int:
    """0 where torch was never asked for a GPU: asking would make a CUDA context, which takes memory itself."""
    torch: Any = sys.modules.get("torch")
    try:
        return int(torch.cuda.memory_reserved()) if torch and torch.cuda.is_initialized() else 0
    except Exception:  # a GPU that was lost under the call says so in the call's own answer
        return 0


def watch(channel_fd: int, status_fd: int, stderr_fd: int, memory: int) -> NoReturn:
    """Fork the worker, report its pid, then its wait status when it ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    die_with_parent()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        die_with_parent()
        os.close(status_fd)
        os.dup2(stderr_fd, 2)
        os.dup2(stderr_fd, 1)
        faulthandler.enable()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        cap_memory(memory)
        serve(Connection(channel_fd))
    os.close(channel_fd)
    os.write(status_fd, pid.to_bytes(STATUS_BYTES, "little"))
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(OSError):  # the guard killed the worker itself and no longer listens
        os.write(status_fd, status.to_bytes(STATUS_BYTES, "little"))
    os._exit(0)


def receive(control: socket.socket) -> tuple[int, list[int]] | None:
    """(memory cap, [channel, status, stderr]) or None when the driver has gone."""
    fds = array.array("i")
    message, ancillary, _, _ = control.recvmsg(8, socket.CMSG_SPACE(3 * fds.itemsize))
    if not message:
        return None
    for _level, _kind, data in ancillary:
        fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return int.from_bytes(message, "little"), list(fds)


def main(control_fd: int, modules: list[str]) -> None:
    """The template's loop; ends when the driver closes its side."""
    die_with_parent()
    control = socket.socket(fileno=control_fd)
    for name in modules:
        module = importlib.import_module(name)
        getattr(module, "warm_up", lambda: None)()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the watchers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    while (request := receive(control)) is not None:
        memory, fds = request
        if os.fork() == 0:
            control.close()
            channel, status, stderr = fds
            watch(channel, status, stderr, memory)
        for fd in fds:
            os.close(fd)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])

"""A program that works on folders: started for each, or kept and told of each on a line; killed at its deadline."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Protocol

TAIL = 2000  # bytes of what a program printed that go into an error
LINE = 65536


class ProgramFailed(RuntimeError):
    """The program died, hung or broke its contract; `code` is the reason in the ledger."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Program(Protocol):
    """Works on a folder."""

    command: tuple[str, ...]

    def __init__(self, command: Sequence[str]) -> None: ...

    def run(self, folder: Path, log: Path, seconds: float) -> None:
        """Have the folder worked on, all that is printed going to `log`; raises ProgramFailed."""
        ...


class Once:
    """A process a folder, which is its last argument."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = tuple(command)

    def run(self, folder: Path, log: Path, seconds: float) -> None:
        """Until it ends with 0; raises ProgramFailed `command.failed`, `command.timeout`, `model.missing-program`."""
        with log.open("wb") as printed:
            process = started((*self.command, str(folder)), printed, subprocess.DEVNULL, printed)
            try:
                status = process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                raise ProgramFailed("command.timeout", f"killed after {seconds:g} s{tail(log)}") from None
            finally:
                kill(process)
        if status:
            raise ProgramFailed("command.failed", f"it ended with {status}{tail(log)}")


class Serve:
    """One process for all folders, which reads their paths from its input and answers each with the same line."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = tuple(command)
        self.process: subprocess.Popen[bytes] | None = None
        self.log: IO[bytes] | None = None

    def run(self, folder: Path, log: Path, seconds: float) -> None:
        """Until its line comes back; raises ProgramFailed as `Once` does. The next call starts it anew after that."""
        try:
            self._ask(folder, log, seconds)
        except ProgramFailed:
            self.close()
            raise

    def _ask(self, folder: Path, log: Path, seconds: float) -> None:
        if self.process is None or self.process.poll() is not None:
            import tempfile

            self.close()
            self.log = tempfile.TemporaryFile(prefix="meshmill-program-")  # noqa: SIM115
            self.process = started(self.command, self.log, subprocess.PIPE, subprocess.PIPE)
        assert self.process.stdin
        assert self.log
        begin = self.log.tell()
        try:
            self.process.stdin.write(f"{folder}\n".encode())
            self.process.stdin.flush()
            self._wait_for(str(folder), time.monotonic() + seconds, seconds)
        except BrokenPipeError as error:
            raise ProgramFailed("command.failed", f"it ended with {self.process.wait()}") from error
        finally:
            self.log.seek(begin)
            log.write_bytes(self.log.read())

    def _wait_for(self, line: str, deadline: float, seconds: float) -> None:
        assert self.process
        assert self.process.stdout
        assert self.log
        held = b""
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdout, selectors.EVENT_READ)
            while True:
                if not ready.select(max(0.0, deadline - time.monotonic())):
                    raise ProgramFailed("command.timeout", f"killed after {seconds:g} s{self._tail()}")
                block = os.read(self.process.stdout.fileno(), LINE)
                if not block:
                    raise ProgramFailed("command.failed", f"it ended with {self.process.wait()}{self._tail()}")
                *lines, held = (held + block).split(b"\n")
                if line.encode() in lines:
                    return
                for other in lines:  # what a library prints on the way is part of the log
                    self.log.write(other + b"\n")

    def _tail(self) -> str:
        assert self.log
        self.log.flush()
        self.log.seek(max(0, self.log.seek(0, os.SEEK_END) - TAIL))
        return words(self.log.read())

    def close(self) -> None:
        """End the process, if there is one."""
        if self.process is not None:
            kill(self.process)
            for stream in (self.process.stdin, self.process.stdout):
                if stream:
                    with contextlib.suppress(OSError):
                        stream.close()
        if self.log is not None:
            self.log.close()
        self.process, self.log = None, None

    def __del__(self) -> None:
        self.close()


def started(command: Sequence[str], errors: IO[bytes], stdin: int, stdout: int | IO[bytes]) -> subprocess.Popen[bytes]:
    """The process, in a session of its own so that all it starts can be killed; raises ProgramFailed."""
    try:
        return subprocess.Popen(
            list(command), stdin=stdin, stdout=stdout, stderr=errors, start_new_session=True, env=plain_environment()
        )
    except OSError as error:
        reason = error.strerror or error
        raise ProgramFailed("model.missing-program", f"{command[0]} cannot be started: {reason}") from error


def plain_environment() -> dict[str, str]:
    """This process's environment without what would make another interpreter load this one's packages."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "VIRTUAL_ENV")}


def kill(process: subprocess.Popen[bytes]) -> None:
    """The process and all it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def tail(log: Path) -> str:
    """The end of what was printed."""
    return words(log.read_bytes()[-TAIL:])


def words(printed: bytes) -> str:
    text = printed.decode("utf-8", "replace").strip()
    return f"; it said: {text}" if text else ""

"""The log of stages: a line of JSON for each stage of each row, in files that rotate."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from manifests.inputs import is_remote
from manifests.ledger_row import LedgerRow
from manifests.stage_run import StageRun, host
from manifests.store import Store

SETTING, OFF = "MESHMILL_LOG", "off"
PLACE = "logs/stages.jsonl"  # in a run's folder
FILE_BYTES, FILES = 32 << 20, 8  # 256 MiB: about a million lines


class LinesFile:
    """A file of lines that rotates, safe from any thread; a full disk or a closed terminal makes it shorter, not the
    run. logging's own handlers take 20 µs a row more."""

    def __init__(self, path: str, size: int, files: int) -> None:
        """At most `files` files of at most `size` bytes: PATH, PATH.1 and on; opened with the first line."""
        self.path, self.size, self.files = path, size, files
        self._lock = threading.Lock()
        self._descriptor = -1
        self._room = 0  # bytes until the next file; endless for what is no regular file

    def write(self, text: str) -> None:
        """Append the text."""
        data = text.encode("utf-8", "replace")
        with self._lock, suppress(OSError):
            if self._descriptor < 0:
                self._open()
            if len(data) > self._room:
                self._rotate()
            self._room -= os.write(self._descriptor, data)

    def close(self) -> None:
        """Close the file; a later line opens it again."""
        with self._lock, suppress(OSError):
            self._close()

    def _open(self) -> None:
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        info = os.fstat(self._descriptor)
        self._room = self.size - info.st_size if stat.S_ISREG(info.st_mode) else sys.maxsize

    def _close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def _rotate(self) -> None:
        self._close()
        for number in reversed(range(1, self.files)):
            earlier = f"{self.path}.{number - 1}" if number > 1 else self.path
            with suppress(FileNotFoundError):
                os.replace(earlier, f"{self.path}.{number}")  # noqa: PTH105
        self._open()


class StageLog:
    """Lines of one run, safe from any thread. Names, codes, times and hosts alone: no message, no option, no prompt."""

    def __init__(self, path: str, run: str, size: int = FILE_BYTES, files: int = FILES) -> None:
        """To a file that rotates, or to /dev/stdout or /dev/stderr, which do not."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.run = run
        self.file = LinesFile(path, size, files)

    def write(self, chunk: str, row: LedgerRow, runs: Sequence[StageRun]) -> None:
        """The row's stages, and the row itself last."""
        began = runs[0].started if runs else datetime.now(UTC).timestamp()
        reason = row.reasons[0] if row.reasons else ""
        whole = StageRun("row", began, sum(run.seconds for run in runs), reason or row.outcome)
        common = {"run": self.run, "chunk": chunk, "row": row.row, "id": row.id}
        lines = [json.dumps({"time": _clock(each.started), **common, **_said(each)}) for each in runs]
        last = {"outcome": row.outcome, "reasons": list(row.reasons), "attempts": row.attempts, "host": host()}
        lines.append(json.dumps({"time": _clock(began), **common, **_said(whole), **last}))
        self.file.write("\n".join([*lines, ""]))

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def stage_log(store: Store, run: str) -> StageLog | None:
    """What MESHMILL_LOG says: a path, `off`, or nothing for the run's own folder, where that is a local one."""
    path = os.environ.get(SETTING) or ("" if is_remote(store.uri) else store.uri_of(PLACE))
    return None if path in ("", OFF) else StageLog(path, run)


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _said(run: StageRun) -> dict[str, object]:
    return {"stage": run.stage, "seconds": round(run.seconds, 6), "outcome": run.outcome, "host": run.host}

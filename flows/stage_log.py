"""The log of stages: a line of JSON for each stage of each row, in files that rotate."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from manifests.inputs import is_remote
from manifests.ledger_row import LedgerRow
from manifests.stage_run import StageRun, host
from manifests.store import Store

SETTING, OFF = "MESHMILL_LOG", "off"
PLACE = "logs/stages.jsonl"  # in a run's folder
FILE_BYTES, FILES = 32 << 20, 8  # 256 MiB: about a million lines


class QuietFile(RotatingFileHandler):
    """A file that a full disk or a closed terminal makes shorter, not the run."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Leave the line out."""


class StageLog:
    """Lines of one run, safe from any thread. Names, codes, times and hosts alone: no message, no option, no prompt."""

    def __init__(self, path: str, run: str, size: int = FILE_BYTES, files: int = FILES) -> None:
        """To a file that rotates, or to /dev/stdout or /dev/stderr, which do not."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.run = run
        self.file = QuietFile(path, maxBytes=size, backupCount=files - 1, encoding="utf-8", delay=True)

    def write(self, chunk: str, row: LedgerRow, runs: Sequence[StageRun]) -> None:
        """The row's stages, and the row itself last."""
        began = runs[0].started if runs else datetime.now(UTC).timestamp()
        reason = row.reasons[0] if row.reasons else ""
        whole = StageRun("row", began, sum(run.seconds for run in runs), reason or row.outcome)
        common = {"run": self.run, "chunk": chunk, "row": row.row, "id": row.id}
        lines = [json.dumps({"time": _clock(each.started), **common, **_said(each)}) for each in runs]
        last = {"outcome": row.outcome, "reasons": list(row.reasons), "attempts": row.attempts, "host": host()}
        lines.append(json.dumps({"time": _clock(began), **common, **_said(whole), **last}))
        self.file.handle(logging.makeLogRecord({"msg": "\n".join(lines)}))

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):
            self.file.close()


def stage_log(store: Store, run: str) -> StageLog | None:
    """What MESHMILL_LOG says: a path, `off`, or nothing for the run's own folder, where that is a local one."""
    path = os.environ.get(SETTING) or ("" if is_remote(store.uri) else store.uri_of(PLACE))
    return None if path in ("", OFF) else StageLog(path, run)


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _said(run: StageRun) -> dict[str, object]:
    return {"stage": run.stage, "seconds": round(run.seconds, 6), "outcome": run.outcome, "host": run.host}

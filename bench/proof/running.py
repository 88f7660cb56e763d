"""Runs reader modules in their own environment, one process for many files: a crash or a hang costs one file."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from peer import Environment

HERE = Path(__file__).parent
PROOF = Environment("proof", HERE / "requirements.lock")


@dataclass(frozen=True)
class Job:
    """One file for a reader; what it finds goes to `stem`.json and .npz, options to its `read`."""

    file: Path
    stem: Path
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """How a reader fared with one file: `error` is empty where it read it."""

    error: str = ""
    value: Any = None  # of readers that give no Facts
    cpu: float = 0.0


def run(module: str, jobs: Sequence[Job], limit: float = 60.0, python: Path | None = None) -> list[Answer]:
    """Answers in the order of the jobs; `limit` is seconds of wall time a file (start of the process included).

    A process that dies or says nothing for so long fails the file it was at; another one takes the rest.
    """
    if python is None:
        PROOF.install()
    answers: list[Answer] = []
    while len(answers) < len(jobs):
        rest = jobs[len(answers) :]
        answers += _one_process(module, rest, limit, python or PROOF.python)
    return answers


def _one_process(module: str, jobs: Sequence[Job], limit: float, python: Path) -> list[Answer]:
    """The answers of one process, which ends with the first file that breaks it; at least one."""
    answers: list[Answer] = []
    with tempfile.TemporaryFile() as errors:
        command = [str(python), str(HERE / "worker.py"), module]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            start_new_session=True,
        )
        lines = _lines_of(process)
        try:
            assert process.stdin is not None
            for job in jobs:
                try:
                    process.stdin.write(_line(job))
                    process.stdin.flush()
                    line = lines.get(timeout=limit)
                except (BrokenPipeError, queue.Empty) as error:
                    line = b"" if isinstance(error, BrokenPipeError) else None
                answers.append(_answer(line, process, errors, limit))
                if not line:
                    break
        finally:
            _end(process)
    return answers


def _line(job: Job) -> bytes:
    return (json.dumps({"file": str(job.file), "stem": str(job.stem), "options": dict(job.options)}) + "\n").encode()


def _lines_of(process: subprocess.Popen[bytes]) -> queue.Queue[bytes]:
    """What the process prints, and b"" when it ends."""
    lines: queue.Queue[bytes] = queue.Queue()
    stdout = process.stdout
    assert stdout is not None

    def pump() -> None:
        for line in stdout:
            lines.put(line)
        lines.put(b"")

    threading.Thread(target=pump, daemon=True).start()
    return lines


def _answer(line: bytes | None, process: subprocess.Popen[bytes], errors: Any, limit: float) -> Answer:
    if line is None:
        return Answer(f"no answer in {limit:g} s")
    if line:
        reply = json.loads(line)
        return Answer(reply.get("error", ""), reply.get("value"), reply["cpu"])
    code = process.wait()
    name = signal.Signals(-code).name if code < 0 else f"exit {code}"
    errors.seek(0)
    return Answer(f"reader died: {name}: {errors.read()[-300:].decode(errors='replace')}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close its input and, if that does not end it, its session."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.close()
        process.wait(timeout=5)
    except (BrokenPipeError, subprocess.TimeoutExpired):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    process.stdout.close()

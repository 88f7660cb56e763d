"""Runs a peer's work in the peers' own environment (build/peers) and brings back what it cost and what it made."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

HERE = Path(__file__).parent
ROOT = HERE.parent
Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Reply:
    """What a peer's run cost and gave."""

    cpu: float  # seconds, user and system, median over the runs, set-up and imports left out
    memory: float  # MB of peak resident memory above what the process had before the work
    arrays: Arrays


class PeerError(RuntimeError):
    """The peer failed: its last words."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment below build/, made once from a lock file."""

    name: str
    lock: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return ROOT / "build" / self.name / "bin" / "python"

    def install(self) -> None:
        """Make it unless it is there."""
        if self.python.exists():
            return
        uv = str(Path(sys.executable).parent / "uv")
        print(f"installing peers into build/{self.name}", file=sys.stderr)
        subprocess.run([uv, "venv", "--quiet", str(self.python.parents[1]), "--python", sys.executable], check=True)
        command = [uv, "pip", "install", "--quiet", "--python", str(self.python), "-r", str(self.lock)]
        subprocess.run(command, check=True)


GEOMETRY = Environment("peers", HERE / "peers" / "requirements.lock")


def peer(work: str, arrays: Arrays, runs: int = 3, timeout: float = 900, **options: Any) -> Reply:
    """`work` = "module.function" below bench/peers, given the arrays and options; raises PeerError, TimeoutExpired.

    The function prepares and returns the work itself, a callable that gives arrays by name; only that is timed.
    """
    GEOMETRY.install()
    with tempfile.TemporaryDirectory() as scratch:
        np.savez(f"{scratch}/in.npz", **arrays)
        command = [
            str(GEOMETRY.python),
            str(HERE / "peers" / "worker.py"),
            work,
            scratch,
            str(runs),
            json.dumps(options),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
        if done.returncode:
            raise PeerError(f"{work} ended with {done.returncode}: {done.stderr[-1500:]}")
        cost = json.loads(Path(scratch, "cost.json").read_text())
        with np.load(f"{scratch}/out.npz") as made:
            return Reply(cost["cpu"], cost["memory"], {name: made[name] for name in made.files})

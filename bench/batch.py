"""A batch that is killed half way, and one with a row that crashes: ours beside datatrove's, the same rows and work."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import peer
from figures import Figure, main

from manifests.ledger import Ledger
from manifests.store import Store

HERE = Path(__file__).parent
ROWS, PIECES = 2048, 8  # 256 rows a chunk or shard, our default
BATCH = peer.Environment("batch", HERE / "peers" / "batch" / "requirements.lock")
RECIPE = '[generator]\nuse = "paced"\n[generator.paced]\nlog = "{log}"\n'


class Ours:
    """meshmill with a generator that does the row's work."""

    def __init__(self, folder: Path, crash: str) -> None:
        self.folder = folder
        lines = [f"{row},x,{'crash' if row == crash else ''}" for row in names()]
        (folder / "rows.csv").write_text("\n".join(["id,prompt,category", *lines]) + "\n")
        (folder / "paced.toml").write_text(RECIPE.format(log=folder / "made.log"))
        self.env = {**os.environ, "MESHMILL_PLUGINS": "batch_plugin", "PYTHONPATH": f"{HERE}:{HERE.parent}"}
        mill = str(Path(sys.executable).parent / "meshmill")
        self.command = [mill, "run", str(folder / "rows.csv"), "--recipe", str(folder / "paced.toml")]
        self.command += ["--engine", "inline", "--out", str(folder / "out")]

    def outcomes(self) -> Counter[str]:
        """How often each row stands in the output."""
        return Counter(str(row["id"]) for row in Ledger(Store(str(self.folder / "out"))).rows(columns=["id"]))


class Datatrove:
    """datatrove's local executor, two workers, a file of rows a task."""

    def __init__(self, folder: Path, crash: str) -> None:
        self.folder, self.env = folder, dict(os.environ)
        (folder / "in").mkdir()
        rows = [{"text": "x", "id": row, "crash": row == crash} for row in names()]
        for piece in range(PIECES):
            text = "\n".join(map(json.dumps, rows[piece * ROWS // PIECES : (piece + 1) * ROWS // PIECES]))
            (folder / "in" / f"{piece:02}.jsonl").write_text(text + "\n")
        script = str(HERE / "peers" / "batch" / "datatrove_run.py")
        self.command = [str(BATCH.python), script, str(folder), str(PIECES), "2"]

    def outcomes(self) -> Counter[str]:
        """How often each row stands in the output."""
        lines = [line for path in (self.folder / "out").glob("*.jsonl") for line in path.read_text().splitlines()]
        return Counter(json.loads(line)["id"] for line in lines if line.endswith("}"))


Factory = Ours | Datatrove


def names() -> list[str]:
    """Row ids."""
    return [f"row-{i:05}" for i in range(ROWS)]


def begun(factory: Factory) -> int:
    """Rows begun so far, again and again counted."""
    log = factory.folder / "made.log"
    return len(log.read_text().splitlines()) if log.exists() else 0


def start(factory: Factory) -> subprocess.Popen[bytes]:
    """The factory's command, quiet, in a session of its own."""
    quiet: Mapping[str, int] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(factory.command, env=factory.env, start_new_session=True, **quiet)  # type: ignore[call-overload]


def finish(process: subprocess.Popen[bytes], patience: float) -> bool:
    """Whether it ended by itself; what is left of its session is killed."""
    ended = True
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        ended = False
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return ended


def killed_half_way(factory: Factory) -> tuple[int, Counter[str]]:
    """Rows begun twice after kill -9 of all its processes at half, as when a container is lost, and the same command
    again; what stands at the end.
    """
    process = start(factory)
    while begun(factory) < ROWS // 2:
        assert process.poll() is None, factory.command
        time.sleep(0.02)
    finish(process, 0.0)
    time.sleep(1.0)
    assert finish(start(factory), 300)
    return begun(factory) - ROWS, factory.outcomes()


def with_a_crash(factory: Factory) -> tuple[bool, Counter[str]]:
    """Whether a run with one row that crashes ends by itself, and the rows that have an outcome then."""
    return finish(start(factory), 90), factory.outcomes()


def measure() -> Iterator[Figure]:
    """Ours, then theirs, in folders of their own."""
    BATCH.install()
    with tempfile.TemporaryDirectory() as scratch:

        def make(kind: type[Ours] | type[Datatrove], name: str, crash: str = "") -> Factory:
            folder = Path(scratch, name)
            folder.mkdir()
            return kind(folder, crash)

        ours, theirs = (killed_half_way(make(kind, f"kill-{kind.__name__}")) for kind in (Ours, Datatrove))
        twice = [sum(count - 1 for count in outcomes.values()) for _, outcomes in (ours, theirs)]
        missing = [ROWS - len(outcomes) for _, outcomes in (ours, theirs)]
        for what, mine, other in (
            (f"all processes killed at half of {ROWS} rows: rows begun again", ours[0], theirs[0]),
            ("… rows lost", missing[0], missing[1]),
            ("… rows twice in the output", twice[0], twice[1]),
        ):
            yield Figure(what, mine, "rows", peer="datatrove", peer_value=other)
        (ended, found), (peer_ended, peer_found) = (
            with_a_crash(make(kind, f"crash-{kind.__name__}", crash=names()[ROWS // 3])) for kind in (Ours, Datatrove)
        )
        what = f"one of {ROWS} rows crashes: rows with an outcome"
        yield Figure(what, len(found), "rows", ROWS, "higher", "datatrove", len(peer_found))
        yield Figure("… the run ends by itself (1) or hangs (0)", ended, "", 1, "higher", "datatrove", peer_ended)


if __name__ == "__main__":
    main(measure, __doc__ or "")

"""What the restart tests and the long drills share: a paced run that can be killed, and how two runs are compared."""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commands import MESHMILL

from manifests.lease import LOCK
from manifests.ledger import Ledger, comparable
from manifests.store import Store

HERE = Path(__file__).parent
SUBJECTS = ("chair", "table", "mug", "vase", "lamp", "barrel", "stool", "bench")
PLUGINS = {"MESHMILL_PLUGINS": "poison_plugin", "PYTHONPATH": f"{HERE}:{HERE.parents[1]}"}

# What every drill makes: places of the files that tell what was begun, and seconds that a mesh and a chain take.
MAKING = """
[generator]
use = "poison"
[generator.poison]
log = "{log}"
pace = {pace}
[[steps]]
use = "clean"
[[steps]]
use = "dwell"
log = "{log}"
pace = {dwell}
"""
RECIPE = f"""
name = "drill"
{MAKING}[[exports]]
use = "glb"
[gate]
profile = "none"
"""


def rows_csv(count: int) -> str:
    """A manifest of so many rows."""
    lines = [f"row-{i},a {SUBJECTS[i % len(SUBJECTS)]}" for i in range(count)]
    return "id,prompt\n" + "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Made:
    """One line of the log: a raw mesh was begun, or a chain was."""

    what: str  # generate, process
    id: str
    time: float


@dataclass
class Drill:
    """One manifest, one recipe, as many output folders as runs are compared."""

    folder: Path
    rows: int
    pace: float = 0.05  # seconds a raw mesh takes at least
    dwell: float = 0.0  # seconds a chain takes at least
    engine: str = "inline"
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.manifest = self.folder / "rows.csv"
        self.manifest.write_text(rows_csv(self.rows))
        self.log = self.folder / "made.log"
        self.recipe = self.folder / "drill.toml"
        self.recipe.write_text(RECIPE.format(log=self.log, pace=self.pace, dwell=self.dwell))

    def start(self, out: Path) -> subprocess.Popen[str]:
        """The command, in a session of its own."""
        command = [MESHMILL, "run", str(self.manifest), "--recipe", str(self.recipe), "--out", str(out), "--json"]
        return subprocess.Popen(
            [*command, "--engine", self.engine],
            env={**os.environ, **PLUGINS, **self.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self, out: Path) -> dict[str, Any]:
        """Run undisturbed to the end; the summary."""
        return ended(self.start(out))

    def made(self) -> list[Made]:
        """Everything that was begun since the log was last cleared, in order."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [Made(what, id, float(at)) for what, id, at in map(str.split, lines)]

    def again(self, what: str) -> int:
        """How many raw meshes or chains were begun a second time."""
        begun = Counter(made.id for made in self.made() if made.what == what)
        return begun.total() - len(begun)

    def clear_log(self) -> None:
        """Count from zero."""
        self.log.unlink(missing_ok=True)

    def wait_for(self, lines: int, process: "subprocess.Popen[str]", patience: float = 120) -> bool:
        """Wait until the log has that many lines; False when the run ended first."""
        deadline = time.monotonic() + patience
        while process.poll() is None:
            if len(self.made()) >= lines:
                return True
            assert time.monotonic() < deadline, f"{len(self.made())} of {lines} after {patience} s"
            time.sleep(0.02)
        return False


def ended(process: "subprocess.Popen[str]", patience: float = 300) -> dict[str, Any]:
    """Wait for a run to end well; its summary."""
    stdout, stderr = process.communicate(timeout=patience)
    assert process.returncode == 0, stderr[-3000:]
    summary: dict[str, Any] = json.loads(stdout)
    return summary


def kill(process: "subprocess.Popen[str]") -> None:
    """kill -9 of the driver alone."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        assert stream is not None
        stream.close()  # not read: a process that the driver left behind would hold it open


def recorded(out: Path) -> set[str]:
    """Ids whose result is in the ledger or the journal: these are never made again."""
    finished = {str(row["id"]) for row in Ledger(Store(str(out))).rows(columns=["id"])}
    return finished | {json.loads(line)["id"] for line in journal_lines(out)}


def journal_lines(out: Path) -> Iterator[str]:
    """The records of chunks that were in flight."""
    for segment in (out / "journal").rglob("*.jsonl"):
        yield from segment.read_text().splitlines()


def ledger_of(out: Path) -> list[dict[str, Any]]:
    """The ledger's comparable rows in id order."""
    return sorted((comparable(row) for row in Ledger(Store(str(out))).rows()), key=lambda row: str(row["id"]))


def files_of(out: Path) -> dict[str, bytes]:
    """Every finished or raw file, by relative path."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for folder in ("assets", "store")
        for path in sorted((out / folder).rglob("*"))
        if path.is_file()
    }


def differences(out: Path, reference: Path, rows: int) -> list[str]:
    """What tells a disturbed and re-run output from an undisturbed one; nothing when all is well."""
    ledger, expected = ledger_of(out), ledger_of(reference)
    ids = Counter(str(row["id"]) for row in ledger)
    wrong = [f"{row['id']} is missing" for row in expected if row["id"] not in ids]
    wrong += [f"{len(ids)} ids where there are {rows} rows"] if len(ids) != rows else []
    wrong += [f"{id} is there {count} times" for id, count in ids.items() if count > 1]
    if ledger != expected:
        by_id = {row["id"]: row for row in expected}
        wrong += [f"ledger: {row} is not {by_id.get(row['id'])}" for row in ledger if row != by_id.get(row["id"])][:3]
    files, wanted = files_of(out), files_of(reference)
    wrong += [f"store: {path}" for path in sorted(files.keys() | wanted.keys()) if files.get(path) != wanted.get(path)]
    wrong += ["the journal was left"] if any(journal_lines(out)) else []
    wrong += [f"{path.name} was left" for path in out.glob(f"{LOCK}*")]
    return wrong + unswept(out)


def unswept(out: Path) -> list[str]:
    """Temporary files that sweeping leaves behind once they are over an hour old."""
    long_ago = time.time() - 3700
    for path in (out / ".tmp").glob("*"):
        os.utime(path, (long_ago, long_ago))
    Store(str(out)).sweep()
    return [f"{path.name} was left" for path in (out / ".tmp").glob("*")]


def assert_same(out: Path, reference: Path, rows: int) -> None:
    """The disturbed and re-run output equals the undisturbed one: nothing lost, nothing twice."""
    assert not differences(out, reference, rows)


@dataclass(frozen=True)
class Kill:
    """A moment at which a driver was killed, and what it had on record by then."""

    time: float
    lines: int  # of the log
    recorded: frozenset[str]


def killed(drill: Drill, out: Path) -> Kill:
    """What is on record now; called when nothing runs."""
    return Kill(time.time(), len(drill.made()), frozenset(recorded(out)))


def made_though_recorded(drill: Drill, kills: list[Kill]) -> list[str]:
    """Rows that were begun after a kill although their result was on record: there must be none."""
    made = drill.made()
    return [each.id for kill in kills for each in made[kill.lines :] if each.id in kill.recorded]


def oldest_repeated(drill: Drill, kills: list[Kill]) -> float:
    """Seconds between the begin of a raw mesh and the kill that lost it, at most."""
    made = [each for each in drill.made() if each.what == "generate"]
    ages = [0.0]
    for kill in kills:
        after = {each.id for each in made if each.time > kill.time}
        before = {each.id: each.time for each in made if each.time <= kill.time}
        ages += [kill.time - at for id, at in before.items() if id in after]
    return max(ages)

"""What the restart tests and the long drills share: a paced run that can be killed, and how two runs are compared."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from manifests.ledger import Ledger, comparable
from manifests.store import Store

MESHMILL = str(Path(sys.executable).parent / "meshmill")
SUBJECTS = ("chair", "table", "mug", "vase", "lamp", "barrel", "stool", "bench")

RECIPE = """
name = "drill"
[generator]
use = "poison"
[generator.poison]
log = "{log}"
pace = {pace}
[[steps]]
use = "clean"
[[exports]]
use = "glb"
[gate]
profile = "none"
"""


@dataclass
class Drill:
    """One manifest, one recipe, as many output folders as runs are compared."""

    folder: Path
    rows: int
    pace: float = 0.05
    engine: str = "inline"
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.manifest = self.folder / "rows.csv"
        lines = [f"row-{i},a {SUBJECTS[i % len(SUBJECTS)]}" for i in range(self.rows)]
        self.manifest.write_text("id,prompt\n" + "\n".join(lines) + "\n")
        self.log = self.folder / "made.log"
        self.recipe = self.folder / "drill.toml"
        self.recipe.write_text(RECIPE.format(log=self.log, pace=self.pace))

    def start(self, out: Path) -> subprocess.Popen[str]:
        """The command, in a session of its own."""
        command = [MESHMILL, "run", str(self.manifest), "--recipe", str(self.recipe), "--out", str(out), "--json"]
        env = {
            **os.environ,
            "MESHMILL_PLUGINS": "poison_plugin",
            "PYTHONPATH": str(Path(__file__).parent),
            **self.env,
        }
        return subprocess.Popen(
            [*command, "--engine", self.engine],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self, out: Path) -> dict[str, object]:
        """Run undisturbed to the end; the summary."""
        process = self.start(out)
        stdout, stderr = process.communicate(timeout=300)
        assert process.returncode == 0, stderr[-3000:]
        summary: dict[str, object] = json.loads(stdout)
        return summary

    def made(self) -> Counter[str]:
        """How often each row was generated since the log was last cleared."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return Counter(line.split()[0] for line in lines)

    def clear_log(self) -> None:
        """Count from zero."""
        self.log.unlink(missing_ok=True)

    def wait_for(self, made: int, process: subprocess.Popen[str], patience: float = 120) -> bool:
        """Wait until that many rows have been generated; False when the run ended first."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and process.poll() is None:
            if sum(self.made().values()) >= made:
                return True
            time.sleep(0.01)
        return False


def kill(process: subprocess.Popen[str]) -> None:
    """kill -9 of the driver alone."""
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def ledger_of(out: Path) -> list[dict[str, object]]:
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


def assert_same(out: Path, reference: Path, rows: int) -> None:
    """The disturbed and re-run output equals the undisturbed one: nothing lost, nothing twice."""
    ledger = ledger_of(out)
    ids = Counter(str(row["id"]) for row in ledger)
    assert len(ids) == rows
    assert max(ids.values()) == 1
    assert ledger == ledger_of(reference)
    assert files_of(out) == files_of(reference)
    assert not list((out / "journal").rglob("*.jsonl")) if (out / "journal").exists() else True

"""The quickstart with both engines: assets per CPU-second, where the time goes, and what the cluster's start costs."""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from accounting import Account, run_accounted
from figures import Figure, main

from manifests.ledger import Ledger
from manifests.store import Store

ROOT = Path(__file__).parents[1]
MESHMILL = str(Path(sys.executable).parent / "meshmill")


def run(engine: str, out: Path) -> tuple[Account, dict[str, int]]:
    """One undisturbed run of the quickstart; its cost and its outcomes."""
    manifest = ROOT / "manifests" / "examples" / "quickstart.csv"
    account = run_accounted([MESHMILL, "run", str(manifest), "--out", str(out), "--engine", engine, "--json"])
    assert account.code == 0, account.output
    return account, json.loads(account.output)["outcomes"]


def stages(out: Path) -> Counter[str]:
    """Seconds over all assets by stage."""
    total: Counter[str] = Counter()
    for row in Ledger(Store(str(out))).rows(columns=["timings"]):
        total.update(row["timings"])
    return total


def measure() -> Iterator[Figure]:
    """A first run fills the compiled-code cache and is not counted."""
    with tempfile.TemporaryDirectory() as scratch:
        run("inline", Path(scratch) / "warm")
        inline, outcomes = run("inline", Path(scratch) / "inline")
        auto, _ = run("auto", Path(scratch) / "auto")
        rows, passed = sum(outcomes.values()), outcomes["passed"]
        yield Figure("quickstart: passed assets", passed, f"of {rows}", bar=20, better="higher")
        yield Figure("quickstart inline: passed assets per CPU-second", passed / inline.cpu, "1/s", better="higher")
        yield Figure("quickstart inline: wall", inline.wall, "s")
        yield Figure("quickstart inline: CPU", inline.cpu, "s")
        yield Figure("quickstart auto (Prefect, Ray, Dask): wall", auto.wall, "s")
        yield Figure("quickstart auto (Prefect, Ray, Dask): CPU", auto.cpu, "s")
        yield Figure("what --engine inline saves on 24 rows", auto.wall - inline.wall, "s wall")
        spent = stages(Path(scratch) / "inline")
        for name, seconds in spent.most_common():
            yield Figure(f"stage {name}", seconds / rows * 1e3, "ms a row")


if __name__ == "__main__":
    main(measure, __doc__ or "")

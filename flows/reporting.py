"""The report of a run: the ledger's rows handed to the report writer, the run's own facts kept beside them."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from importlib.metadata import version

from flows.run import FACTS, Run
from manifests.errors import LedgerError
from manifests.inputs import is_remote
from manifests.ledger import Ledger
from manifests.store import Store
from tasks.report import ReportOptions, RunInfo, write_report


def write_run_report(run: Run, engine: str) -> str:
    """Write OUT/report from the whole ledger; its index page's place."""
    facts = run.facts()
    info = RunInfo(**facts) if facts else info_of(run, engine)
    return write_from_ledger(run.store, info)


def info_of(run: Run, engine: str) -> RunInfo:
    """The run's own facts."""
    return RunInfo(
        title=run.config.manifest.rsplit("/", 1)[-1],
        manifest=run.config.manifest,
        recipe=run.recipe.name,
        started=run.started.isoformat(timespec="seconds"),
        seconds=run.summary.seconds,
        engine=engine,
        versions={name: version(name) for name in ("meshmill", "numpy", "numba", "trimesh", "xatlas")},
        currency=run.recipe.prices.currency,
        finished=run.progress.finished,
    )


def rewrite_report(store: Store) -> str:
    """The report again, from what the ledger holds now; raises LedgerError where nothing ever ran."""
    try:
        info = RunInfo(**json.loads(store.read(FACTS)))
    except (FileNotFoundError, ValueError, TypeError) as error:
        raise LedgerError(f"{store.uri} holds no finished run") from error
    return write_from_ledger(store, info)


def write_from_ledger(store: Store, info: RunInfo) -> str:
    """Write the report of everything the ledger holds; models are embedded only where pages are opened from disk."""
    store.delete(FACTS)
    store.delete_tree("report")
    options = ReportOptions(embed_assets=0) if is_remote(store.uri) else ReportOptions()
    missing = write_report(Ledger(store).rows(), store.put, store.read, info, options)
    if missing:
        print(f"report: {missing}", file=sys.stderr)
    store.put(FACTS, json.dumps(asdict(info), default=str).encode())
    return store.uri_of("report/index.html")

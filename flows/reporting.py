"""The report of a run: the ledger's rows handed to the report writer."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version

from flows.run import Run
from manifests.ledger import Ledger
from manifests.store import Store
from tasks.report import RunInfo, write_report


def write_run_report(run: Run, engine: str) -> str:
    """Write OUT/report from the whole ledger; its index page's place."""
    info = RunInfo(
        title=run.config.manifest.rsplit("/", 1)[-1],
        manifest=run.config.manifest,
        recipe=run.recipe.name,
        started=run.started.isoformat(timespec="seconds"),
        seconds=(datetime.now(UTC) - run.started).total_seconds(),
        engine=engine,
        versions={"meshmill": version("meshmill")},
    )
    return write_from_ledger(run.store, info)


def write_from_ledger(store: Store, info: RunInfo) -> str:
    """Write the report of everything the ledger holds."""
    write_report(Ledger(store).rows(), store.put, store.read, info)
    return store.uri_of("report/index.html")

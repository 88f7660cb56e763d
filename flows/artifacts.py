"""Tables and links that Prefect's pages show of a flow run: what was made, why rows were refused, where it lies."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

_bars: dict[UUID, UUID] = {}  # progress artifacts by flow run
_lock = threading.Lock()
MOST_ROWS = 200  # of a table: a page is for people, the ledger holds all of it


def table(key: str, rows: Sequence[Mapping[str, Any]], description: str) -> None:
    """A table artifact of this flow run; nothing outside one."""
    from prefect.artifacts import create_table_artifact
    from prefect.context import FlowRunContext

    if FlowRunContext.get() is not None:
        create_table_artifact([dict(row) for row in rows[:MOST_ROWS]], key=plain(key), description=description)


def link(key: str, address: str, text: str) -> None:
    """A link artifact of this flow run, for addresses that a browser can open; nothing outside one."""
    from prefect.artifacts import create_link_artifact
    from prefect.context import FlowRunContext

    if FlowRunContext.get() is not None and address.startswith(("http://", "https://")):
        create_link_artifact(address, link_text=text, key=plain(key))


def progress(key: str, share: float) -> None:
    """The progress artifact of this flow run, 0 to 1; nothing outside one."""
    from prefect.artifacts import create_progress_artifact, update_progress_artifact
    from prefect.context import FlowRunContext

    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    with _lock:
        if found := _bars.get(context.flow_run.id):
            update_progress_artifact(found, 100.0 * share)
        else:
            made: Any = create_progress_artifact(100.0 * share, key=plain(key), description="Rows with an outcome, %")
            _bars[context.flow_run.id] = made


def plain(key: str) -> str:
    """A key as Prefect wants it: small letters, digits and single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")


def funnel(rows: int, skipped: int, outcomes: Mapping[str, int]) -> list[dict[str, Any]]:
    """From all rows of a manifest to what passed, a line each."""
    made = sum(outcomes.values())
    steps = [("rows of the manifest", rows), ("in the ledger already", skipped), ("made now", made)]
    return [{"step": name, "rows": n} for name, n in (*steps, *sorted(outcomes.items()))]

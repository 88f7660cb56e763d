"""Tables and links that Prefect's pages show of a flow run: what was made, why rows were refused, where it lies."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

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


def plain(key: str) -> str:
    """A key as Prefect wants it: small letters, digits and single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")


def funnel(rows: int, skipped: int, outcomes: Mapping[str, int]) -> list[dict[str, Any]]:
    """From all rows of a manifest to what passed, a line each."""
    made = sum(outcomes.values())
    steps = [("rows of the manifest", rows), ("in the ledger already", skipped), ("made now", made)]
    return [{"step": name, "rows": n} for name, n in (*steps, *sorted(outcomes.items()))]

"""The versions of an asset: its tree, what changed from one to the next, and which of them is the current one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from manifests.errors import LedgerError
from manifests.lease import Lease
from manifests.ledger import Ledger
from manifests.ledger_row import LedgerRow
from manifests.store import Store
from manifests.versions import current_of, number_of, root_of, rows_by_id, since_of, trees, version_of


@dataclass(frozen=True)
class VersionLine:
    """One version as the history shows it."""

    id: str
    number: int
    parent: str  # "" for the root
    depth: int  # steps from the root
    outcome: str
    reasons: tuple[str, ...]
    current: bool
    instruction: str
    region: str
    how: str  # drawing, mesh, model; "" for what was not carried out
    understood: str
    score: float | None
    changes: Mapping[str, Sequence[float | None]]  # measures that differ from the parent's: [old, new]
    stale: bool  # whether its parent was made anew since

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def history(store: Store, id: str) -> list[VersionLine]:
    """The tree that an asset belongs to, each version behind its parent; raises LedgerError for an unknown id."""
    rows = tree_of(Ledger(store), id)
    current = current_of(list(rows.values()))
    children: dict[str, list[str]] = {}
    for row in sorted(rows.values(), key=number_of):
        children.setdefault(row["parent"] if row["parent"] in rows else "", []).append(row["id"])
    lines: list[VersionLine] = []
    waiting = [(each, 0) for each in reversed(children.get("", []))]
    while waiting:
        name, depth = waiting.pop()
        row = rows[name]
        lines.append(_line(row, depth, row is current, rows.get(row["parent"])))
        waiting += [(each, depth + 1) for each in reversed(children.get(name, []))]
    return lines


def tree_of(ledger: Ledger, id: str) -> dict[str, dict[str, Any]]:
    """The rows of an asset's tree by id; raises LedgerError."""
    found = rows_by_id(ledger, [id])
    if not found:
        raise LedgerError(f"the ledger holds no asset {id!r}")
    return {row["id"]: row for row in trees(ledger, [root_of(found[id])])}


def _line(row: Mapping[str, Any], depth: int, current: bool, parent: Mapping[str, Any] | None) -> VersionLine:
    version = version_of(row)
    made_of = version.get("parent_key")
    return VersionLine(
        id=row["id"],
        number=number_of(row),
        parent=row["parent"] if version.get("root") else "",
        depth=depth,
        outcome=row["outcome"],
        reasons=tuple(row["reasons"]),
        current=current,
        instruction=version.get("instruction", ""),
        region=version.get("region", ""),
        how=version.get("how", ""),
        understood=version.get("understood", ""),
        score=row["metrics"].get("score"),
        changes=version.get("changes", {}),
        stale=bool(made_of) and (parent is None or parent["key"] != made_of),
    )


def revert(store: Store, id: str, version: str) -> str:
    """Make an older version the current one of an asset's tree; its id.

    `version` is an id of the tree, or its number ('1', 'v2'). Nothing is removed: the row of the chosen version is
    written once more with `meta.version.since` the greatest of the tree (see manifests/versions.py), under the lease;
    the current version stays as it is. Raises LedgerError for an unknown id or version, and for a version that did
    not pass; LeaseError while a run is writing there.
    """
    with Lease(store) as lease:
        ledger = Ledger(store)
        ledger.index()
        rows = tree_of(ledger, id)
        chosen = _chosen(rows, id, version)
        if chosen["outcome"] != "passed":
            raise LedgerError(f"{chosen['id']} was {chosen['outcome']}; only a version that passed can be current")
        current = current_of(list(rows.values()))
        if current is not None and current["id"] == chosen["id"]:
            return str(chosen["id"])
        since = 1 + max(map(since_of, rows.values()))
        marked = {**version_of(chosen), "since": since}
        lease.check()
        row = LedgerRow.from_dict({**chosen, "meta": {**chosen["meta"], "version": marked}})
        ledger.write_chunk("revert", [row])
    return str(chosen["id"])


def _chosen(rows: Mapping[str, dict[str, Any]], id: str, version: str) -> dict[str, Any]:
    if version in rows:
        return rows[version]
    number = version.removeprefix("v")
    found = [row for row in rows.values() if number.isascii() and number.isdigit() and number_of(row) == int(number)]
    if not found:
        known = ", ".join(sorted(rows, key=lambda each: number_of(rows[each])))
        raise LedgerError(f"{id!r} has no version {version!r}; there are: {known}")
    return found[0]

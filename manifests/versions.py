"""Versions of an asset: their ids, their place in the tree that grew from one root, and which of them is current.

Every refinement is a row of the ledger with `parent`, the id of the asset it was made from, and `meta.version`:
`root` (the asset the whole tree grew from), `number` (from 2, counted over the tree, the root being 1), `since`, and
what was asked and understood. Of a tree's passed rows the one with the greatest `since` is current; a version begins
with its own number, so that the newest is current, and `meshmill revert` gives an older one the next free number.
In plain duckdb:

    select arg_max(id, coalesce((meta->>'$.version.since')::int, 1)) as current
    from read_parquet('out/ledger/*.parquet') where outcome = 'passed'
    group by coalesce(meta->>'$.version.root', id)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from manifests.ledger import Ledger

ASKED_AT_ONCE = 500  # ids in one question to the ledger
Plain = Mapping[str, Any]  # a ledger row as `Ledger.rows` gives it


def version_of(row: Plain) -> dict[str, Any]:
    """What `meta.version` says of a row; {} for an asset that is no refinement and was never reverted to."""
    version = (row.get("meta") or {}).get("version")
    return dict(version) if isinstance(version, dict) else {}


def root_of(row: Plain) -> str:
    """The id of the asset that the row's tree grew from."""
    return str(version_of(row).get("root") or row["id"])


def number_of(row: Plain) -> int:
    """Which version of its tree a row is; the root is 1."""
    return int(version_of(row).get("number") or 1)


def since_of(row: Plain) -> int:
    """The greater, the later the row was made or chosen."""
    return int(version_of(row).get("since") or number_of(row))


def version_id(root: str, number: int) -> str:
    """chair-0007.v2: the root's id and the version's number."""
    return f"{root}.v{number}"


def rows_by_id(ledger: Ledger, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The ledger's rows of these ids; those it does not hold are left out."""
    return {row["id"]: row for row in _asked(ledger, "id", ids)}


def trees(ledger: Ledger, roots: Iterable[str]) -> Iterator[dict[str, Any]]:
    """All rows that belong to the trees of these roots, the roots included."""
    return _asked(ledger, "coalesce(json_extract_string(meta, '$.version.root'), id)", roots)


def last_numbers(ledger: Ledger, roots: Iterable[str]) -> dict[str, int]:
    """The greatest number that each root's tree has used, for versions and for going back to one.

    An asset of another tree whose id is that of a version counts too.
    """
    wanted = set(roots)
    last: dict[str, int] = {}
    for row in trees(ledger, wanted):
        last[root_of(row)] = max(last.get(root_of(row), 1), number_of(row), since_of(row))
    for row in _asked(ledger, r"regexp_extract(id, '^(.*)\.v[1-9][0-9]{0,8}$', 1)", wanted):
        root, _, number = str(row["id"]).rpartition(".v")
        last[root] = max(last.get(root, 1), int(number))
    return last


def _asked(ledger: Ledger, what: str, values: Iterable[str]) -> Iterator[dict[str, Any]]:
    known = sorted(set(values))
    for start in range(0, len(known), ASKED_AT_ONCE):
        listed = ", ".join("'" + value.replace("'", "''") + "'" for value in known[start : start + ASKED_AT_ONCE])
        yield from ledger.rows(f"{what} in ({listed})")


def current_of(rows: Sequence[Plain]) -> Plain | None:
    """The current one of a tree's rows: the last made or chosen of those that passed; None where none did."""
    return max((row for row in rows if row["outcome"] == "passed"), key=since_of, default=None)


def superseded(ledger: Ledger) -> set[str]:
    """Ids of all passed rows that are not the current version of their tree."""
    passed = list(
        ledger.rows(
            "outcome = 'passed' and coalesce(json_extract_string(meta, '$.version.root'), id) in"
            " (select json_extract_string(meta, '$.version.root') from ledger where parent <> '')",
            columns=["id", "outcome", "meta"],
        )
    )
    newest: dict[str, Plain] = {}
    for row in passed:
        best = newest.get(root_of(row))
        if best is None or since_of(row) > since_of(best):
            newest[root_of(row)] = row
    return {row["id"] for row in passed if newest[root_of(row)] is not row}

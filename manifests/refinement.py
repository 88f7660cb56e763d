"""The rows of a refinement manifest: a parent asset, an instruction in words, and optionally a region of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from manifests.columns import Fault, Layout, Record, asset_id, carried, invalid, text
from manifests.readers import read_records
from manifests.row import InvalidRow


@dataclass(frozen=True, slots=True)
class Refinement:
    """One new version to make. `id` is "" where the manifest leaves it to the house."""

    number: int  # data row, from 1
    line: int
    id: str
    parent: str
    instruction: str
    region: str = ""  # JSON; "" for the whole asset
    meta: Mapping[str, str] = field(default_factory=dict)  # every other column, carried to the ledger


def _region(column: str, value: Any) -> str:
    """JSON text; JSON lines and Parquet may hold the object itself."""
    return text(column, json.dumps(value, separators=(",", ":"), default=str) if isinstance(value, dict) else value)


REFINEMENTS = Layout(
    {"id": asset_id, "parent": text, "instruction": text, "region": _region}, needed=("parent", "instruction")
)


def read_refinements(uri: str) -> Iterator[Refinement | InvalidRow]:
    """The rows of a CSV, Parquet or JSON-lines file, in order; raises ManifestError at once where it is none.

    An InvalidRow has the code `refine.no-parent`, `refine.no-instruction`, `row.repeated`, `row.duplicate-id` or one
    of those an asset's row may have.
    """
    return _unique(map(_checked, _numbered(read_records(uri, REFINEMENTS))))


def _numbered(records: Iterator[Record]) -> Iterator[tuple[int, Record]]:
    return enumerate(records, 1)


def _checked(numbered: tuple[int, Record]) -> Refinement | InvalidRow:
    number, record = numbered
    try:
        if record.fault is not None:
            raise record.fault
        said = {name: REFINEMENTS.checks[name](name, value) for name, value in record.values.items()}
        for name in REFINEMENTS.needed:
            if not said.get(name):
                raise Fault(f"refine.no-{name}", name, f"{name} is empty")
        return Refinement(number, record.line, said.pop("id", ""), **said, meta=carried(record))
    except Fault as fault:
        kept = {name: str(value) for name, value in record.values.items() if name != "id"}
        return wrong(invalid(Record(record.line, record.values, {**record.meta, **kept}), number, fault))


def wrong(row: InvalidRow) -> InvalidRow:
    """The row under an id that neither an asset nor a wrong row of another manifest in the same ledger can have."""
    content = ascii((row.id, row.code, row.column, sorted(row.meta.items()))).encode()
    id = f"refine-{blake2b(content, digest_size=4).hexdigest()}#row{row.number}"
    return InvalidRow(row.number, row.line, id, row.column, row.code, row.message, row.meta)


def refused(row: Refinement, column: str, code: str, message: str) -> InvalidRow:
    """The invalid row that a refinement turns out to be once its parent and its region are looked at."""
    said = {"parent": row.parent, "instruction": row.instruction, "region": row.region, "asked_id": row.id}
    meta = {**row.meta, **{name: value for name, value in said.items() if value}}
    return wrong(InvalidRow(row.number, row.line, row.id, column, code, message, meta))


def _unique(rows: Iterator[Refinement | InvalidRow]) -> Iterator[Refinement | InvalidRow]:
    """The rows, but for those that say what an earlier one says, or name their version as an earlier one does."""
    said, ids = set[tuple[str, str, str, str]](), set[str]()
    for row in rows:
        if isinstance(row, Refinement):
            what = (row.parent, row.instruction, row.region, row.id)
            if what in said:
                yield refused(row, "", "row.repeated", f"an earlier row asks the same of {row.parent!r}")
                continue
            if row.id in ids:
                yield refused(row, "id", "row.duplicate-id", f"id {row.id!r} stands in an earlier row")
                continue
            said.add(what)
            ids.update([row.id] if row.id else [])
        yield row

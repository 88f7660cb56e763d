"""One row of the ledger: its columns, what they mean, and which of them may differ between equal runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any

import pyarrow as pa

from manifests.outcome import Outcome

SCHEMA_VERSION = 1

# Numbers are maps: pyarrow and duckdb read `metrics['faces']` without a parser, and parts with other names still have
# one schema, which a struct would not. Free-form columns are compact JSON text: their shapes differ from row to row.
_OUTPUT = pa.struct(
    [
        pa.field("format", pa.string()),
        pa.field("lod", pa.int32()),
        pa.field("uri", pa.string()),
        pa.field("bytes", pa.int64()),
        pa.field("sha256", pa.string()),
    ]
)
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("key", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("reasons", pa.list_(pa.string())),
        pa.field("message", pa.string()),
        pa.field("generator", pa.string()),
        pa.field("seed", pa.int64()),
        pa.field("attempts", pa.int32()),
        pa.field("parent", pa.string()),
        pa.field("recipe", pa.string()),
        pa.field("metrics", pa.map_(pa.string(), pa.float64())),
        pa.field("outputs", pa.list_(_OUTPUT)),
        pa.field("timings", pa.map_(pa.string(), pa.float64())),
        pa.field("prompt_understood", pa.string()),
        pa.field("meta", pa.string()),
        pa.field("gpu_seconds", pa.float64()),  # null in parts from before it was there, as is `cost`
        pa.field("cost", pa.float64()),
        pa.field("step_gpu_seconds", pa.map_(pa.string(), pa.float64())),  # null in older parts, as is `step_cost`
        pa.field("step_cost", pa.map_(pa.string(), pa.float64())),
    ],
    metadata={"meshmill.ledger": str(SCHEMA_VERSION)},
)


@dataclass(frozen=True, slots=True)
class Output:
    """One finished file."""

    format: str
    lod: int
    uri: str  # relative to the run's root, so that a ledger that moves with its assets stays right
    bytes: int
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        """What `Output(**…)` takes; `asdict` would take ten times as long."""
        return {name: getattr(self, name) for name in OUTPUT_NAMES}


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """What became of one row."""

    id: str
    key: str
    row: int  # data row of the manifest
    outcome: Outcome
    reasons: tuple[str, ...] = ()
    message: str = ""
    generator: str = ""
    seed: int | None = None
    attempts: int = 1
    parent: str = ""  # what the asset was made from: a digest in the store, or another asset's id
    recipe: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)  # SI units
    outputs: tuple[Output, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)  # seconds a stage
    prompt_understood: Mapping[str, Any] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    gpu_seconds: float = 0.0  # its share of GPU times how long that worked on it, all candidates together
    cost: float = 0.0  # of these by the recipe's prices
    step_gpu_seconds: Mapping[str, float] = field(default_factory=dict)  # what of them its steps took; the rest is its
    step_cost: Mapping[str, float] = field(default_factory=dict)  # generator's

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON takes as they are."""
        plain = {name: getattr(self, name) for name in NAMES}
        plain["reasons"] = list(self.reasons)
        plain["outputs"] = [output.to_dict() for output in self.outputs]
        for name in (*NUMBERS, "prompt_understood", "meta"):
            plain[name] = dict(plain[name])
        return plain

    @staticmethod
    def from_dict(plain: Mapping[str, Any]) -> LedgerRow:
        """The inverse of `to_dict`; columns that are missing take their defaults."""
        values = {name: plain[name] for name in NAMES if name in plain}
        values["reasons"] = tuple(values.get("reasons", ()))
        values["outputs"] = tuple(Output(**output) for output in values.get("outputs", ()))
        return LedgerRow(**values)


NAMES = tuple(each.name for each in fields(LedgerRow))
NUMBERS = ("metrics", "timings", "step_gpu_seconds", "step_cost")  # maps of names to numbers
# What columns hold in parts that were written before they were there.
LATER: dict[str, Any] = {"gpu_seconds": 0.0, "cost": 0.0, "step_gpu_seconds": {}, "step_cost": {}}
OUTPUT_NAMES = tuple(each.name for each in fields(Output))


def to_table(rows: list[LedgerRow]) -> pa.Table:
    """Ledger rows as an Arrow table of SCHEMA, in manifest order."""
    ordered = sorted(rows, key=lambda row: (row.row, row.id))
    return pa.Table.from_pylist([_arrow(row) for row in ordered], schema=SCHEMA)


def _arrow(row: LedgerRow) -> dict[str, Any]:
    plain = row.to_dict()
    for name in NUMBERS:
        plain[name] = sorted((_writable(key), float(value)) for key, value in plain[name].items())
    for name in ("prompt_understood", "meta"):
        text = json.dumps(plain[name], ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
        plain[name] = text.encode("utf-8", "replace").decode()  # an escaped surrogate would be one again once parsed
    plain["message"] = _writable(row.message)
    return plain


def _writable(text: str) -> str:
    """Lone surrogates (a killed worker's stderr may hold any bytes) escaped, as Arrow text has to be UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def from_batch(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Rows of an Arrow batch as plain dicts, as `LedgerRow.to_dict` gives them; columns may be a selection."""
    names, columns = batch.schema.names, [_plain(column) for column in batch.columns]
    rows: list[dict[str, Any]] = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    for name in LATER.keys() & set(batch.schema.names):
        for row in rows:
            row[name] = row[name] or LATER[name]
    for name in {"prompt_understood", "meta"} & set(batch.schema.names):
        for row in rows:
            row[name] = json.loads(row[name]) if row[name] else {}
    return rows


def _plain(column: pa.Array) -> list[Any]:
    """A column's values. Maps and text, which are most of a row, through NumPy: `to_pylist` makes an object of Arrow's
    for each and takes five times as long."""
    if pa.types.is_map(column.type) and not column.null_count and not column.items.null_count:
        keys, items = (each.to_numpy(zero_copy_only=False).tolist() for each in (column.keys, column.items))
        ends = column.offsets.to_numpy().tolist()
        return [dict(zip(keys[a:b], items[a:b], strict=True)) for a, b in pairwise(ends)]
    if pa.types.is_string(column.type):
        values: list[Any] = column.to_numpy(zero_copy_only=False).tolist()
        return values
    found: list[Any] = column.to_pylist(maps_as_pydicts="strict")
    return found


def comparable(row: Mapping[str, Any]) -> dict[str, Any]:
    """What has to be equal between an undisturbed and a restarted run of the same manifest.

    Timings, cost and attempts differ by nature; a quarantined row's message and a killed worker's stderr hold process
    ids.
    """
    kept = {name: value for name, value in row.items() if name not in ("timings", "attempts", *LATER)}
    if kept.get("outcome") == "quarantined":
        kept.pop("message", None)
    if "meta" in kept:
        kept["meta"] = {name: value for name, value in kept["meta"].items() if name != "stderr"}
    return kept

"""A reviewer's decisions, read from the review.csv that the report page writes; a wrong line is told, never lost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

from manifests.columns import Fault, Layout, Record, text
from manifests.errors import nearest
from manifests.readers import read_records

Verdict = Literal["approve", "reject", "remake"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
REASON = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
MAX_NOTE = 2000  # characters; a longer text is no note


@dataclass(frozen=True, slots=True)
class Decision:
    """One line that says what shall become of an asset."""

    line: int
    id: str
    verdict: Verdict
    reason: str = ""  # a short code such as `shape`
    note: str = ""
    key: str = ""  # how the key of the asset that was looked at begins; "" for whichever is there


@dataclass(frozen=True, slots=True)
class Refused:
    """One line that could not be carried out, and why."""

    line: int
    id: str
    code: str  # review.unknown-id, review.unknown-decision, …
    message: str


def read_review(uri: str) -> list[Decision | Refused]:
    """The lines of a review file (CSV, Parquet or JSON lines, also .gz), local or any fsspec URL.

    Columns: `id`, `decision` (approve, reject, remake), and optionally `reason`, `note`, `key`; others are passed over.
    Of two lines with one id the later counts, and the earlier is refused as `review.repeated`. Raises ManifestError
    where the file cannot be read or has no column `decision`.
    """
    lines = [_line(record) for record in read_records(uri, COLUMNS)]
    last = {each.id: each.line for each in lines if isinstance(each, Decision)}
    return [
        Refused(each.line, each.id, "review.repeated", f"line {last[each.id]} decides on the same id")
        if isinstance(each, Decision) and last[each.id] != each.line
        else each
        for each in lines
    ]


def _line(record: Record) -> Decision | Refused:
    id = str(record.values.get("id", "")).encode("utf-8", "backslashreplace").decode()
    try:
        if record.fault is not None:
            raise record.fault
        values = {name: COLUMNS.checks[name](name, value) for name, value in record.values.items()}
        if not values.get("id"):
            raise Fault("row.no-id", "id", "the line names no asset")
        verdict = _verdict("decision", values.get("decision", ""))
    except Fault as fault:
        return Refused(record.line, id, fault.code.replace("row.", "review.", 1), fault.message)
    return Decision(
        record.line, values["id"], verdict, values.get("reason", ""), values.get("note", ""), values.get("key", "")
    )


def _verdict(column: str, value: Any) -> Verdict:
    said = text(column, value).lower()
    for verdict in VERDICTS:
        if said == verdict:
            return verdict
    raise Fault("row.unknown-decision", column, f"unknown decision {said[:60]!r}{nearest(said, VERDICTS)}")


def _reason(column: str, value: Any) -> str:
    code = text(column, value).lower()
    if code and not REASON.fullmatch(code):
        raise Fault("row.bad-reason", column, f"{code[:60]!r} is no short code of a-z, 0-9 and -")
    return code


def _note(column: str, value: Any) -> str:
    note = text(column, value)
    if len(note) > MAX_NOTE:
        raise Fault("row.too-long", column, f"the note has {len(note)} characters, {MAX_NOTE} may stand")
    return note


COLUMNS = Layout({"id": text, "decision": _verdict, "reason": _reason, "note": _note, "key": text}, ("decision",))

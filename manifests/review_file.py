"""A reviewer's decisions, read from the review.csv that the report page writes; a wrong line is told, never lost."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import fsspec

from manifests.csv_records import MAX_FIELD
from manifests.errors import ManifestError, nearest

Verdict = Literal["approve", "reject", "remake"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
NEEDED = ("id", "decision")
REASON = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
GZIP = b"\x1f\x8b"
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
    """The lines of a review file (CSV with any of the delimiters , ; tab; also .gz), local or any fsspec URL.

    Columns: `id`, `decision` (approve, reject, remake), and optionally `reason`, `note`, `key`; others are passed over.
    Of two lines with one id the later counts, and the earlier is refused as `review.repeated`. Raises ManifestError
    where the file cannot be read or has no such header.
    """
    lines = list(_lines(_text(uri), uri))
    last = {each.id: each.line for each in lines if isinstance(each, Decision)}
    return [
        Refused(each.line, each.id, "review.repeated", f"line {last[each.id]} decides on the same id")
        if isinstance(each, Decision) and last[each.id] != each.line
        else each
        for each in lines
    ]


def _text(uri: str) -> str:
    try:
        with fsspec.open(uri, "rb") as stream:
            data = stream.read()
        data = gzip.decompress(data) if data.startswith(GZIP) else data
    except (OSError, EOFError, ValueError) as error:
        raise ManifestError(f"{uri}: cannot be read: {error}") from error
    return data.decode("utf-8-sig", "backslashreplace")


def _lines(text: str, uri: str) -> Iterator[Decision | Refused]:
    delimiter, columns = _header(text, uri)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    while True:
        try:
            fields = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Refused(start, "", "review.bad-csv", f"lines {start} to {rows.line_num}: {error}")
            start = rows.line_num + 1
            continue
        if start > 1 and any(field.strip() for field in fields):
            yield _decision(start, {name: fields[i] for name, i in columns.items() if i < len(fields)})
        start = rows.line_num + 1


def _header(text: str, uri: str) -> tuple[str, dict[str, int]]:
    """The delimiter, and where each column stands."""
    first = text.split("\n", 1)[0].rstrip("\r")[:MAX_FIELD]
    for delimiter in ",;\t":
        names = [name.strip().lower() for name in next(csv.reader([first], delimiter=delimiter), [])]
        if set(NEEDED) <= set(names):
            return delimiter, {name: names.index(name) for name in names}
    raise ManifestError(f"{uri}: its first line names no columns `id` and `decision`: {first[:80]!r}")


def _decision(line: int, values: dict[str, str]) -> Decision | Refused:
    id, verdict = values.get("id", ""), values.get("decision", "").strip().lower()
    reason, note = values.get("reason", "").strip().lower(), values.get("note", "")
    if not id:
        return Refused(line, "", "review.no-id", "the line names no asset")
    if verdict not in VERDICTS:
        return Refused(line, id, "review.unknown-decision", f"unknown decision {verdict!r}{nearest(verdict, VERDICTS)}")
    if reason and not REASON.fullmatch(reason):
        return Refused(line, id, "review.bad-reason", f"{reason[:60]!r} is no short code of a-z, 0-9 and -")
    if len(note) > MAX_NOTE:
        return Refused(line, id, "review.long-note", f"the note has {len(note)} characters, {MAX_NOTE} may stand")
    return Decision(line, id, verdict, reason, note, values.get("key", "").strip())

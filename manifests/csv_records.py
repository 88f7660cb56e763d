"""Records of a CSV or TSV manifest, line by line; a broken line costs one record, never the rest of the file."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterator
from typing import IO

from manifests.columns import Fault, Layout, Record
from manifests.errors import ManifestError, nearest

MAX_FIELD = 1 << 20  # characters; a prompt of 100 KB has to arrive whole to be refused by name
MAX_LINE = 1 << 21
csv.field_size_limit(max(MAX_FIELD, csv.field_size_limit()))


def csv_records(stream: IO[bytes], uri: str, layout: Layout) -> Iterator[Record]:
    """Records in order; raises ManifestError at once for a header that names no needed column or one twice.

    Bytes that are not UTF-8 travel as lone surrogates (PEP 383) until the column's check names them.
    """
    lines = _lines(io.TextIOWrapper(stream, "utf-8-sig", "surrogateescape", newline=""))
    header, delimiter, first_line = _header(lines, uri, layout)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    return _records(rows, _columns(header, uri, layout), len(header), first_line)


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Lines with their ends, each cut at MAX_LINE so that a file without line ends stays out of memory."""
    try:
        while line := text.readline(MAX_LINE):
            yield line
            while len(line) == MAX_LINE and not line.endswith(("\n", "\r")):
                line = text.readline(MAX_LINE)
    finally:
        # The caller closes the file; a wrapper left to the garbage collector would do so with a ResourceWarning.
        with contextlib.suppress(ValueError):
            text.detach()


def _header(lines: Iterator[str], uri: str, layout: Layout) -> tuple[list[str], str, int]:
    """Column names, the delimiter that makes sense of them, and how many lines they took."""
    count, line = next(((count, line) for count, line in enumerate(lines, 1) if line.strip()), (0, ""))
    for delimiter in ",\t;|":
        names = _split(line, delimiter)
        if any(name.lower() in layout.needed for name in names):
            return names, delimiter, count
    names = _split(line, ",")
    hint = nearest(names[0].lower() if names else "", layout.needed)
    raise ManifestError(f"{uri}: its first line is no header with an input column: {line.strip()[:80]!r}{hint}")


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return []


def _columns(header: list[str], uri: str, layout: Layout) -> list[tuple[int, str, bool]]:
    """(position, name, known) of the named columns; raises ManifestError when one stands twice."""
    columns: list[tuple[int, str, bool]] = []
    for position, name in enumerate(header):
        name = name.encode("utf-8", "backslashreplace").decode()
        known = name.lower() in layout.checks
        if name:
            columns.append((position, name.lower() if known else name, known))
    names = [name for _, name, _ in columns]
    for name in names:
        if names.count(name) > 1:
            raise ManifestError(f"{uri}: column {name!r} stands twice in the header")
    return columns


def _records(
    rows: Iterator[list[str]], columns: list[tuple[int, str, bool]], width: int, lines_before: int
) -> Iterator[Record]:
    known = [(position, name) for position, name, is_known in columns if is_known]
    carried = [(position, name) for position, name, is_known in columns if not is_known]
    start = lines_before + 1
    while True:
        try:
            fields = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            end = lines_before + rows.line_num  # type: ignore[attr-defined]
            yield Record(start, fault=_fault(start, end, error))
            start = end + 1
            continue
        if fields:
            if len(fields) != width:
                fields, fault = _fit(fields, width)
            else:
                fault = None
            values = {name: fields[position] for position, name in known if fields[position]}
            meta = {name: fields[position] for position, name in carried if fields[position]}
            yield Record(start, values, meta, fault)
        start = lines_before + rows.line_num + 1  # type: ignore[attr-defined]


def _fit(fields: list[str], width: int) -> tuple[list[str], Fault | None]:
    """Short rows are filled up, as hand-written files leave trailing commas out; surplus values are a fault."""
    if len(fields) < width:
        return fields + [""] * (width - len(fields)), None
    surplus = [field for field in fields[width:] if field.strip()]
    if not surplus:
        return fields[:width], None
    return fields[:width], Fault("row.bad-csv", "", f"{len(fields)} values for {width} columns")


def _fault(start: int, end: int, error: csv.Error) -> Fault:
    if "field limit" in str(error):
        return Fault("row.too-long", "", f"a value that starts in line {start} has over {MAX_FIELD} characters")
    span = f"lines {start} to {end}" if end > start else f"line {start}"
    return Fault("row.bad-csv", "", f"{span}: quoting is broken ({error})")

"""A manifest's rows, streamed: the format is told by extension and content, each record checked, ids kept unique."""

from __future__ import annotations

import gzip
import io
import posixpath
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, cast

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from manifests.columns import ASSETS, CHECKS, INPUT_COLUMNS, Fault, Layout, Record, check
from manifests.csv_records import csv_records
from manifests.errors import ManifestError, nearest
from manifests.first_rows import FirstRows
from manifests.inputs import Inputs, is_remote, local_path
from manifests.jsonl_records import jsonl_records
from manifests.parquet_records import parquet_records
from manifests.row import InvalidRow, Row, expand

Reader = Callable[[IO[bytes], str, Layout], Iterator[Record]]

BUFFER = 1 << 16  # bytes
READERS: dict[str, Reader] = {
    ".csv": csv_records,
    ".tsv": csv_records,
    ".parquet": parquet_records,
    ".pq": parquet_records,
    ".jsonl": jsonl_records,
    ".ndjson": jsonl_records,
}
BLOCK = 1 << 20  # bytes of a header, or of JSON lines that are searched for a word
GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
FOREIGN = {
    b"PK\x03\x04": "a ZIP or Excel file: save it as CSV",
    b"\xff\xfe": "UTF-16 text: save it as UTF-8",
    b"\xfe\xff": "UTF-16 text: save it as UTF-8",
    b"%PDF": "a PDF",
    b"glTF": "a GLB mesh",
    b"\x89PNG": "an image",
}


def read_manifest(
    uri: str, roots: Sequence[str] | None = None, columns: Mapping[str, str] | None = None
) -> Iterator[Row | InvalidRow]:
    """The rows of a CSV, Parquet or JSON-lines manifest, local or any fsspec URL, in order and flat memory.

    The file and its header are checked at once: raises ManifestError before the first row where it is no manifest.
    Input files may lie in the manifest's folder or under `roots`. `columns` tells what a table calls a known column,
    as in {"mesh": "local_path"}; it is carried under its own name as well.
    """
    names = {column: name.strip().lower() for column, name in (columns or {}).items()}
    if unknown := next((column for column in names if column not in CHECKS), None):
        raise ManifestError(f"{unknown!r} is no column of a manifest{nearest(unknown, CHECKS)}")
    inputs = [name for column, name in names.items() if column in INPUT_COLUMNS]
    records = read_records(uri, replace(ASSETS, needed=(*INPUT_COLUMNS, *inputs)))
    return _rows(_renamed(records, names) if names else records, Inputs(uri, roots))


def column_values(uri: str, column: str, columns: Mapping[str, str]) -> Iterator[str]:
    """What each record says in one column of text, in order: "" for nothing, or for what makes its row invalid."""
    names = {name: table.strip().lower() for name, table in columns.items()}
    needed = (*INPUT_COLUMNS, *(names[name] for name in INPUT_COLUMNS if name in names))
    for record in _renamed(read_records(uri, replace(ASSETS, needed=needed)), names):
        try:
            yield CHECKS[column](column, record.values.get(column, ""))
        except Fault:
            yield ""


def may_name(uri: str, column: str, columns: Mapping[str, str]) -> bool:
    """Whether a manifest may have a column: by its header, or by the word anywhere in JSON lines (1 GB/s)."""
    if column in columns:
        return True
    word = column.encode()
    with _open(uri) as file:
        reader, stream = _recognise(file, uri)
        if reader is parquet_records:
            try:
                return any(name.strip().lower() == column for name in pq.read_schema(stream).names)
            except (pa.ArrowException, OSError, ValueError):
                return False  # whoever reads its rows says what is wrong with it
        if reader is csv_records:
            return word in stream.readline(BLOCK).lower()
        held = b""
        while block := stream.read(BLOCK):
            if word in (held + block).lower():
                return True
            held = block[-len(word) :]
    return False


def _renamed(records: Iterator[Record], names: Mapping[str, str]) -> Iterator[Record]:
    """The records with known columns taken from where the table has them."""
    for record in records:
        found = {name.lower(): value for name, value in record.meta.items()} | record.values
        record.values |= {column: found[name] for column, name in names.items() if name in found}
        yield record


def read_records(uri: str, layout: Layout) -> Iterator[Record]:
    """The records of a manifest of any layout, in order; raises ManifestError at once where it is none."""
    file = _open(uri)
    try:
        reader, stream = _recognise(file, uri)
        records = reader(stream, uri, layout)
    except BaseException:
        file.close()
        raise
    return _to_the_end(records, file, uri)


def _to_the_end(records: Iterator[Record], file: IO[bytes], uri: str) -> Iterator[Record]:
    try:
        with file:
            yield from records
    except (EOFError, OSError, ValueError, zlib.error) as error:
        raise ManifestError(f"{uri}: cannot be read to its end: {error}") from error


def _rows(records: Iterator[Record], inputs: Inputs) -> Iterator[Row | InvalidRow]:
    seen = FirstRows()
    for number, record in enumerate(records, 1):
        row = check(record, number, inputs)
        for each in expand(row) if isinstance(row, Row) else (row,):
            yield _unique(each, seen)


def _unique(row: Row | InvalidRow, seen: FirstRows) -> Row | InvalidRow:
    """The row, or its InvalidRow `row.duplicate-id` when an earlier row has its id."""
    if not row.id or seen.of(row.id, row.number) == row.number:
        return row
    message = f"id {row.id!r} stands in an earlier row"
    if isinstance(row, InvalidRow):
        message = f"{message}; also: {row.message}"
    return InvalidRow(row.number, row.line, row.id, "id", "row.duplicate-id", message, row.meta)


def _open(uri: str) -> IO[bytes]:
    try:
        if not is_remote(uri):
            return cast("IO[bytes]", Path(local_path(uri)).open("rb"))
        # Buffered: what fsspec opens on S3 or HTTP has a readline() without a limit, which our readers of lines set.
        return cast("IO[bytes]", io.BufferedReader(fsspec.open(uri, "rb").open(), BUFFER))
    except (OSError, ValueError, ImportError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
        raise ManifestError(f"{uri}: cannot be opened: {reason}") from error


def _recognise(stream: IO[bytes], uri: str) -> tuple[Reader, IO[bytes]]:
    """The reader for a file, and its stream unpacked and at its start."""
    name, suffix = posixpath.splitext(uri.lower())
    zipped = suffix == ".gz"
    suffix = posixpath.splitext(name)[1] if zipped else suffix
    head = _head(stream, uri)
    if zipped and not head.startswith(GZIP):
        raise ManifestError(f"{uri}: is named .gz but is not gzip")
    if head.startswith(GZIP):
        stream = cast("IO[bytes]", io.BufferedReader(cast("Any", gzip.GzipFile(fileobj=stream)), BUFFER))
        head = _head(stream, uri)
    return _reader(suffix, head, uri), stream


def _head(stream: IO[bytes], uri: str) -> bytes:
    try:
        head = stream.read(4096)
        stream.seek(0)
    except (OSError, EOFError, zlib.error) as error:
        raise ManifestError(f"{uri}: cannot be read: {error}") from error
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise ManifestError(f"{uri}: is empty")
    return head


def _reader(suffix: str, head: bytes, uri: str) -> Reader:
    """By extension where there is a known one, else by content; raises ManifestError where the two disagree."""
    if suffix in (".parquet", ".pq") and not head.startswith(PARQUET):
        raise ManifestError(f"{uri}: is named {suffix} but is not a Parquet file")
    if head.startswith(PARQUET):
        if suffix in READERS and READERS[suffix] is not parquet_records:
            raise ManifestError(f"{uri}: is named {suffix} but is a Parquet file")
        return parquet_records
    for magic, what in FOREIGN.items():
        if head.startswith(magic):
            raise ManifestError(f"{uri}: is {what}")
    if b"\0" in head.split(b"\n", 1)[0]:
        raise ManifestError(f"{uri}: is binary data, not a manifest")
    looks_like_json = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    return READERS.get(suffix, jsonl_records if looks_like_json or suffix == ".json" else csv_records)

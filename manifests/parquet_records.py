"""Records of a Parquet manifest, in small batches of its row groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.columns import Layout, Record
from manifests.errors import ManifestError, nearest
from manifests.parquet_footer import Chunk, chunks

BATCH = 1024  # rows; with 64 KB reads, memory stays flat however large a row group is
# A value that a dictionary holds once stands in every row of a batch: fewer rows a batch where such a chunk is large.
BATCH_BYTES = 1 << 28
# Text shrinks to a tenth, a column of few values hardly takes room: what shrinks to a hundredth is no manifest.
LARGE, RATIO = 1 << 26, 100


def parquet_records(stream: IO[bytes], uri: str, layout: Layout) -> Iterator[Record]:
    """Records in order; raises ManifestError at once for a damaged footer or no input column."""
    try:
        file = pq.ParquetFile(stream, buffer_size=1 << 16, pre_buffer=False)
        schema = file.schema_arrow
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ManifestError(f"{uri}: is not a whole Parquet file: {_first_line(error)}") from error
    try:
        names = _names(schema, uri, layout)
    except UnicodeDecodeError as error:  # arrow decodes a name when it is asked for, not when it reads the footer
        raise ManifestError(f"{uri}: the name of a column is not UTF-8") from error
    return _records(file, names, _rows_a_batch(chunks(stream, uri), names, uri), uri)


def _names(schema: Any, uri: str, layout: Layout) -> dict[str, tuple[str, bool]]:
    """(name, known) of each file column; binary columns are left out, as no known column is binary."""
    names: dict[str, tuple[str, bool]] = {}
    for column in schema:
        name = column.name.strip()
        known = name.lower() in layout.checks
        if not name or (_is_binary(column.type) and not known):
            continue
        if (name.lower() if known else name, known) in names.values():
            raise ManifestError(f"{uri}: column {name!r} stands twice")
        names[column.name] = (name.lower() if known else name, known)
    if not any(name.lower() in layout.needed for name, _ in names.values()):
        listed = ", ".join(schema.names[:8])
        hint = nearest(schema.names[0].lower() if schema.names else "", layout.needed)
        raise ManifestError(f"{uri}: none of its columns ({listed}) is an input{hint}")
    return names


def _rows_a_batch(chunks: Iterable[Chunk], names: Mapping[str, object], uri: str) -> int:
    """As many that their values stay near BATCH_BYTES; raises ManifestError for a file made to fill the memory."""
    rows = BATCH
    for chunk in chunks:
        if chunk.name not in names:
            continue
        if chunk.unpacked > LARGE and chunk.unpacked > RATIO * chunk.packed:
            message = f"column {chunk.name!r} unpacks from {chunk.packed} to {chunk.unpacked} bytes"
            raise ManifestError(f"{uri}: {message}, more than {RATIO} times; no manifest does")
        if chunk.by_dictionary:
            rows = min(rows, max(1, BATCH_BYTES // max(1, chunk.unpacked)))
    return rows


def _is_binary(kind: Any) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _records(file: Any, names: dict[str, tuple[str, bool]], rows: int, uri: str) -> Iterator[Record]:
    number = 0
    for batch in _batches(file, names, rows, uri):
        columns = [(*names[column], _values(batch.column(column))) for column in batch.schema.names]
        for i in range(batch.num_rows):
            number += 1
            record = Record(number)
            for name, known, values in columns:
                if values[i] is not None and values[i] != "":
                    (record.values if known else record.meta)[name] = values[i]
            yield record


def _batches(file: Any, names: Iterable[str], rows: int, uri: str) -> Iterator[Any]:
    try:
        yield from file.iter_batches(rows, columns=list(names), use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise ManifestError(f"{uri}: cannot be read to its end: {_first_line(error)}") from error


def _values(column: Any) -> list[Any]:
    """Python values; text that is not UTF-8 keeps its bytes as lone surrogates until a check names them."""
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:
        raw = column.cast(pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary()).to_pylist()
        values = [None if value is None else value.decode("utf-8", "surrogateescape") for value in raw]
    return values


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

"""Records of a JSON-lines manifest: one object a line; a broken line costs one record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

from manifests.columns import Fault, Layout, Record
from manifests.errors import ManifestError

MAX_LINE = 1 << 21  # bytes


def jsonl_records(stream: IO[bytes], uri: str, layout: Layout) -> Iterator[Record]:
    """Records in order; raises ManifestError at once when the first line is not one whole JSON object."""
    head = stream.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    stream.seek(0)
    if not head.startswith(b"{"):
        raise ManifestError(f"{uri}: its first line is not a JSON object")
    if head.split(b"\n", 1)[0].strip() == b"{":
        raise ManifestError(f"{uri}: its objects span several lines; JSON lines have one object a line")
    return _records(stream, layout)


def _records(stream: IO[bytes], layout: Layout) -> Iterator[Record]:
    for number, line in enumerate(_lines(stream), 1):
        if not line.strip():
            continue
        if len(line) > MAX_LINE:
            yield Record(number, fault=Fault("row.too-long", "", f"line {number} has over {MAX_LINE} bytes"))
            continue
        try:
            content = json.loads(line.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape"))
            if not isinstance(content, dict):
                raise ValueError("not an object")
        except (ValueError, RecursionError) as error:
            yield Record(number, fault=Fault("row.bad-json", "", f"line {number} is not a JSON object: {error}"))
            continue
        yield to_record(number, content, layout)


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Lines, each cut just over MAX_LINE so that a file without line ends stays out of memory."""
    while line := stream.readline(MAX_LINE + 1):
        yield line
        while len(line) > MAX_LINE and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE + 1)


def to_record(line: int, content: dict[str, Any], layout: Layout) -> Record:
    """Known columns by their lower-case names, others carried; empty values count as not given."""
    record = Record(line)
    for name, value in content.items():
        if value is None or value == "" or value == []:
            continue
        column = name.strip().lower()
        if column in layout.checks:
            record.values[column] = value
        elif name.strip():
            record.meta[name.strip().encode("utf-8", "backslashreplace").decode()] = value
    return record

"""What each column of a manifest may hold: one record of raw values becomes a Row or an InvalidRow."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from manifests.inputs import InputFault, Inputs
from manifests.row import MAX_ID, SEED_LIMIT, InputFile, InvalidRow, Row, derive_id

MAX_TEXT = 16_384  # characters in one value: CLIP reads 77 tokens, so more is a mistake in the manifest
MAX_IMAGES = 64
MAX_VARIATIONS = 64
MAX_PRIORITY = 9  # each level is a pass over the manifest
FILE_COLUMNS = ("image", "images", "sketch", "mesh", "reference")
_FILE_COLUMNS = frozenset(FILE_COLUMNS)
INPUT_COLUMNS = ("prompt", "image", "images", "sketch", "mesh")  # a reference is only compared with


@dataclass(slots=True)
class Record:
    """One record as a reader found it: known columns by name, all others in `meta`; or the fault that broke it."""

    line: int
    values: dict[str, Any] = field(default_factory=dict)  # only those not empty
    meta: dict[str, Any] = field(default_factory=dict)
    fault: Fault | None = None


class Fault(ValueError):
    """Why a row is invalid: a code, the column, and a sentence."""

    def __init__(self, code: str, column: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.column = column
        self.message = message


def text(column: str, value: Any) -> str:
    """Trimmed text; raises Fault `row.encoding`, `row.too-long` or `row.bad-value`."""
    if not isinstance(value, str):
        value = _scalar_text(column, value)
    if len(value) > MAX_TEXT:
        raise Fault("row.too-long", column, f"{column} has {len(value)} characters; the limit is {MAX_TEXT}")
    if not value.isascii():
        _check_encoding(column, value)
    if "\0" in value:
        raise Fault("row.bad-value", column, f"{column} holds a NUL character")
    trimmed: str = value.strip()
    return trimmed


def _scalar_text(column: str, value: Any) -> str:
    if isinstance(value, bool | list | dict | bytes):
        raise Fault("row.bad-value", column, f"{column} is {_short(value)}, not text")
    return str(value)


def _check_encoding(column: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        bad = ord(value[error.start])
        shown = f"byte 0x{bad & 0xFF:02X} is not UTF-8" if 0xDC80 <= bad <= 0xDCFF else f"U+{bad:04X} stands alone"
        raise Fault("row.encoding", column, f"{column}: {shown}, at character {error.start + 1}") from error


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "…"


def _number(column: str, value: Any) -> float:
    if isinstance(value, bool | list | dict | bytes):
        raise Fault("row.bad-number", column, f"{column} is {_short(value)}, not a number")
    if isinstance(value, str):
        value = text(column, value)
    try:
        if "_" in str(value):
            raise ValueError  # Python reads 1_000, spreadsheets do not
        number = float(value)
    except (ValueError, TypeError, OverflowError):
        raise Fault("row.bad-number", column, f"{column} is {_short(value)}, not a number") from None
    if not math.isfinite(number):
        raise Fault("row.bad-number", column, f"{column} is {_short(value)}, not a finite number")
    return number


def length(column: str, value: Any) -> float:
    """A size in metres, finite and above 0; raises Fault `row.bad-number`."""
    number = _number(column, value)
    if number <= 0:
        raise Fault("row.bad-number", column, f"{column} is {number:g}; it has to be above 0")
    return number


def _whole(column: str, value: Any, low: int, high: int) -> int:
    """A whole number; spreadsheets write a column with gaps as 42.0, which counts as 42."""
    try:
        number = value if type(value) is int else int(text(column, value).replace("_", "!"))
    except ValueError as error:
        if isinstance(error, Fault):
            raise
        real = _number(column, value)
        if real != math.floor(real) or abs(real) > 2**53:
            raise Fault("row.bad-number", column, f"{column} is {_short(value)}, not a whole number") from None
        number = int(real)
    if not low <= number <= high:
        raise Fault("row.bad-number", column, f"{column} is {number}; it has to lie in {low} … {high}")
    return number


def _seed(column: str, value: Any) -> int:
    return _whole(column, value, 0, SEED_LIMIT - 1)


def _variations(column: str, value: Any) -> int:
    return _whole(column, value, 1, MAX_VARIATIONS)


def _priority(column: str, value: Any) -> int:
    return _whole(column, value, 0, MAX_PRIORITY)


def asset_id(column: str, value: Any) -> str:
    """An asset's id; raises Fault `row.too-long`, `row.bad-value` and those of `text`."""
    id = text(column, value)
    if len(id) > MAX_ID:
        raise Fault("row.too-long", column, f"{column} has {len(id)} characters; the limit is {MAX_ID}")
    if "#row" in id and id.rpartition("#row")[2].isdigit():
        raise Fault("row.bad-value", column, f"{column} {id!r} ends in #row<number>, which names invalid rows")
    return id


def _axis(column: str, value: Any) -> str:
    axis = text(column, value).lower()
    if axis not in ("y", "z"):
        raise Fault("row.bad-value", column, f"up_axis is {_short(value)}; it has to be y or z")
    return axis


def _list(column: str, value: Any, separators: str) -> tuple[str, ...]:
    if isinstance(value, str):
        value = text(column, value)
        for separator in separators[1:]:
            value = value.replace(separator, separators[0])
        value = value.split(separators[0])
    if not isinstance(value, list | tuple):
        raise Fault("row.bad-value", column, f"{column} is {_short(value)}, not a list")
    items = (text(column, item) for item in value if item is not None)
    return tuple(item for item in items if item)


def _tags(column: str, value: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_list(column, value, ",;")))


def _images(column: str, value: Any) -> tuple[str, ...]:
    names = _list(column, value, ";")
    if len(names) > MAX_IMAGES:
        raise Fault("row.bad-value", column, f"images names {len(names)} files; the limit is {MAX_IMAGES}")
    return names


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "id": asset_id,
    "prompt": text,
    "negative_prompt": text,
    "image": text,
    "images": _images,
    "sketch": text,
    "mesh": text,
    "reference": text,
    "seed": _seed,
    "variations": _variations,
    "priority": _priority,
    "category": text,
    "style": text,
    "height_m": length,
    "width_m": length,
    "depth_m": length,
    "up_axis": _axis,
    "profile": text,
    "generator": text,
    "title": text,
    "tags": _tags,
    "license": text,
}


@dataclass(frozen=True)
class Layout:
    """The columns of one kind of manifest: the check of each, and those of which its header has to name one."""

    checks: Mapping[str, Callable[[str, Any], Any]]
    needed: tuple[str, ...]


ASSETS = Layout(CHECKS, INPUT_COLUMNS)


def check(record: Record, number: int, inputs: Inputs) -> Row | InvalidRow:
    """The row of a record with its files found and an id derived where it has none."""
    try:
        if record.fault is not None:
            raise record.fault
        fields = {name: CHECKS[name](name, value) for name, value in record.values.items()}
        fields["meta"] = carried(record) if record.meta else {}
        return _build(fields, number, record.line, inputs)
    except Fault as fault:
        return invalid(record, number, fault)


def _build(fields: dict[str, Any], number: int, line: int, inputs: Inputs) -> Row:
    if not any(fields.get(column) for column in INPUT_COLUMNS):
        raise Fault("row.no-input", "", f"no input: one of {', '.join(INPUT_COLUMNS)} has to be given")
    files = () if _FILE_COLUMNS.isdisjoint(fields) else _find_files(fields, inputs)
    id = fields.pop("id", "")
    row = Row(number, line, id, files=files, **fields)
    return row if id else Row(number, line, derive_id(row), files=files, **fields)


def _find_files(fields: dict[str, Any], inputs: Inputs) -> tuple[InputFile, ...]:
    """All files of a row; in `fields` their names give way to URIs."""
    files: list[InputFile] = []
    for column in FILE_COLUMNS:
        names = fields.pop(column, None)
        if names:
            found = [_find(column, name, inputs) for name in (names if column == "images" else (names,))]
            fields[column] = tuple(file.uri for file in found) if column == "images" else found[0].uri
            files += found
    return tuple(files)


def _find(column: str, name: str, inputs: Inputs) -> InputFile:
    try:
        return inputs.find(name)
    except InputFault as fault:
        raise Fault(fault.code, column, f"{column} {fault}") from fault


def carried(record: Record) -> dict[str, str]:
    """The columns nobody knows, as they go to the ledger; raises Fault for what is no text."""
    return {name: _meta(name, value) for name, value in record.meta.items()}


def _meta(name: str, value: Any) -> str:
    """Carried columns as text: scalars plainly, lists and structs as compact JSON."""
    if isinstance(value, bool | list | dict):
        value = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    return text(name, value)


def invalid(record: Record, number: int, fault: Fault) -> InvalidRow:
    """The InvalidRow of a record, with as much of its id and other columns as can be read."""
    try:
        id = asset_id("id", record.values.get("id") or "")
    except Fault:
        id = ""
    meta = {_readable(name): _readable(str(value)) for name, value in record.meta.items()}
    column = _readable(fault.column)
    return InvalidRow(number, record.line, id, column, fault.code, _readable(fault.message), meta)


def _readable(value: str) -> str:
    """Text that can be written as UTF-8, cut at the length a row may have."""
    return value[:MAX_TEXT].encode("utf-8", "backslashreplace").decode()

"""The row: one asset to make, its id, its folder, its key and its seed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import quote

from manifests.outcome import Outcome

MAX_ID = 200  # characters
MAX_FOLDER = 200  # bytes; common file systems stop at 255, and writers add suffixes
SEED_LIMIT = 2**63

_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class InputFile:
    """One input file: its resolved `uri` under `root`, its `name` relative to that root, and its stamp."""

    uri: str
    root: str
    name: str
    stamp: str  # size and mtime_ns (local) or ETag (remote): changes when the content does, without reading it


@dataclass(frozen=True, slots=True)
class Row:
    """One asset to make. Texts are "" and other fields None or () when the manifest does not give them."""

    number: int  # data row, from 1
    line: int  # line in the file for CSV and JSON lines, else `number`
    id: str
    prompt: str = ""
    negative_prompt: str = ""
    image: str | None = None
    images: tuple[str, ...] = ()
    sketch: str | None = None
    mesh: str | None = None
    reference: str | None = None  # a mesh that the finished asset is compared with
    files: tuple[InputFile, ...] = ()  # image, images…, sketch, mesh, reference: those that are given, in this order
    seed: int | None = None
    variations: int = 1
    variation: int = 0  # 0 … variations − 1
    category: str = ""
    style: str = ""
    height_m: float | None = None
    width_m: float | None = None
    depth_m: float | None = None
    up_axis: Literal["y", "z"] | None = None
    profile: str = ""
    generator: str = ""
    title: str = ""
    tags: tuple[str, ...] = ()
    license: str = ""
    meta: Mapping[str, str] = field(default_factory=dict)  # every other column, carried to the ledger
    priority: int = 0  # the higher, the earlier; decides nothing about the asset
    remake: int = 0  # how often a reviewer asked for another asset; each time draws a new seed

    def root_of(self, uri: str) -> str:
        """The allowed folder that an input file of this row lies under; raises KeyError for another file."""
        for file in self.files:
            if file.uri == uri:
                return file.root
        raise KeyError(uri)


@dataclass(frozen=True, slots=True)
class InvalidRow:
    """A row that nothing is made of, as it is wrong or refused: where, why, and what could be read of it."""

    number: int
    line: int
    id: str  # as the row gives it, "" when it has none; for a duplicate, the id it repeats
    column: str
    code: str  # row.no-input, row.missing-file, row.bad-number, …: the reason in the ledger
    message: str
    meta: Mapping[str, str] = field(default_factory=dict)
    outcome: Outcome = "invalid"  # or "rejected", where the row is right and only not wanted

    @property
    def ledger_id(self) -> str:
        """An id no other row of the manifest has: ids that end in #row<number> are refused in manifests."""
        return self.id if self.id and self.code != "row.duplicate-id" else f"{self.id}#row{self.number}"

    @property
    def key(self) -> str:
        """32 hex digits that change when the row's place or its fault does."""
        meta = tuple(sorted(self.meta.items()))
        return _digest((self.ledger_id, self.line, self.code, self.column, self.message, meta))


def _digest(content: tuple[Any, ...], size: int = 16) -> str:
    """Hex digest of nested tuples of text, numbers and None: ascii() writes these alike everywhere, in one C call."""
    return blake2b(ascii(content).encode(), digest_size=size).hexdigest()


def _content(row: Row) -> tuple[Any, ...]:
    """What the manifest says about the asset, without its place, its id or when its files were written."""
    return (
        row.prompt,
        row.negative_prompt,
        (row.image is not None, len(row.images), row.sketch is not None, row.mesh is not None),
        tuple([file.name for file in row.files]),
        row.variations,
        row.category,
        row.style,
        row.height_m,
        row.width_m,
        row.depth_m,
        row.up_axis,
        row.profile,
        row.generator,
        row.title,
        row.tags,
        row.license,
        tuple(sorted(row.meta.items())),
    )


def row_key(row: Row, recipe_digest: str, generator_version: str, run_seed: int) -> str:
    """32 hex digits over all that decides the asset and its ledger row.

    File names count relative to their root, so a manifest that moves with its files keeps its keys.
    """
    stamps = tuple([file.stamp for file in row.files])
    seed = row_seed(row, run_seed)
    return _digest((_content(row), row.id, row.variation, stamps, seed, recipe_digest, generator_version))


def postponed_key(key: str) -> str:
    """The key of a row that was not made for want of money or its model: no row has it, so a later run makes it."""
    return _digest((key, "postponed"))


def row_seed(row: Row, run_seed: int) -> int:
    """The seed to generate with: the row's own (plus its variation), else 31 bits of id, variation and run seed.

    A remake takes 31 bits of that seed and of how many there were.
    """
    seed = (row.seed + row.variation) % SEED_LIMIT if row.seed is not None else _seed(run_seed, row.variation, row.id)
    return _seed(seed, "remake", row.remake) if row.remake else seed


def _seed(*parts: object) -> int:
    text = "\0".join(map(str, parts)).encode()
    return int.from_bytes(blake2b(text, digest_size=4).digest(), "big") >> 1


def derive_id(row: Row) -> str:
    """A readable id for a row that has none: the same content gives the same id wherever the row stands.

    12 hex digits: with 8, a million rows that share a prompt would lose about 116 to chance duplicates.
    """
    subject = row.prompt[:120] or (PurePosixPath(row.files[0].name).stem if row.files else "")
    return f"{_slug(subject)}-{_digest((_content(row), row.seed), 6)}"


def _slug(text: str) -> str:
    plain = text if text.isascii() else unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "-".join(_WORD.findall(plain.lower()))[:40].strip("-") or "asset"


def expand(row: Row) -> list[Row]:
    """The row once for each variation, as ID-v1 … ID-vn; itself when there is only one."""
    if row.variations == 1:
        return [row]
    return [replace(row, id=f"{row.id}-v{i + 1}", variation=i) for i in range(row.variations)]


def asset_folder(id: str) -> str:
    """A folder name for any id: different ids give different names, none with a separator or only dots.

    Everything outside [A-Za-z0-9._-] is percent-encoded (RFC 3986); a name over 200 bytes ends in a digest behind
    `%~`, which encoding never produces. In a URL the `%` has to be quoted once more.
    """
    name = quote(id, safe="").replace("~", "%7E")
    if not name.strip("."):
        name = name.replace(".", "%2E") or "%~"
    if len(name) <= MAX_FOLDER:
        return name
    return f"{name[:120]}%~{blake2b(id.encode(), digest_size=16).hexdigest()}"

"""Admission: which rows of a manifest no work is spent on, by their licence or because their file was there before."""

from __future__ import annotations

import hashlib
import posixpath

import fsspec

from manifests.first_rows import FirstRows
from manifests.licences import plain_licence
from manifests.row import InputFile, InvalidRow, Row

# Files that name others beside them: equal bytes may have other textures.
NOT_ALONE = frozenset({".obj", ".gltf"})
BLOCK = 1 << 20  # bytes read at once


class Admission:
    """Judges the rows of one manifest in their order; the same rows give the same answers."""

    def __init__(self, licences: frozenset[str] | None = None, unique: bool = False) -> None:
        """`licences` are the allowed ones as `plain_licences` has them, None for all; `unique` takes a file once."""
        self._licences = licences
        self._unique = unique
        self._first = FirstRows()  # of each digest
        self._of_size: dict[str, tuple[InputFile, int] | None] = {}  # a file not digested yet, None once it is

    def judged(self, row: Row) -> Row | InvalidRow:
        """The row, or why nothing is made of it: `licence.unknown`, `licence.not-allowed`, `duplicate.input`."""
        refused = self._by_licence(row) or (self._repeated(row) if self._unique else None)
        if refused is None:
            return row
        code, column, message = refused
        meta = {**row.meta, **({"license": row.license} if row.license else {})}
        return InvalidRow(row.number, row.line, row.id, column, code, message, meta, "rejected")

    def _by_licence(self, row: Row) -> tuple[str, str, str] | None:
        if self._licences is None or plain_licence(row.license) in self._licences:
            return None
        if not row.license:
            return "licence.unknown", "license", "the row names no licence and the recipe wants one of its list"
        return "licence.not-allowed", "license", f"{row.license} is none of those that the recipe allows"

    def _repeated(self, row: Row) -> tuple[str, str, str] | None:
        """Rows with variations or other inputs than the mesh are all made."""
        file = next((file for file in row.files if file.uri == row.mesh), None)
        if file is None or len(row.files) > 1 or row.prompt or row.variations > 1:
            return None
        first = self._first_with(file, row)
        return (
            None if first is None else ("duplicate.input", "mesh", f"{file.name} has the bytes of row {first}'s file")
        )

    def _first_with(self, file: InputFile, row: Row) -> int | None:
        """The number of an earlier row with the same content. What the table gives as sha256 is believed here (a reader
        compares it); a file is read only where an earlier one has its size."""
        digest = row.meta.get("sha256", "").lower()
        if not digest and posixpath.splitext(file.uri)[1].lower() in NOT_ALONE:
            return None
        size = file.stamp.partition(":")[0]
        if not digest and size not in self._of_size:
            self._of_size[size] = (file, row.number)
            return None
        if earlier := self._of_size.get(size):
            self._first.of(sha256(earlier[0]), earlier[1])
        self._of_size[size] = None
        digest = digest or sha256(file)
        found = self._first.of(digest, row.number)
        return None if found == row.number else found


def sha256(file: InputFile) -> str:
    """Hexadecimal digest of a file; of one that cannot be read, something that no other has."""
    digest = hashlib.sha256()
    try:
        with fsspec.open(file.uri, "rb") as stream:
            while block := stream.read(BLOCK):
                digest.update(block)
    except Exception:  # whatever a store's client raises; what reads it says why
        return f"unread {file.uri}"
    return digest.hexdigest()

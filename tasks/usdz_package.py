"""Packs files as USDZ: a zip that stores every file unpacked at a multiple of 64 bytes, always the same bytes."""

from __future__ import annotations

import io
import struct
import zipfile

ALIGNMENT = 64  # "Usdz File Format Specification", Zip Constraints
LOCAL_HEADER = 30
PADDING_ID = 0x1986  # the extra field that OpenUSD's own writer pads with


def package(files: list[tuple[str, bytes]]) -> bytes:
    """The package of (path, data), the root layer first, as the format demands. Paths are ASCII."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, data in files:
            entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.extra = _padding(buffer.tell() + LOCAL_HEADER + len(path))
            archive.writestr(entry, data)
    return buffer.getvalue()


def _padding(start: int) -> bytes:
    """An extra field, at least its own 4 bytes, after which a file that would start at `start` is aligned."""
    size = -(start + 4) % ALIGNMENT
    return struct.pack("<HH", PADDING_ID, size) + bytes(size)

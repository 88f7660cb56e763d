"""The faces of a Wavefront OBJ: corner indices of every style, negative ones resolved, all checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.asset import InputError
from ml.readers.text import I64, Lines, Mask, count_tokens, parse_numbers

# (slashes a corner, double slashes a corner) → which of v, vt, vn a corner names
STYLES = {(0, 0): (0,), (1, 0): (0, 1), (2, 1): (0, 2), (2, 0): (0, 1, 2)}


@dataclass(frozen=True)
class Corners:
    """Polygon corners: (c, 3) zero-based v, vt and vn indices (−1 for absent), and (p,) corners a polygon."""

    indices: I64
    counts: I64


def read_corners(lines: Lines, faces: Mask, tables: tuple[Mask, Mask, Mask]) -> Corners:
    """The corners of the face lines; `tables` marks the v, vt and vn lines, whose numbers so far resolve negatives.

    Raises InputError `mesh.broken` for a malformed line and `mesh.bad-index` for an index outside its table.
    """
    text, starts = lines.pick(faces, 1)
    while (hanging := _hanging_slashes(text)).any():  # `1/2/` and `1//` name fewer tables than they have slashes
        text = text.copy()
        text[:-1][hanging] = 32
    counts = count_tokens(text, starts)
    slash = text == ord("/")
    double = slash.copy()
    double[1:] &= slash[:-1]
    double[:1] = False
    corners = np.full((int(counts.sum()), 3), -1, dtype=np.int64)
    before = [np.cumsum(table, dtype=np.int64)[faces] for table in tables]
    if len(starts):
        per_line = (np.add.reduceat(slash, starts, dtype=np.int64), np.add.reduceat(double, starts, dtype=np.int64))
        _fill(corners, text, counts, np.diff(np.append(starts, len(text))), per_line, before)
    for column, table in enumerate(tables):
        total = int(table.sum())
        if len(corners) and int(corners[:, column].max()) >= total:
            raise InputError("mesh.bad-index", f"face index {int(corners[:, column].max()) + 1} of {total}")
    return Corners(corners, counts)


def _hanging_slashes(text: npt.NDArray[np.uint8]) -> Mask:
    return np.asarray((text[:-1] == ord("/")) & (text[1:] <= 32))


def _fill(
    corners: I64, text: npt.NDArray[np.uint8], counts: I64, lengths: I64, per_line: tuple[I64, I64], before: list[I64]
) -> None:
    """Parse all lines of one style in one go; a line that mixes styles fits none and is refused."""
    slashes, doubles = per_line
    seen = np.zeros(len(counts), dtype=bool)
    for (single, double), columns in STYLES.items():
        mask = (slashes == single * counts) & (doubles == double * counts) & ~seen
        seen |= mask
        if not mask.any():
            continue
        body = text[np.repeat(mask, lengths)].tobytes().replace(b"/", b" ")
        values = parse_numbers(body, np.int64)
        where = np.repeat(mask, counts)
        if len(values) != int(where.sum()) * len(columns):
            raise InputError("mesh.broken", "a face line could not be read as corners")
        for column, part in zip(columns, values.reshape(-1, len(columns)).T, strict=True):
            corners[where, column] = _resolved(part, np.repeat(before[column][mask], counts[mask]))
    if not seen.all():
        raise InputError("mesh.broken", "a face line mixes corners of different styles")


def _resolved(indices: I64, before: I64) -> I64:
    """Zero-based: positive ones count from 1, negative ones back from the entries read so far."""
    resolved = np.where(indices > 0, indices - 1, before + indices)
    if len(resolved) and ((indices == 0) | (resolved < 0)).any():
        raise InputError("mesh.bad-index", "a face index is 0 or reaches before the first vertex")
    return resolved

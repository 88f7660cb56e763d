"""Numbers out of text files in bulk: lines picked by keyword as one byte array, then parsed in a single call."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.asset import U8, InputError

I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
BLANKS = bytes.maketrans(b"\t\r\x0b\x0c\0", b"     ")
NEWLINE, SPACE = 10, 32


def parse_numbers(text: bytes, dtype: Any) -> npt.NDArray[Any]:
    """All whitespace-separated numbers in `text`; raises InputError `mesh.broken` for anything that is none.

    `np.fromstring` needs 0.3 µs a number and no Python objects; `float()` over `split()` takes 73 bytes each.
    """
    if not text.strip():
        return np.empty(0, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return np.fromstring(text, dtype=dtype, sep=" ")
        except (DeprecationWarning, ValueError) as error:
            raise InputError("mesh.broken", "the file holds text where numbers should stand") from error


def count_tokens(text: U8, starts: I64) -> I64:
    """(lines,) blank-separated tokens in each line of `text`, whose lines begin at `starts`."""
    if not len(starts):
        return np.empty(0, np.int64)
    blank = text <= SPACE
    begins = ~blank
    begins[1:] &= blank[:-1]
    return np.add.reduceat(begins, starts, dtype=np.int64)


class Lines:
    """The lines of a text file, blanks made spaces, continuations joined and indentation removed."""

    def __init__(self, data: bytes) -> None:
        text = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\\\n", b" ").translate(BLANKS)
        if b"\n " in text or text.startswith(b" "):
            text = re.sub(rb"\n +", b"\n", text).lstrip(b" ")
        self.bytes: U8 = np.frombuffer(text + b"\n\n\n", dtype=np.uint8)
        ends = np.flatnonzero(self.bytes == NEWLINE)[:-2]
        self.starts: I64 = np.concatenate([[0], ends[:-1] + 1])
        self.lengths: I64 = ends - self.starts + 1

    def __len__(self) -> int:
        return len(self.starts)

    def begins_with(self, keyword: bytes) -> Mask:
        """(lines,) whether each line's first bytes are `keyword` (at most 3 bytes: the file is padded by that)."""
        found = np.ones(len(self), dtype=bool)
        for offset, byte in enumerate(keyword):
            found &= self.bytes[self.starts + offset] == byte
        return found

    def line(self, index: int) -> bytes:
        """One line without its newline."""
        start = int(self.starts[index])
        return self.bytes[start : start + int(self.lengths[index]) - 1].tobytes()

    def pick(self, mask: Mask, keyword_length: int) -> tuple[U8, I64]:
        """The chosen lines as one array of bytes, keywords and trailing comments blanked, and where each starts."""
        text = self.bytes[: int(self.lengths.sum())][np.repeat(mask, self.lengths)]
        lengths = self.lengths[mask]
        starts = np.cumsum(lengths) - lengths
        for offset in range(keyword_length):
            text[starts + offset] = SPACE
        if (text == ord("#")).any():
            text = np.frombuffer(
                re.sub(rb"#[^\n]*", lambda found: b" " * len(found[0]), text.tobytes()), dtype=np.uint8
            )
        return text, starts

    def vectors(self, mask: Mask, keyword_length: int, least: int, most: int) -> npt.NDArray[np.float64]:
        """(lines, most) numbers of the chosen lines, NaN where a line has fewer than `most`, none below `least`."""
        text, starts = self.pick(mask, keyword_length)
        counts = count_tokens(text, starts)
        values = parse_numbers(text.tobytes(), np.float64)
        if len(values) != counts.sum() or (len(counts) and int(counts.min()) < least):
            raise InputError("mesh.broken", f"a vertex line has fewer than {least} numbers")
        if len(counts) and int(counts.min()) == int(counts.max()):
            rows = values.reshape(len(counts), -1)[:, :most]
            width = rows.shape[1]
            return np.pad(rows, ((0, 0), (0, most - width)), constant_values=np.nan) if width < most else rows
        column = np.arange(len(values)) - np.repeat(np.cumsum(counts) - counts, counts)
        kept = column < most
        table = np.full((len(counts), most), np.nan)
        table[np.repeat(np.arange(len(counts)), counts)[kept], column[kept]] = values[kept]
        return table

"""Lines in order of a hexadecimal prefix through files on disk: millions of them without holding more than a few."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

A_BUCKET = 16_384  # lines: about 40 MB of samples with their measures
MOST_BUCKETS = 256  # open files; a process may have 1,024


class Spool:
    """Takes lines in any order, gives them back sorted; its files go with it."""

    def __init__(self, folder: str, expected: int) -> None:
        """`expected` lines or so decide how many files there are, which changes memory and never the order."""
        self.count = 1
        while self.count < MOST_BUCKETS and self.count * A_BUCKET < expected:
            self.count *= 2
        self._paths = [Path(folder, f"spool-{number:03d}") for number in range(self.count)]
        self._streams = [path.open("wb") for path in self._paths]

    def add(self, line: bytes) -> None:
        """A line that begins with at least 2 hex digits and ends in a newline."""
        self._streams[int(line[:2], 16) * self.count >> 8].write(line)

    def sorted_lines(self) -> Iterator[bytes]:
        """All lines in order, one bucket in memory at a time."""
        for path, stream in zip(self._paths, self._streams, strict=True):
            stream.close()
            with path.open("rb") as lines:
                yield from sorted(lines)
            path.unlink()

    def close(self) -> None:
        """Remove what is left."""
        for path, stream in zip(self._paths, self._streams, strict=True):
            stream.close()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)  # noqa: PTH108

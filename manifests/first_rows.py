"""Which row of a manifest first had an id or a content, for tens of millions of rows in two plain arrays."""

from __future__ import annotations

from array import array

SMALLEST = 1 << 10  # slots
MASK = (1 << 64) - 1


class FirstRows:
    """18 to 36 bytes an entry, where a dict of Python objects takes 80 (of numbers) to 300 (of hex digests and ids).

    Entries are told apart by 64-bit hashes: one chance repetition in 370,000 manifests of ten million rows. A hash
    table with open addressing and linear probing (Knuth, The Art of Computer Programming 3, 6.4), at most 2/3 full.
    """

    def __init__(self) -> None:
        self._count = 0
        self._allot(SMALLEST)

    def _allot(self, slots: int) -> None:
        self._last = slots - 1
        self._marks, self._rows = array("Q", bytes(8 * slots)), array("I", bytes(4 * slots))

    def __len__(self) -> int:
        return self._count

    def of(self, what: str, row: int) -> int:
        """The row that first had this; `row`, which counts from 1, where none had."""
        mark = hash(what) & MASK
        slot = self._slot(mark)
        if first := self._rows[slot]:
            return first
        self._marks[slot], self._rows[slot] = mark, row
        self._count += 1
        if 3 * self._count > 2 * self._last:
            self._grow()
        return row

    def _slot(self, mark: int) -> int:
        """Where a mark is, or belongs."""
        marks, rows, last = self._marks, self._rows, self._last
        slot = mark & last
        while rows[slot] and marks[slot] != mark:
            slot = (slot + 1) & last
        return slot

    def _grow(self) -> None:
        marks, rows = self._marks, self._rows
        self._allot(2 * (self._last + 1))
        for mark, row in zip(marks, rows, strict=True):
            if row:
                slot = self._slot(mark)
                self._marks[slot], self._rows[slot] = mark, row

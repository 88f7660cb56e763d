"""Chunks are cut by content: the same rows give the same chunks, a changed row changes only its own."""

import hashlib
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from flows.chunks import Chunk, Keyed, cut
from manifests.row import Row


def keyed(text: str) -> Keyed:
    return Keyed(hashlib.blake2b(text.encode(), digest_size=16).hexdigest(), Row(1, 1, text))


def boundaries(names: list[str], size: int = 64) -> set[str]:
    return {rows[-1].row.id for rows in cut(map(keyed, names), size)}


NAMES = [f"row-{i}" for i in range(5000)]


@given(st.lists(st.text(max_size=5), max_size=300), st.integers(1, 50))
def test_nothing_is_lost_or_reordered(names: list[str], size: int) -> None:
    rows = [keyed(name) for name in names]
    chunks = list(cut(rows, size))
    assert list(chain.from_iterable(chunks)) == rows
    assert all(1 <= len(chunk) <= 2 * size for chunk in chunks)


def test_mean_size_is_what_was_asked() -> None:
    sizes = [len(rows) for rows in cut(map(keyed, NAMES), 64)]
    assert 45 < sum(sizes) / len(sizes) < 85


def test_an_inserted_row_moves_few_boundaries() -> None:
    before = boundaries(NAMES)
    after = boundaries([*NAMES[:1000], "new", *NAMES[1000:]])
    assert len(before ^ after) <= 6 < len(before)


def test_an_id_depends_on_the_rows() -> None:
    rows = [keyed(name) for name in NAMES[:3]]
    assert Chunk(rows).id == Chunk(list(rows)).id != Chunk(rows[:2]).id

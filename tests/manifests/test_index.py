from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from manifests.index import IdOwners, KeyIndex, id_hashes, pack_keys

KEYS = st.binary(min_size=16, max_size=16).map(bytes.hex)


@given(st.sets(KEYS, max_size=60), st.sets(KEYS, max_size=20))
def test_an_index_holds_its_keys_and_no_others(held: set[str], others: set[str]) -> None:
    index = KeyIndex(pack_keys(held))
    assert len(index) == len(held)
    assert all(key in index for key in held)
    assert all((key in index) == (key in held) for key in others)


def test_a_large_index_with_crowded_buckets() -> None:
    source = random.Random(5)
    keys = [f"{source.choice(('0000', 'ffff', 'abcd'))}{source.getrandbits(112):028x}" for _ in range(20_000)]
    index = KeyIndex(pack_keys(keys[:10_000]))
    assert all(key in index for key in keys[:10_000])
    assert not any(key in index for key in keys[10_000:])


@given(st.lists(st.lists(st.integers(0, 30), max_size=6), max_size=12), st.lists(st.integers(0, 30), max_size=4))
def test_owners_are_all_chunks_that_hold_an_id(chunks: list[list[int]], asked: list[int]) -> None:
    owners = IdOwners()
    for number, ids in enumerate(chunks):
        owners.add(f"c{number}", id_hashes(map(str, ids)))
    expected = {f"c{number}" for number, ids in enumerate(chunks) if set(ids) & set(asked)}
    assert owners.holding(id_hashes(map(str, asked))) == expected

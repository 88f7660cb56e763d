from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.row import InputFile, InvalidRow, Row, asset_folder, derive_id, expand, row_key, row_seed

CHAIR = Row(1, 2, "c1", prompt="a red chair", files=(InputFile("/d/a.png", "/d", "a.png", "10:5"),), image="/d/a.png")


def key(row: Row) -> str:
    return row_key(row, "recipe", "v1", 0)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "c2"},
        {"prompt": "a blue chair"},
        {"negative_prompt": "rust"},
        {"files": (InputFile("/d/a.png", "/d", "a.png", "10:6"),)},
        {"files": (InputFile("/d/b.png", "/d", "b.png", "10:5"),)},
        {"image": None, "sketch": "/d/a.png"},
        {"image": None, "reference": "/d/a.png"},
        {"seed": 7},
        {"variation": 1},
        {"height_m": 1.0},
        {"up_axis": "z"},
        {"profile": "game"},
        {"generator": "mesh"},
        {"tags": ("a",)},
        {"meta": {"sku": "1"}},
    ],
    ids=lambda change: "+".join(change),
)
def test_every_field_that_decides_the_asset_changes_the_key(change: dict[str, object]) -> None:
    assert key(dataclasses.replace(CHAIR, **change)) != key(CHAIR)  # type: ignore[arg-type]


def test_the_key_holds_recipe_generator_and_run_seed_but_not_place() -> None:
    keys = {row_key(CHAIR, "r", "v", 0), row_key(CHAIR, "s", "v", 0), row_key(CHAIR, "r", "w", 0)}
    assert len(keys | {row_key(CHAIR, "r", "v", 1)}) == 4
    moved = dataclasses.replace(
        CHAIR, number=9, line=30, image="/e/a.png", files=(InputFile("/e/a.png", "/e", "a.png", "10:5"),)
    )
    assert key(moved) == key(CHAIR)
    assert len(bytes.fromhex(key(CHAIR))) == 16
    seeded = dataclasses.replace(CHAIR, seed=3)
    assert row_key(seeded, "r", "v", 0) == row_key(seeded, "r", "v", 1)


def test_keys_and_seeds_are_the_same_in_another_process() -> None:
    code = "from manifests.row import *; r = Row(1, 1, 'ä', prompt='x'); print(row_key(r, 'r', 'v', 5), row_seed(r, 5))"
    row = Row(1, 1, "ä", prompt="x")
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert other == [row_key(row, "r", "v", 5), str(row_seed(row, 5))]


def test_seed_is_the_rows_own_or_follows_id_variation_and_run() -> None:
    assert row_seed(dataclasses.replace(CHAIR, seed=41), 9) == 41
    assert row_seed(dataclasses.replace(CHAIR, seed=41, variation=2), 9) == 43
    assert row_seed(dataclasses.replace(CHAIR, number=8, files=()), 9) == row_seed(CHAIR, 9)
    others = [row_seed(dataclasses.replace(CHAIR, variation=1), 9), row_seed(CHAIR, 8)]
    assert len({row_seed(CHAIR, 9), *others}) == 3
    assert all(0 <= seed < 2**31 for seed in others)


def test_derived_ids_are_readable_and_follow_content_alone() -> None:
    row = dataclasses.replace(CHAIR, id="")
    assert derive_id(row).startswith("a-red-chair-")
    assert derive_id(dataclasses.replace(row, number=5, line=6)) == derive_id(row)
    assert derive_id(dataclasses.replace(row, meta={"sku": "2"})) != derive_id(row)
    assert derive_id(dataclasses.replace(row, prompt="")).startswith("a-")
    assert derive_id(dataclasses.replace(row, prompt="椅子")).startswith("asset-")


def test_variations_become_rows_of_their_own() -> None:
    rows = expand(dataclasses.replace(CHAIR, variations=3))
    assert [(row.id, row.variation) for row in rows] == [("c1-v1", 0), ("c1-v2", 1), ("c1-v3", 2)]
    assert expand(CHAIR) == [CHAIR]


@given(st.lists(st.text(max_size=200), min_size=2, max_size=8, unique=True))
def test_asset_folders_are_safe_and_differ_where_ids_do(ids: list[str]) -> None:
    ids = [id for id in ids if not any(0xD800 <= ord(letter) <= 0xDFFF for letter in id)]
    folders = [asset_folder(id) for id in ids]
    assert len(set(folders)) == len(ids)
    for folder in folders:
        assert folder.isascii()
        assert folder.strip(".")
        assert not set(folder) & set("/\\ \0:*?\"<>|'")
        assert len(folder) <= 200


def test_asset_folders_at_their_edges() -> None:
    assert asset_folder("Chair_01.b-c") == "Chair_01.b-c"
    assert asset_folder("..") == "%2E%2E"
    assert asset_folder("a/../b") == "a%2F..%2Fb"
    long = [asset_folder("ü" * 199 + letter) for letter in "ab"]
    assert len(set(long)) == 2
    assert max(map(len, long)) <= 200


def test_an_invalid_row_never_takes_another_rows_ledger_id() -> None:
    fault = InvalidRow(4, 5, "c1", "id", "row.duplicate-id", "twice")
    assert fault.ledger_id == "c1#row4"
    assert InvalidRow(4, 5, "", "", "row.no-input", "none").ledger_id == "#row4"
    assert InvalidRow(4, 5, "c1", "seed", "row.bad-number", "x").ledger_id == "c1"
    assert fault.key != dataclasses.replace(fault, line=6).key

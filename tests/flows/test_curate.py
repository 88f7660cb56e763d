"""Curation end to end: a manifest becomes shards with a card that tells of every row."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mill import EXAMPLES
from shard_rows import packed, write

from flows import cli
from manifests.errors import LedgerError
from manifests.ledger import Ledger
from manifests.store import Store
from tasks.card_pictures import BINS, Histogram, histograms_svg, sample_sheet

RECIPE = """
name = "small"
description = "Two stools."
[licences]
allow = ["CC0"]
[[steps]]
use = "clean"
[[exports]]
use = "ply"
[thumbnail]
size = 64
"""
ROWS = """id,mesh,license
stool,inputs/meshes/stool.obj,CC0
stool.2,inputs/meshes/stool.obj,CC-BY-NC
gone,inputs/meshes/nothing.obj,CC0
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("curate")
    (folder / "small.toml").write_text(RECIPE)
    (folder / "rows.csv").write_text(ROWS.replace("inputs/", f"{EXAMPLES}/inputs/"))
    places = ["--recipe", str(folder / "small.toml"), "--out", str(folder / "out"), "--input-root", str(EXAMPLES)]
    command = ["curate", str(folder / "rows.csv"), *places, "--engine", "inline", "--json", "--split", "1/0/0"]
    assert cli.main(command) == 0
    before = {path: path.read_bytes() for path in (folder / "out/shards").rglob("*") if path.is_file()}
    assert cli.main(command) == 0
    assert {path: path.read_bytes() for path in (folder / "out/shards").rglob("*") if path.is_file()} == before
    return folder


def test_card_tells_of_every_row(run: Path) -> None:
    card = (run / "out/shards/README.md").read_text()
    for line in (
        "| rows of the manifest | 3 |  |",
        "| – `row.missing-file` | 1 | did not pass |",
        "| – `licence.not-allowed` | 1 | did not pass |",
        "| **samples published** | 1 |  |",
        "| CC0 | 1 |",
        "| 1 | 1 | 1 | 1 |",
        "![Samples](card/samples.jpg)",
    ):
        assert line in card.splitlines()
    assert RECIPE.strip() in card


def test_a_hub_finds_the_splits_through_the_card(run: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    load: Any = datasets.load_dataset
    found = load(str(run / "out/shards"), cache_dir=str(tmp_path))
    assert {name: len(rows) for name, rows in found.items()} == {"train": 1}
    assert found["train"][0]["json"]["id"] == "stool"


def test_a_row_is_explained(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["curate", str(run / "out"), "--explain", "gone"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("gone: invalid\n  reason   row.missing-file\n  says     mesh ")
    assert cli.main(["curate", str(run / "out"), "--explain", "nobody"]) == 2
    assert "holds no row 'nobody'" in capsys.readouterr().err
    assert issubclass(LedgerError, Exception)


TABLE = """sha256,local_path,licence,note
a,sheet.ply,by,flat
b,thing.zip,CC BY 4.0,
c,again.zip,by,
d,thing.zip,by-nc,
"""


def test_a_foreign_table_is_filtered_before_and_at_the_intake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gem = EXAMPLES / "inputs/meshes/gem.off"
    for name in ("thing.zip", "again.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(zipfile.ZipInfo("models/gem.off"), gem.read_bytes())
    corners = "".join(f"{x} 0 {z}\n" for x in range(6) for z in range(6))
    faces = "".join(f"4 {i} {i + 1} {i + 7} {i + 6}\n" for i in range(29) if i % 6 < 5)
    count = faces.count("\n")
    head = "ply\nformat ascii 1.0\nelement vertex 36\nproperty float x\nproperty float y\nproperty float z\n"
    head += f"element face {count}\nproperty list uchar int vertex_indices\nend_header\n"
    (tmp_path / "sheet.ply").write_text(head + corners + faces)
    (tmp_path / "table.csv").write_text(TABLE.replace("sha256", "uid"))
    recipe = RECIPE.replace('["CC0"]', '["CC-BY-4.0"]') + '[intake]\nprofile = "curation"\nunique = true\n'
    (tmp_path / "small.toml").write_text(recipe)
    renames = [f"--column={each}" for each in ("id=uid", "mesh=local_path", "license=licence")]
    places = ["--recipe", str(tmp_path / "small.toml"), "--out", str(tmp_path / "out"), "--engine", "inline"]
    assert cli.main(["curate", str(tmp_path / "table.csv"), *places, *renames, "--split", "1/0/0"]) == 0
    rows = {row["id"]: row for row in Ledger(Store(str(tmp_path / "out"))).rows()}
    assert {id: (row["outcome"], row["reasons"]) for id, row in rows.items()} == {
        "a": ("rejected", ["gate.planar", "gate.single-surface"]),
        "b": ("passed", []),
        "c": ("rejected", ["duplicate.input"]),
        "d": ("rejected", ["licence.not-allowed"]),
    }
    assert rows["a"]["meta"]["note"] == "flat"
    capsys.readouterr()
    assert cli.main(["curate", str(tmp_path / "out"), "--explain", "a"]) == 0
    assert "  says     gate.planar: 0 < 0.01\n" in capsys.readouterr().out


def test_card_of_many_samples_shows_their_measures(run: Path, tmp_path: Path) -> None:
    from flows.card import write_card
    from flows.catalogue import catalogue
    from manifests.recipe import load_recipe

    write(tmp_path / "out", range(60))
    packed(tmp_path / "out", tmp_path / "set")
    place = write_card(
        Store(str(tmp_path / "out")),
        Store(str(tmp_path / "set")),
        load_recipe(str(run / "small.toml"), catalogue()),
        {},
    )
    assert "| faces | 0 | 29.5 | 59 |" in Path(place).read_text().splitlines()
    picture = ElementTree.fromstring((tmp_path / "set/card/statistics.svg").read_text())
    bars = [each for each in picture.iter() if each.get("fill") == "#2a7d6f"]
    assert len(bars) == BINS
    versions = json.loads((tmp_path / "set/versions/1.json").read_text())
    assert versions["samples"] == 60


@given(st.lists(st.floats(), max_size=30), st.floats(-1e300, 1e300), st.floats(-1e300, 1e300))
def test_a_histogram_counts_every_finite_value(values: list[float], one: float, other: float) -> None:
    histogram = Histogram("x", min(one, other), max(one, other))
    histogram.add(np.array(values, np.float64))
    assert histogram.counts.sum() == np.isfinite(np.array(values, np.float64)).sum()
    ElementTree.fromstring(histograms_svg([histogram]))


def test_a_sheet_leaves_out_what_is_no_picture() -> None:
    assert sample_sheet([b"nothing"]) == b""

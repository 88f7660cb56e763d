"""Refinement: instructions become versions beside their parents, refusals are coded, and nothing is made twice."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from crash_points import DirectEngine, at_once

from flows import cli
from flows.duplicates import find_repeats
from flows.execute import Prepared, drive_alone
from flows.progress import Progress
from flows.refine import RefineConfig
from flows.run import FACTS, RunConfig, Summary, already_done
from manifests.errors import LeaseError, ManifestError
from manifests.lease import Lease
from manifests.ledger import Ledger
from manifests.store import Store
from manifests.versions import superseded
from ml.asset import Asset
from ml.readers.gltf import read_glb
from tasks.profile import load_profile

pytestmark = pytest.mark.slow

STEPS = "".join(f"[[steps]]\nuse = '{name}'\n" for name in ("clean", "orient", "scale"))
RECIPE = f"{STEPS}[gate]\nprofile = 'none'\n[[exports]]\nuse = 'glb'\n"
PROFILE = """
title = "Furniture"
description = "Nothing small"
[[rules]]
code = "height"
metric = "size.height_m"
severity = "reject"
min = 0.3
source = "test"
date = "2026-11"
"""
ROWS = ("chair,an oak chair,5,", "mug,a blue mug,6,0.12", "giraffe,a giraffe,7,", "stool,a stool,8,")


class Mill:
    """A finished run, and refinements of its assets."""

    def __init__(self, folder: Path, recipe: str = RECIPE, rows: Sequence[str] = ROWS) -> None:
        self.folder, self.out, self.made = folder, folder / "out", folder / "made.log"
        (folder / "small.toml").write_text(recipe)
        (folder / "rows.csv").write_text("\n".join(["id,prompt,seed,height_m", *rows]) + "\n")
        self.drive(RunConfig(str(folder / "rows.csv"), str(folder / "small.toml"), str(self.out)))

    def drive(self, config: RunConfig) -> Summary:
        done = already_done(config)
        engine = Prepared(DirectEngine(self.made), Progress())
        return done or drive_alone(config, engine, lambda work: at_once(work.run))

    def refine(self, *rows: str, header: str = "parent,instruction", **options: Any) -> Summary:
        self.made.write_text("")
        path = self.folder / "refine.csv"
        path.write_text("\n".join([header, *rows]) + "\n")
        return self.drive(RefineConfig(str(path), out=str(self.out), **options))

    def ledger(self) -> dict[str, dict[str, Any]]:
        rows = list(Ledger(Store(str(self.out))).rows())
        assert len({row["id"] for row in rows}) == len(rows)
        return {row["id"]: row for row in rows}

    def asset(self, id: str) -> Asset:
        return read_glb((self.out / "assets" / id / f"{id}.glb").read_bytes())


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Mill:
    """One run and its refinements, which the tests below look at or add to."""
    mill = Mill(tmp_path_factory.mktemp("refine"))
    summary = mill.refine(
        "chair,add armrests", "chair,red seat", "mug,twice as tall", "giraffe,red", "chair,frobnicate"
    )
    assert summary.outcomes == {"passed": 3, "rejected": 2}
    return mill


def names(asset: Asset) -> set[str]:
    return {part.name for part in asset.parts}


def test_versions_stand_beside_their_parents(first: Mill) -> None:
    rows = first.ledger()
    assert names(first.asset("chair.v2")) == names(first.asset("chair")) | {"arms"}
    assert names(first.asset("chair.v3")) == names(first.asset("chair"))
    assert [rows[f"chair.v{n}"]["parent"] for n in (2, 3)] == ["chair", "chair"]
    version = rows["chair.v2"]["meta"]["version"]
    said = ("root", "number", "instruction", "how", "understood")
    assert [version[name] for name in said] == ["chair", 2, "add armrests", "drawing", "with arms"]
    assert version["changes"]["parts"] == [rows["chair"]["metrics"]["parts"], rows["chair.v2"]["metrics"]["parts"]]
    assert rows["chair.v2"]["recipe"] == "small"


def test_a_size_that_the_row_asked_for_gives_way(first: Mill) -> None:
    """The mug was to be 12 cm; a version twice as tall is not scaled back."""
    old, new = (first.asset(id).bounds() for id in ("mug", "mug.v2"))
    assert new[1] - new[0] == pytest.approx((old[1] - old[0]) * (1.0, 2.0, 1.0), rel=1e-4)
    assert new[0][1] == pytest.approx(0.0, abs=1e-6)


def test_refusals_are_coded(first: Mill) -> None:
    rows = first.ledger()
    assert rows["chair.v4"]["reasons"] == ["instruction.unknown"]
    assert rows["giraffe.v2"]["reasons"] == ["refine.no-mesh"]
    assert not list(first.out.glob("assets/chair.v4/*"))


def test_a_second_call_does_nothing(first: Mill) -> None:
    before = {path: path.stat().st_mtime_ns for path in first.out.rglob("*") if path.is_file()}
    rows = ("chair,add armrests", "chair,red seat", "mug,twice as tall", "giraffe,red", "chair,frobnicate")
    summary = first.refine(*rows)
    assert (summary.skipped, sum(summary.outcomes.values()), first.made.read_text()) == (5, 0, "")
    after = {path: path.stat().st_mtime_ns for path in first.out.rglob("*") if path.is_file()}
    assert after == before


def test_a_version_is_refined(first: Mill) -> None:
    """What a parent had been given stays: armrests of the drawing, then a height of the mesh, then both."""
    first.refine("chair.v2,half as tall", header="parent,instruction")
    first.refine("chair.v5,add a cushion")
    last, parent = first.asset("chair.v6"), first.asset("chair.v2")
    assert names(last) == names(parent) | {"cushion"}
    (low, high), (was_low, was_high) = last.bounds(), parent.bounds()
    assert (high - low)[1] == pytest.approx(0.5 * (was_high - was_low)[1], rel=1e-3)
    changes = first.ledger()["chair.v6"]["meta"]["made_from"]["changes"]
    assert [change["how"] for change in changes] == ["drawing", "mesh", "drawing"]


def test_wrong_rows_are_invalid_and_cost_no_other(first: Mill) -> None:
    rows = (
        "nobody,red seat,,",
        "stool,,,",
        ",red,,",
        'stool,red,"{""parts"": 3}",',
        "stool,oak,,mug",
        "stool,red seat,,own",
    )
    summary = first.refine(*rows, "stool,red seat,,own", header="parent,instruction,region,id")
    assert summary.outcomes == {"invalid": 6, "passed": 1}
    found = {row["reasons"][0] for row in first.ledger().values() if row["outcome"] == "invalid"}
    codes = {"refine.unknown-parent", "refine.no-instruction", "refine.no-parent", "region.bad-part", "refine.id-taken"}
    assert found == codes | {"row.repeated"}
    assert first.ledger()["own"]["parent"] == "stool"
    assert first.ledger()["own"]["meta"]["version"]["number"] == 2


def test_other_formats(first: Mill, tmp_path: Path) -> None:
    path = tmp_path / "more.jsonl.gz"
    line = {"parent": "stool", "instruction": "make it", "region": {"parts": ["seat"]}}
    path.write_bytes(gzip.compress(json.dumps(line).encode()))
    summary = first.drive(RefineConfig(str(path), out=str(first.out)))
    assert summary.outcomes == {"rejected": 1}
    (tmp_path / "assets.csv").write_text("id,prompt\na,b\n")
    with pytest.raises(ManifestError):
        first.drive(RefineConfig(str(tmp_path / "assets.csv"), out=str(first.out)))


def test_a_rejected_parent_can_be_refined(tmp_path: Path) -> None:
    """With the recipe it was made with, though its file is gone, and the profile beside that."""
    (tmp_path / "low.toml").write_text(PROFILE)
    mill = Mill(tmp_path, RECIPE.replace("'none'", "'low.toml'"), ("bench,a bench,5,", "mug,a mug,5,"))
    assert mill.ledger()["mug"]["reasons"] == ["gate.height"]
    (tmp_path / "small.toml").unlink()
    assert mill.refine("mug,half as tall", "bench,twice as tall").outcomes == {"passed": 1, "rejected": 1}
    assert mill.ledger()["mug.v2"]["reasons"] == ["gate.height"]
    assert mill.ledger()["bench.v2"]["outcome"] == "passed"
    (tmp_path / "low.toml").write_text(PROFILE.replace("0.3", "0.03"))
    load_profile.cache_clear()
    assert mill.refine("mug,red").outcomes == {"invalid": 1}  # what it was made with cannot be told any more
    assert mill.refine("mug,red", recipe="noop").outcomes == {"passed": 1}


def test_history_and_revert(first: Mill, capsys: pytest.CaptureFixture[str]) -> None:
    def heard(*arguments: str) -> list[str]:
        capsys.readouterr()
        assert cli.main([*arguments]) == 0
        return capsys.readouterr().out.splitlines()

    out = str(first.out)
    lines = {line["id"]: line for line in map(json.loads, heard("history", out, "mug.v2", "--json"))}
    assert [(line["parent"], line["current"]) for line in lines.values()] == [("", False), ("mug", True)]
    assert lines["mug.v2"]["changes"]["size.height_m"] == pytest.approx([0.12, 0.24], rel=1e-3)
    assert any("+100.0" in line for line in heard("history", out, "mug"))
    assert superseded(Ledger(Store(out))) >= {"mug", "chair"}
    assert not {"mug", "chair"} & {each.of for each in find_repeats(Store(out), 1.0)}

    before = first.ledger()
    assert heard("revert", out, "mug", "1") == ["mug"]
    lines = {line["id"]: line for line in map(json.loads, heard("history", out, "mug", "--json"))}
    assert [line["current"] for line in lines.values()] == [True, False]
    assert "mug.v2" in superseded(Ledger(Store(out)))
    assert "mug" not in superseded(Ledger(Store(out)))
    after = first.ledger()
    assert {id: row for id, row in after.items() if id != "mug"} == {
        id: row for id, row in before.items() if id != "mug"
    }
    assert cli.main(["revert", out, "chair", "v4"]) == 2  # it was refused
    assert cli.main(["revert", out, "chair", "77"]) == 2
    assert cli.main(["history", out, "nobody"]) == 2

    assert first.refine("mug,three times as tall").outcomes == {"passed": 1}
    assert "mug" in superseded(Ledger(Store(out)))  # the newest is current again


def test_the_report_stays_that_of_the_run(first: Mill) -> None:
    facts = json.loads((first.out / FACTS).read_text())
    assert facts["title"] == "rows.csv"
    assert (first.out / "report/index.html").is_file()


def test_one_driver_at_a_time(first: Mill) -> None:
    with Lease(Store(str(first.out))):
        with pytest.raises(LeaseError):
            first.refine("chair,blue seat")
        assert cli.main(["revert", str(first.out), "chair", "1"]) == 2

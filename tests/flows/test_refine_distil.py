"""Refinements that ask a model of pictures: in the process of a model, refused before anything is spent without it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows import cli
from flows.guard import close_templates
from manifests.ledger import Ledger
from manifests.store import Store
from tests.tiny_pipelines import latent_pipeline

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

RECIPE = """
[[steps]]
use = "clean"
[[exports]]
use = "glb"
[generator.distill]
model = "{}"
accept = ["unknown"]
device = "cpu"
steps = 3
batch_pictures = 1
side = 16
finest = 32
resolution = 64
"""


@pytest.fixture
def mill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run of one stool, with a recipe that names a tiny pipeline."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    latent_pipeline(tmp_path).save_pretrained(tmp_path / "model")
    (tmp_path / "mine.toml").write_text(RECIPE.format(tmp_path / "model"))
    (tmp_path / "rows.csv").write_text("id,prompt\nstool,a stool\n")
    command = ["run", str(tmp_path / "rows.csv"), "--recipe", str(tmp_path / "mine.toml")]
    assert cli.main([*command, "--out", str(tmp_path / "out"), "--engine", "inline"]) == 0
    return tmp_path


def refine(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, int], str]:
    """Outcomes, and what was said on stderr."""
    (folder / "refine.csv").write_text("parent,instruction\nstool,distil as a mossy stool\nstool,10 % larger\n")
    capsys.readouterr()
    assert cli.main(["refine", str(folder / "out"), str(folder / "refine.csv"), "--engine", "inline", "--json"]) == 0
    said = capsys.readouterr()
    return json.loads(said.out)["outcomes"], said.err


def test_a_model_that_is_missing_costs_its_versions_alone_until_it_is_there(
    mill: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (mill / "model" / "unet").rename(mill / "aside")
    outcomes, said = refine(mill, capsys)
    assert outcomes == {"failed": 1, "passed": 1}
    assert "distill: model.missing-weights" in said
    outcomes, _ = refine(mill, capsys)
    assert outcomes == {}
    (mill / "aside").rename(mill / "model" / "unet")
    outcomes, said = refine(mill, capsys)
    close_templates()
    assert (outcomes, "model.missing" in said) == ({"passed": 1}, False)
    rows = {row["id"]: row for row in Ledger(Store(str(mill / "out"))).rows()}
    assert set(rows) == {"stool", "stool.v2", "stool.v3"}  # the version that waited keeps its number
    version = rows["stool.v2"]["meta"]["version"]
    assert (version["how"], version["number"], version["understood"]) == ("distilled", 2, "a mossy stool")
    assert rows["stool.v2"]["parent"] == "stool"
    assert rows["stool.v2"]["metrics"]["edit.moved_percent"] > 0.0
    assert rows["stool.v2"]["meta"]["made_from"]["changes"][0]["how"] == "distilled"

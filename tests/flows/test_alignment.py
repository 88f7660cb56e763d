"""Alignment in a run: scores in the ledger, figures in the status, a scorer from labels, and pre-flight."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flows import cli
from manifests.ledger import Ledger
from manifests.store import Store

pytestmark = pytest.mark.slow

RECIPE = "[[steps]]\nuse = 'clean'\n[gate]\nprofile = 'none'\n[[exports]]\nuse = 'glb'\n"
NOUNS = ("chair", "lamp", "table", "car", "sword", "mug", "boat", "tree", "house", "crate")


def make(folder: Path, alignment: str) -> int:
    (folder / "small.toml").write_text(f"{RECIPE}{alignment}\n")
    rows = [f"{noun},a red {noun}" for noun in NOUNS]
    (folder / "rows.csv").write_text("\n".join(["id,prompt", *rows]) + "\n")
    places = ["--recipe", str(folder / "small.toml"), "--out", str(folder / "out"), "--engine", "inline"]
    return cli.main(["run", str(folder / "rows.csv"), *places, "--json"])


def ledger(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in Ledger(Store(str(folder / "out"))).rows()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("aligned")
    assert make(folder, "[alignment]") == 0
    return folder


def test_every_prompt_is_scored(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = [row["metrics"]["alignment.score"] for row in ledger(made).values()]
    assert len(scores) == len(NOUNS)
    assert all(0.0 <= score <= 1.0 for score in scores)
    assert sum(score > 0.5 for score in scores) >= 8
    capsys.readouterr()
    assert cli.main(["status", str(made / "out"), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert figures["alignment.score.rows"] == len(NOUNS)
    assert figures["alignment.score.mean"] == pytest.approx(sum(scores) / len(scores), abs=1e-5)
    assert 0.0 < figures["clip_score"] < 2.5
    assert "frechet" not in figures  # ten assets span no covariance of 128 features


def test_labels_become_a_scorer_that_a_recipe_names(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = [f"{noun},{9 if noun in NOUNS[:5] else 1}" for noun in NOUNS]
    (tmp_path / "labels.csv").write_text("\n".join(["id,label", *labels]) + "\n")
    scorer = tmp_path / "quality.json"
    command = ["train", "scorer", str(tmp_path / "labels.csv"), "--run", str(made / "out"), "--out", str(scorer)]
    assert cli.main(command) == 0
    assert json.loads(capsys.readouterr().out)["labels"] == len(NOUNS)
    assert make(tmp_path, f"[alignment]\nscorer = '{scorer}'") == 0
    quality = {name: row["metrics"]["quality.score"] for name, row in ledger(tmp_path).items()}
    assert min(quality[noun] for noun in NOUNS[:5]) > max(quality[noun] for noun in NOUNS[5:])


@pytest.mark.parametrize(
    ("alignment", "said"),
    [
        ("[alignment]\nmodel = 'ViT-B-99@x'", "no model 'ViT-B-99'"),
        ("[alignment]\nmodel = 'ViT-B-32@/nowhere/weights.pt'", "not a .safetensors file"),
        ("[alignment]\nscorer = '/nowhere/quality.json'", "not a scorer"),
        ("[alignment]\nmodle = 'x'", "did you mean 'model'"),
    ],
)
def test_what_is_missing_is_said_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], alignment: str, said: str
) -> None:
    assert make(tmp_path, alignment) == 2
    complaint = capsys.readouterr().err.strip().splitlines()
    assert said in complaint[-1]
    assert not (tmp_path / "out" / "ledger").exists()


def test_labels_are_checked(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "labels.csv"
    for text, said in (
        ("id,label\nchair,good\n", "line 2: label 'good' is no number"),
        ("name\nchair\n", "columns id and label"),
        ("id,label\nnobody,1\n", "features of none of the 1 labelled"),
        ("id,label\nchair,1\nlamp,2\n", "2 labels; a scorer needs at least 8"),
    ):
        file.write_text(text)
        assert cli.main(["train", "scorer", str(file), "--run", str(made / "out"), "--out", str(tmp_path / "q")]) == 2
        assert said in capsys.readouterr().err

"""Rows that name a model which cannot run here have their outcome before anything is spent; a later run makes them."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from direct_engine import DirectEngine

from flows import models
from flows.execute import Prepared, drive_alone
from flows.progress import Progress
from flows.readiness import Readiness, named_generators
from flows.run import RunConfig, Summary, already_done
from manifests.ledger import Ledger
from manifests.store import Store
from ml.generators.noop import Noop
from ml.generators.pretrained.shelf import Missing
from ml.generators.registry import GENERATORS

ROWS = """id,prompt,generator
plain,a chair,
shap,a chair,shap-e
prose,a chair,no-such
other,a chair,triposg
auto,a chair,auto
again,a chair,triposg
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHMILL_MODELS", str(tmp_path / "models"))
    for name in ("RAY_ADDRESS", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "rows.csv").write_text(ROWS)
    (tmp_path / "mine.toml").write_text('[generator]\nuse = "noop"\n')


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Missing]]:
    """What models lack, by name; every look is counted under `looks`."""
    found: dict[str, Any] = {"shap-e": [Missing("model.missing-weights", "not pulled: a (2 GB)")], "looks": []}
    found["triposg"] = [Missing("model.missing-licence", "x"), Missing("model.missing-gpu", "y")]

    def look(name: str, _: object) -> list[Missing]:
        found["looks"].append(name)
        return list(found.get(name, ()))

    monkeypatch.setattr(models, "lacking", look)
    return found


def run(folder: Path, engine: DirectEngine) -> Summary:
    config = RunConfig(str(folder / "rows.csv"), str(folder / "mine.toml"), str(folder / "out"))
    done = already_done(config)
    if done is not None:
        return done
    with ThreadPoolExecutor(1) as pool:
        return drive_alone(config, Prepared(engine, Progress()), lambda work: pool.submit(work.run))


def ledger(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in Ledger(Store(str(folder / "out"))).rows() if row["outcome"] != "invalid"}


def test_rows_of_a_missing_model_end_with_its_code_and_the_others_run(
    tmp_path: Path, lacking: dict[str, list[Missing]], capsys: pytest.CaptureFixture[str]
) -> None:
    engine = DirectEngine()
    summary = run(tmp_path, engine)
    assert summary.outcomes == {"passed": 2, "failed": 3, "invalid": 1}
    assert set(engine.made) == {"plain", "auto"}  # nothing else was asked of any generator
    rows = ledger(tmp_path)
    assert rows["shap"]["reasons"] == ["model.missing-weights"]
    assert rows["other"]["reasons"] == rows["again"]["reasons"] == ["model.missing-licence"]
    assert rows["other"]["message"] == "model.missing-licence: x; model.missing-gpu: y"
    assert rows["shap"]["generator"] == "shap-e"
    assert capsys.readouterr().err.splitlines() == [
        "shap-e: model.missing-weights: not pulled: a (2 GB)",
        "triposg: model.missing-licence: x; model.missing-gpu: y",
    ]


def test_they_are_made_once_their_model_is_there_and_wait_until_then(
    tmp_path: Path, lacking: dict[str, list[Missing]], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = DirectEngine()
    run(tmp_path, engine)
    still = run(tmp_path, engine)
    assert (still.rows, still.skipped, still.outcomes) == (6, 6, {})
    lacking["shap-e"] = []
    made_by, options = GENERATORS["shap-e"]
    there = type("There", (Noop,), {"version": made_by.version})  # the model itself cannot be: no weights are here
    monkeypatch.setitem(GENERATORS, "shap-e", (there, options))
    made = run(tmp_path, engine)
    assert (made.skipped, made.outcomes) == (5, {"passed": 1})
    assert ledger(tmp_path)["shap"]["outcome"] == "passed"
    assert len(ledger(tmp_path)) == 5
    assert engine.made.total() == 3


def test_each_model_is_looked_at_once_a_run(tmp_path: Path, lacking: dict[str, list[Missing]]) -> None:
    rows = "".join(f"r{at},x,{('', 'triposg', 'shap-e')[at % 3]}\n" for at in range(600))
    (tmp_path / "rows.csv").write_text("id,prompt,generator\n" + rows)
    assert run(tmp_path, DirectEngine()).outcomes == {"passed": 200, "failed": 400}
    counted: list[Any] = lacking["looks"]
    assert counted.count("triposg") == counted.count("shap-e") == 2  # before the engine starts, and with it


def test_terms_alone_are_asked_where_the_models_run_elsewhere(
    lacking: dict[str, list[Missing]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "ray://there")
    assert Readiness().refusal("shap-e", None) is None
    refusal = Readiness().refusal("triposg", None)
    assert refusal is not None
    assert (refusal.outcome, refusal.code, refusal.message) == (
        "failed",
        "model.missing-licence",
        "model.missing-licence: x",
    )


def test_the_real_check_is_asked(tmp_path: Path) -> None:
    assert run(tmp_path, DirectEngine()).outcomes == {"passed": 2, "failed": 3, "invalid": 1}
    for row in ledger(tmp_path).values():
        assert (
            (row["outcome"] == "failed") == row["reasons"][0].startswith("model.missing-") if row["reasons"] else True
        )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", ROWS),
        ("rows.csv.gz", ROWS),
        ("rows.jsonl", "\n".join(json.dumps({"prompt": "x", "generator": n}) for n in ("triposg", "", "shap-e", "zz"))),
        ("renamed.csv", ROWS.replace("generator", "Model")),
    ],
)
def test_names_are_read_from_every_kind_of_manifest(tmp_path: Path, name: str, content: str) -> None:
    data = content.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    columns = {"generator": "Model"} if name == "renamed.csv" else {}
    path = str(tmp_path / name)
    assert named_generators(path, columns, None, GENERATORS) == {"shap-e", "triposg"}
    assert named_generators(path, columns, 2, GENERATORS) == ({"triposg"} if name == "rows.jsonl" else {"shap-e"})


def test_a_manifest_without_the_column_or_broken_further_down_names_what_it_can(tmp_path: Path) -> None:
    (tmp_path / "plain.csv").write_text("id,prompt\na,a chair\n")
    (tmp_path / "broken.csv.gz").write_bytes(gzip.compress((ROWS + "z,x,triposr\n" * 40_000).encode())[:-400])
    assert named_generators(str(tmp_path / "plain.csv"), {}, None, GENERATORS) == set()
    assert named_generators(str(tmp_path / "broken.csv.gz"), {}, None, GENERATORS) >= {"shap-e", "triposg"}

"""Rows that fall back go where the other generator runs, from a model's host to a guarded child and the other way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mill import left_behind, marked_env

from manifests.ledger import Ledger
from manifests.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
HERE, HOUSE = Path(__file__).parent, Path(__file__).parents[2]
ROWS = """id,prompt,category,generator
modelled,a chair,,
declined,a chair,refuse,
drawn,a mug,,procedural
unknown,a giraffe,,procedural
crashed,a chair,crash,
neither,a giraffe,refuse,
"""
MODEL_FIRST = {
    "modelled": ("passed", "trial", None),
    "declined": ("passed", "procedural", "trial: trial.no"),
    "drawn": ("passed", "procedural", None),
    "unknown": ("rejected", "procedural", None),  # the recipe's other generator is the row's own
    "crashed": ("quarantined", "trial", None),
    "neither": ("rejected", "procedural", "trial: trial.no"),
}
MODEL_SECOND = {
    "modelled": ("passed", "procedural", None),
    "declined": ("passed", "procedural", None),
    "drawn": ("passed", "procedural", None),
    "unknown": ("passed", "trial", "procedural: prompt.unknown-noun"),
    "crashed": ("passed", "procedural", None),
    "neither": ("rejected", "trial", "procedural: prompt.unknown-noun"),
}


def made(folder: Path, mark: str, engine: str, use: str, otherwise: str) -> dict[str, tuple[Any, ...]]:
    """Outcome, generator and note of each row."""
    (folder / "rows.csv").write_text(ROWS)
    (folder / "two.toml").write_text(
        f"[generator]\nuse = '{use}'\notherwise = '{otherwise}'\n[generator.trial]\nlog = '{folder / 'calls'}'\n"
    )
    env = {"MESHMILL_PLUGINS": "worker_plugin", "MESHMILL_GPUS": "1", "PYTHONPATH": f"{HERE}:{HOUSE}"}
    command = [str(Path(sys.executable).parent / "meshmill"), "run", str(folder / "rows.csv"), "--engine", engine]
    command += ["--recipe", str(folder / "two.toml"), "--out", str(folder / "out"), "--json"]
    env = {**os.environ, **marked_env(mark), **env}
    subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True, timeout=280)
    assert left_behind(mark) == []
    rows = Ledger(Store(str(folder / "out"))).rows()
    return {row["id"]: (row["outcome"], row["generator"], row["meta"].get("fell_back")) for row in rows}


@pytest.mark.parametrize("engine", ["inline", "auto"])
def test_a_model_that_declines_hands_over_to_a_guarded_child(tmp_path: Path, mark: str, engine: str) -> None:
    assert made(tmp_path, mark, engine, "trial", "procedural") == MODEL_FIRST


@pytest.mark.parametrize("engine", ["inline", "auto"])
def test_a_guarded_child_hands_over_to_a_model(tmp_path: Path, mark: str, engine: str) -> None:
    assert made(tmp_path, mark, engine, "procedural", "trial") == MODEL_SECOND

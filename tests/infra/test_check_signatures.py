"""What adapters call is held against clones of its sources: what changed or went is told, and recorded when asked."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ml.generators.pretrained.listed import PRETRAINED

HOUSE = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("check_signatures", HOUSE / "infra" / "check_signatures.py")
assert SPEC is not None
assert SPEC.loader is not None
check_signatures: Any = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check_signatures)
RECORD = check_signatures.RECORD
SOURCE = """
class Pipeline:
    @staticmethod
    def load(path, /, *, half=False): ...
    def __call__(self, image, steps: int = 50, *more, seed=None, **rest): ...
def to_glb(mesh, size=1024): ...
"""
CALLS = {
    "a/pipeline.py:Pipeline.__call__": "(image, steps=..., *more, seed=..., **rest)",
    "a/pipeline.py:Pipeline.load": "(path, *, half=...)",
    "a/pipeline.py:to_glb": "(mesh, size=...)",
}


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of owner/name that has SOURCE, and a record of its own that says CALLS."""
    folder = tmp_path / "envs" / "owner" / "name"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "pipeline.py").write_text(SOURCE)
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    commit(folder)
    known = {"revision": "0" * 40, "committed": "2024-01-01", "calls": dict(CALLS)}
    record = {"read": "2024-01-01", "sources": {"owner/name": known, "owner/elsewhere": dict(known)}}
    (tmp_path / "signatures.json").write_text(json.dumps(record))
    monkeypatch.setattr(check_signatures, "RECORD", tmp_path / "signatures.json")
    return folder


def commit(folder: Path) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(folder), *who, "add", "-A"], check=True)
    subprocess.run(["git", "-C", str(folder), *who, "commit", "-qm", "x", "--no-gpg-sign"], check=True)


def checked(monkeypatch: pytest.MonkeyPatch, folder: Path, *more: str) -> int:
    monkeypatch.setattr(sys, "argv", ["check_signatures.py", str(folder), *more])
    ended: int = check_signatures.main()
    return ended


def recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(check_signatures.RECORD.read_text())
    return found


def test_parameters_are_read_without_running_anything() -> None:
    for call, text in CALLS.items():
        assert check_signatures.signature(SOURCE, call.partition(":")[2]) == text
    with pytest.raises(LookupError):
        check_signatures.signature(SOURCE, "Pipeline.run")


def test_what_is_as_recorded_what_changed_and_what_is_gone(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = clone.parents[1]
    assert checked(monkeypatch, sources) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith(": 3 of 3 as recorded")
    assert said[1:] == ["owner/elsewhere: not here"]
    assert recorded()["sources"]["owner/name"]["revision"] == "0" * 40  # nothing is written unasked
    (clone / "a" / "pipeline.py").write_text(SOURCE.replace("steps", "count").replace("to_glb", "to_usd"))
    commit(clone)
    assert checked(monkeypatch, sources) == 1
    text = capsys.readouterr().out
    assert "1 of 3 as recorded" in text
    assert "is  (image, count=..., *more, seed=..., **rest)" in text
    assert "is  gone" in text


def test_the_record_takes_revision_and_dates_when_asked(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clone / "a" / "pipeline.py").write_text(SOURCE.replace("size=1024", "size=1024, fill=True"))
    commit(clone)
    assert checked(monkeypatch, clone.parents[1], "--write") == 0
    found = recorded()
    known = found["sources"]["owner/name"]
    assert re.fullmatch(r"[0-9a-f]{40}", known["revision"])
    assert known["revision"] != "0" * 40
    assert date.fromisoformat(known["committed"]) <= date.fromisoformat(found["read"])
    assert known["calls"]["a/pipeline.py:to_glb"] == "(mesh, size=..., fill=...)"
    assert found["sources"]["owner/elsewhere"]["revision"] == "0" * 40
    assert checked(monkeypatch, clone.parents[1]) == 0


def test_every_adapter_was_checked_at_the_commit_that_it_names() -> None:
    record = json.loads(RECORD.read_text())
    assert date.fromisoformat(record["read"])
    for name, (made, _) in PRETRAINED.items():
        known = record["sources"][made.card.source]
        assert known["calls"], name
        assert "gone" not in known["calls"].values(), name
        if made.card.source != "diffusers":  # which has the version that is installed
            assert known["revision"] == made.card.revision, name
            assert date.fromisoformat(known["committed"]) <= date.fromisoformat(record["read"]), name


def test_the_pages_command_runs(tmp_path: Path) -> None:
    """As infra/gpu.md writes it: installed packages are compared, clones that are not there are named."""
    command = [sys.executable, "infra/check_signatures.py", str(tmp_path)]
    done = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, timeout=120)
    assert "VAST-AI-Research/TripoSG: not here" in done.stdout.splitlines()
    assert re.search(r"^diffusers \S+: \d+ of \d+ as recorded$", done.stdout, re.MULTILINE)
    assert done.returncode == 0

"""The audit says what it found, what it could not judge and what is missing, each by an exit status of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "infra" / "setup" / "audit.sh"
SOUND: dict[str, Any] = {"name": "a", "version": "1", "vulns": []}
UNJUDGED = {"name": "b", "skip_reason": "Dependency not found on PyPI and could not be audited: b (1)"}
ILL = {
    "name": "c",
    "version": "1",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"], "aliases": [], "description": ""}],
}


def audit(
    folder: Path, report: list[dict[str, Any]] | None, bill: int = 0, npm: int | None = 0
) -> subprocess.CompletedProcess[str]:
    """The script with stand-ins for its tools, as they behave: both audits end with 1 for findings and faults alike.

    `npm` is how many vulnerabilities it tells of in each lock; None where the registry has no such service.
    """
    tools = folder / "bin"
    tools.mkdir()
    (folder / "report.json").write_text(json.dumps({"dependencies": report, "fixes": []}))
    write = f'cp {folder}/report.json "$out"' if report is not None else "echo no index >&2"
    take = 'while [ $# -gt 0 ]; do case "$1" in --output|--output-file) out=$2;; esac; shift; done'
    totals = {"vulnerabilities": {"total": npm}, "dependencies": {"total": 9}}
    told = {"error": {}} if npm is None else {"metadata": totals}
    (folder / "npm.json").write_text(json.dumps(told, indent=2))
    deeds = {
        "cyclonedx-py": f'{take}\necho "{{}}" > "$out"; exit {bill}',
        "pip-audit": f"{take}\n{write}; exit 1",
        "npm": f"case $1 in audit) cat {folder}/npm.json; exit 1;; *) echo {{}}; esac",
    }
    for name, deed in deeds.items():
        (tools / name).write_text(f"#!/bin/sh\n{deed}\n")
        (tools / name).chmod(0o755)
    return run(folder, f"{tools}:/usr/bin:/bin")


def run(folder: Path, path: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": path}
    return subprocess.run(["sh", str(SCRIPT), str(folder / "out")], env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("report", "status", "words"),
    [
        ([SOUND], 0, "every package was judged"),
        ([SOUND, UNJUDGED], 3, "tells nothing of 3 packages"),
        ([ILL, UNJUDGED], 1, "3 known vulnerabilities"),
        (None, 2, "could not be asked about"),
    ],
)
def test_each_end_has_a_status(tmp_path: Path, report: list[dict[str, Any]] | None, status: int, words: str) -> None:
    done = audit(tmp_path, report)
    assert (done.returncode, words in done.stdout + done.stderr) == (status, True), done.stdout + done.stderr
    if status != 2:
        assert len(list((tmp_path / "out").glob("*.cdx.json"))) == 5


@pytest.mark.parametrize(("npm", "status", "words"), [(2, 1, "4 known vulnerabilities"), (None, 3, "tells nothing of")])
def test_the_npm_locks_count_as_well(tmp_path: Path, npm: int | None, status: int, words: str) -> None:
    done = audit(tmp_path, [SOUND], npm=npm)
    assert (done.returncode, words in done.stderr) == (status, True), done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("npm"), reason="needs npm: apt-get install npm")
@pytest.mark.parametrize("folder", ["tasks/web", "bench/peers/npm"])
def test_npm_makes_a_bill_of_each_lock(folder: str, tmp_path: Path) -> None:
    place = SCRIPT.parents[2] / folder
    if subprocess.run(["npm", "sbom", "--help"], capture_output=True, check=False).returncode:
        pytest.skip("this npm knows no sbom: npm install -g npm")
    command = ["npm", "sbom", "--package-lock-only", "--sbom-format", "cyclonedx", "--cache", str(tmp_path)]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=60, check=True)
    billed = {(each["name"].rpartition("/")[2], each["version"]) for each in json.loads(done.stdout)["components"]}
    locked = json.loads((place / "package-lock.json").read_text())["packages"]
    for path, each in locked.items():
        names = {path.rpartition("/")[2], each.get("name", "").rpartition("/")[2]}  # npm bills some under an alias
        assert not path or billed & {(name, each["version"]) for name in names}, path


def test_a_bill_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    done = audit(tmp_path, [SOUND], bill=1)
    assert (done.returncode, "no bill of materials" in done.stderr) == (2, True)


def test_a_missing_tool_is_named(tmp_path: Path) -> None:
    tools = tmp_path / "bare"
    tools.mkdir()
    for name in ("sh", "dirname", "mkdir"):
        (tools / name).symlink_to(shutil.which(name) or name)
    done = run(tmp_path, str(tools))
    assert (done.returncode, "cyclonedx-py is missing" in done.stderr) == (2, True)

"""The plan of the house holds: arrows run down, `datasets/` shadows nothing, the stack works together."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "manifests": {"manifests"},
    "ml": {"ml"},
    "tasks": {"tasks", "ml", "manifests"},
    "flows": {"flows", "tasks", "ml", "manifests"},
}
MODULES = sorted(path for room in ALLOWED for path in (ROOT / room).rglob("*.py") if "node_modules" not in path.parts)


def imported_rooms(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names & set(ALLOWED)


def test_arrows_run_down() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {room}"
        for path in MODULES
        for room in imported_rooms(path) - ALLOWED[path.relative_to(ROOT).parts[0]]
    ]
    assert not wrong


def test_every_module_says_what_lives_there() -> None:
    silent = [str(path.relative_to(ROOT)) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text()))]
    assert not silent


def test_no_file_outgrows_its_room() -> None:
    long = [f"{path.relative_to(ROOT)}: {n}" for path in MODULES if (n := len(path.read_text().splitlines())) > 400]
    assert not long


def test_datasets_folder_shadows_nothing() -> None:
    assert not list((ROOT / "datasets").rglob("*.py"))
    spec = importlib.util.find_spec("datasets")
    assert spec is not None
    assert spec.origin is not None
    assert "site-packages" in spec.origin


def test_lock_holds_no_addresses() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert "torch==" in lock
    assert "://" not in (ROOT / "tasks/web/package-lock.json").read_text().replace("https://opencollective.com", "")


@pytest.mark.slow
def test_the_learned_stack_imports_together() -> None:
    """torch and torchvision builds that do not match fail here with `torchvision::nms does not exist`."""
    code = (
        "import torch, torchvision, open_clip, diffusers, transformers; torchvision.ops.nms; print(torch.__version__)"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]

"""The kernel cache: another folder for every state of the sources, the user's own folder respected, old ones gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numba
import pytest

import tasks
from ml import kernel_cache
from ml.kernel_cache import KEPT, KERNELS, digest, forget_old, use_own_cache


def test_a_changed_moved_or_renamed_source_is_another_state(tmp_path: Path) -> None:
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("a = 1")
    two.write_text("b = 2")
    before = digest([one, two])
    assert digest([two, one]) == before
    two.write_text("b = 3")
    changed = digest([one, two])
    two.rename(tmp_path / "three.py")
    assert len({before, changed, digest([one, tmp_path / "three.py"]), digest([one])}) == 4


def test_kernels_of_this_process_are_kept_there() -> None:
    assert tasks.__name__  # imported, and with it ml
    if not os.environ.get("NUMBA_CACHE_DIR", str(KERNELS)).startswith(str(KERNELS)):
        pytest.skip("NUMBA_CACHE_DIR names a folder of the user's own, which use_own_cache leaves alone")
    assert Path(numba.config.CACHE_DIR).parent == KERNELS


@pytest.mark.slow
@pytest.mark.parametrize("imports", ["import tasks.topology", "import numba, tasks.topology"])
def test_a_fresh_process_uses_the_folder_of_its_sources(imports: str) -> None:
    """Not the one it inherits from a process that began before a change."""
    code = f"{imports}; print(__import__('numba').config.CACHE_DIR)"
    env = {**os.environ, "NUMBA_CACHE_DIR": str(KERNELS / "of-yesterday")}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    state = digest(path for room in kernel_cache.ROOMS for path in (kernel_cache.ROOT / room).rglob("*.py"))
    assert done.stdout.strip() == str(KERNELS / state)


def test_a_folder_that_the_user_named_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    before = numba.config.CACHE_DIR
    use_own_cache()
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path)
    assert before == numba.config.CACHE_DIR


KERNEL = """
import numba

@numba.njit(cache=True)
def double(x):
    return 2 * x
"""
READ_ONLY = """
import errno, os, sys, tempfile
if sys.argv[1] == "read-only":
    def refuse(*_, **__):
        raise OSError(errno.EROFS, "read-only")
    os.access, tempfile.TemporaryFile = lambda *_: False, refuse
import ml, kernel
assert (kernel.double(1), kernel.double(1.5)) == (2, 3.0) if sys.argv[1] == "read-only" else kernel.double(1) == 2
print(sum(kernel.double.stats.cache_hits.values()))
"""


@pytest.mark.slow
def test_kernels_load_from_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """What is there is loaded, what is not is compiled and not kept."""
    (tmp_path / "kernel.py").write_text(KERNEL)
    folder = tmp_path / "kernels"
    folder.mkdir()
    env = {**os.environ, "NUMBA_CACHE_DIR": str(folder), "PYTHONPATH": f"{tmp_path}:{kernel_cache.ROOT}"}
    hits, files = [], []
    for mode in ("writable", "read-only"):
        command = [sys.executable, "-c", READ_ONLY, mode]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        hits.append(done.stdout.strip())
        files.append(sorted(path.name for path in folder.rglob("*.nb*")))
    assert hits == ["0", "1"]
    assert files[0] == files[1]
    assert len(files[0]) == 2


def test_old_states_are_forgotten(tmp_path: Path) -> None:
    for age in range(KEPT + 2):
        folder = tmp_path / f"state-{age}"
        folder.mkdir()
        os.utime(folder, (1000 - age, 1000 - age))
    forget_old(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"state-{age}" for age in range(KEPT)]

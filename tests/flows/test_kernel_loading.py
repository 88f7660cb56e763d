"""A cached kernel loads without numba's compiler, does what it did, and what is not cached still compiles."""

import json
import os
import subprocess
import sys
import textwrap
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from flows import bytecode

pytestmark = pytest.mark.slow

KERNELS = """
import numpy as np
from numba import njit

@njit(cache=True, nogil=True)
def middle(values):
    if len(values) == 0:
        raise ValueError("no values")
    return values.mean()

@njit(cache=True, nogil=True)
def spread(values):
    return values.max() - values.min() + 0 * middle(values)
"""
USE = """
import json, sys
from flows.kernel_loading import load_without_compiler
load_without_compiler()
import numpy as np
from kernels import middle, spread
said = [float(middle(np.array([3.0, 1.0, 2.0]))), float(spread(np.array([3.0, 1.0])))]
try:
    middle(np.zeros(0))
except ValueError as error:
    said.append(str(error))
said.append("numba.np.linalg" in sys.modules)
if sys.argv[1:]:  # a kind of array that is not in the cache
    said.append(float(spread(np.array([3, 1, 2], np.int8))))
print(json.dumps(said))
"""


def run(code: str, folder: Path, *arguments: str) -> list[object]:
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said: list[object] = json.loads(done.stdout.splitlines()[-1])
    return said


def test_a_cached_kernel_loads_alone_and_a_new_one_compiles(tmp_path: Path) -> None:
    (tmp_path / "kernels.py").write_text(KERNELS)
    assert run(USE, tmp_path) == [2.0, 2.0, "no values", True]  # compiled, so numba was made ready
    assert run(USE, tmp_path, "one more") == [2.0, 2.0, "no values", False, 2.0]


def test_a_worker_starts_without_scipy_and_numbas_compiler(tmp_path: Path) -> None:
    """Together they cost it 0.5 CPU-s; the first run only fills the cache."""
    code = """
    import json, sys
    import flows.jobs
    from flows.warm import warm_up
    warm_up()
    print(json.dumps([name for name in ("scipy.ndimage", "scipy.linalg", "numba.np.linalg") if name in sys.modules]))
    """
    run(code, tmp_path)
    assert run(code, tmp_path) == []


def test_bytecode_is_written_where_python_may_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what has changed, and not of what is current."""
    module = tmp_path / "loaded.py"
    module.write_text("VALUE = 1\n")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(bytecode, "sources", lambda: [module, tmp_path / "gone.py"])
    written = Path(cache_from_source(str(module)))
    seen = []
    for changed in (0, 0, 60):
        os.utime(module, (1e9 + changed, 1e9 + changed))
        bytecode.write_bytecode()
        seen.append(written.stat().st_mtime_ns)
    assert seen[0] == seen[1] < seen[2]

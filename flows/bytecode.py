"""Writes the bytecode of every module a run loads: installers leave it out, and many containers forbid Python to."""

from __future__ import annotations

import compileall
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

# What the driver, its Prefect server, the engines and an object store load beyond the modules of a worker.
DRIVER = ("flows.cli", "flows.cluster", "flows.generate", "prefect.server.api.server", "uvicorn", "s3fs")
# What Ray's own processes load, which this one does not.
AGENTS = ("_common", "_private", "autoscaler", "core", "dashboard", "util")


def write_bytecode() -> None:
    """Compile what is loaded now, the driver's modules and Ray's agents (4,000 files); current files are skipped.

    Reading sources again costs a worker's start 1.4 CPU-s and a run with Ray and Prefect 10. Folders that cannot be
    written stay as they are.
    """
    for path in sources():
        compileall.compile_file(path, quiet=2)


def sources() -> Iterator[Path]:
    """The Python files of what this process, a driver and Ray's agents load."""
    for name in DRIVER:
        importlib.import_module(name)
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    yield from (Path(file) for file in files if file and file.endswith(".py"))
    ray = Path(str(sys.modules["ray"].__file__)).parent
    for folder in AGENTS:
        yield from (ray / folder).rglob("*.py")

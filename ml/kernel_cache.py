"""Where compiled kernels are kept: one folder for each state of the sources, so that none is ever stale.

Numba looks at a kernel's own file alone. One that inlines a function from a file that changed since, as after a pull,
would go on running the old code.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
KERNELS = ROOT / "build" / "kernels"
ROOMS = ("ml", "tasks")
KEPT = 3  # folders: another branch's, and those of runs that began before a change


def use_own_cache() -> None:
    """Point numba at this state's folder, unless the user named one; called before any kernel is declared."""
    named = os.environ.get("NUMBA_CACHE_DIR", "")
    if named and not Path(named).is_relative_to(KERNELS):
        if Path(named).is_dir() and not os.access(named, os.W_OK):
            load_only()
        return
    folder = KERNELS / digest(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    if "numba" in sys.modules:
        sys.modules["numba"].config.CACHE_DIR = str(folder)


def load_only() -> None:
    """Take kernels from a folder that cannot be written, as a container's; one that is not there is compiled each time.

    Numba passes such a folder over, and would compile all kernels again wherever else it may write: two minutes for
    every container.
    """
    from numba.core import caching

    caching.UserProvidedCacheLocator.ensure_cache_path = lambda locator: None
    caching.Cache.save_overload = lambda cache, signature, data: None


def digest(sources: Iterable[Path]) -> str:
    """Of the contents of all files, whatever their order; 4 ms for the two rooms."""
    found = hashlib.blake2b(digest_size=8)
    for path in sorted(sources):
        found.update(str(path).encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def forget_old(folder: Path = KERNELS) -> None:
    """Keep the KEPT youngest folders."""
    kept = sorted(folder.glob("*"), key=lambda path: path.stat().st_mtime)
    for old in kept[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)

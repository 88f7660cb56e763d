"""Loads compiled kernels from numba's cache without what numba needs only to compile."""

from __future__ import annotations

import sys
from typing import Any

import numba
from numba.core import caching, environment
from numba.core.runtime import rtsys

KNOWN = "0.68."
_import_and_rebuild = environment._rebuild_env


def load_without_compiler() -> None:
    """From now on a kernel that is in the cache loads alone; the first that is not prepares numba to compile.

    Numba declares every function it can compile (84 modules, and scipy.linalg) before it looks into its cache. What
    loaded code calls is there without them: numba's runtime, which starts here, and C helpers that its import lists.
    This reaches into numba, so another version than the one it was written for loads in its own, slower way.
    """
    if not numba.__version__.startswith(KNOWN):
        return
    caching.Cache.load_overload = _load_overload
    environment._rebuild_env = _rebuild_env


def _load_overload(cache: Any, signature: Any, target: Any) -> Any:
    """As numba 0.68's `Cache.load_overload`, its steps in another order; None for what is not cached."""
    rtsys.initialize(target)
    with cache._guard_against_spurious_io_errors():
        found = cache._load_overload(signature, target)
        if found is not None:
            return found
    target.refresh()
    return None


def _rebuild_env(module: str, constants: list[Any], name: str) -> Any:
    """The constants of a function that a kernel has linked in; numba's own ones do not need their module for it."""
    if not module.startswith("numba.") or module in sys.modules or environment.lookup_environment(name) is not None:
        return _import_and_rebuild(module, constants, name)
    made = environment.Environment({"__name__": module})
    made.consts[:] = constants
    made.env_name = name
    environment.Environment._memo[name] = made
    return made

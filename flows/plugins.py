"""Modules an operator adds to the house: imported in the driver and in every worker, so that they can list their own.

`MESHMILL_PLUGINS=studio.generators,studio.steps` names importable modules; each adds to `GENERATORS`, `STEPS` or
`EXPORTERS` when it is imported. Only the environment can name them: a manifest or a recipe never makes code load.
"""

from __future__ import annotations

import importlib
import os

from manifests.errors import UsageError


def load_plugins() -> None:
    """Import what MESHMILL_PLUGINS names; raises UsageError for a module that cannot be imported."""
    for name in filter(None, map(str.strip, os.environ.get("MESHMILL_PLUGINS", "").split(","))):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise UsageError(f"MESHMILL_PLUGINS names {name!r}, which cannot be imported: {error}") from error

"""Modules an operator adds to the house: imported in the driver and in every worker, so that they can list their own.

`MESHMILL_PLUGINS=studio.generators,studio.steps` names importable modules; each adds to `GENERATORS`, `STEPS` or
`EXPORTERS` when it is imported. Only the environment can name them: a manifest or a recipe never makes code load.
"""

from __future__ import annotations

import importlib
import os


def load_plugins() -> None:
    """Import what MESHMILL_PLUGINS names; an import error ends the start with its own message."""
    for name in filter(None, os.environ.get("MESHMILL_PLUGINS", "").split(",")):
        importlib.import_module(name.strip())

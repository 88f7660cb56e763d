"""Settings the orchestrators read at import: their telemetry off, their banners quiet; a user's own values win."""

from __future__ import annotations

import os
import secrets

DEFAULTS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "ERROR",
    "PREFECT_CLI_PROMPT": "false",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # leave CUDA_VISIBLE_DEVICES alone in CPU actors; the new default
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "MALLOC_TRIM_THRESHOLD_": "65536",  # give freed mesh buffers back to the system: workers live for days
}


def private_ray() -> None:
    """A token for a Ray that is started here, before Ray is imported: only this run's processes may talk to it.

    Ray >= 2.59 would otherwise write a world-readable token file under the home, or run without one.
    """
    if "RAY_ADDRESS" not in os.environ:
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


def set_defaults() -> None:
    """Put the defaults into this process's environment, where child processes find them too."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    private_ray()

"""Settings the orchestrators read at import: their telemetry off, their banners quiet; a user's own values win."""

from __future__ import annotations

import os

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


def set_defaults() -> None:
    """Put the defaults into this process's environment, where child processes find them too."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)

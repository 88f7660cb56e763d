"""Secrets of publishing: from the environment or a block of Prefect's, taken out of every text that leaves here."""

from __future__ import annotations

import os
from typing import Any

from manifests.errors import UsageError

HIDDEN = "***"
LEAST = 6  # characters: masking a shorter one would take ordinary words apart
_read: set[str] = set()


def secret(name: str, what: str) -> str:
    """The value of an environment variable, else of the Prefect block of that name; raises UsageError that names both.

    The block is a `secret` called as the variable, in small letters with hyphens: `secret/sketchfab-token`.
    """
    block = name.lower().replace("_", "-")
    value = os.environ.get(name, "").strip() or _of_block(block)
    if not value:
        raise UsageError(f"set {name} in the environment, or the block secret/{block} at Prefect: {what}")
    if len(value) >= LEAST:
        _read.add(value)
    return value


def _of_block(name: str) -> str:
    """The value of a secret block at the Prefect server that PREFECT_API_URL names; "" without either."""
    if not os.environ.get("PREFECT_API_URL"):
        return ""
    from prefect.blocks.system import Secret

    load: Any = Secret.load  # its `_sync` is not in its signature
    try:
        block = load(name, _sync=True)
    except ValueError:  # there is no such block
        return ""
    except Exception as error:  # the server is away, or asks for a password
        raise UsageError(f"the block secret/{name} cannot be read: {type(error).__name__}: {error}") from error
    return str(block.get()).strip()


def masked(text: str) -> str:
    """The text without any secret that was read; services repeat what they were sent in their errors."""
    for value in sorted(_read, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return text

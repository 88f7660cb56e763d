"""Secrets of publishing: read from the environment alone, and taken out of every text that leaves this process."""

from __future__ import annotations

import os

from manifests.errors import UsageError

HIDDEN = "***"
LEAST = 6  # characters: masking a shorter one would take ordinary words apart
_read: set[str] = set()


def secret(name: str, what: str) -> str:
    """The value of an environment variable; raises UsageError that names it and `what` it is."""
    value = os.environ.get(name, "").strip()
    if not value:
        raise UsageError(f"set {name} in the environment: {what}")
    if len(value) >= LEAST:
        _read.add(value)
    return value


def masked(text: str) -> str:
    """The text without any secret that was read; services repeat what they were sent in their errors."""
    for value in sorted(_read, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return text

"""The disk's last room: work stops with a word before a disk is full."""

from __future__ import annotations

import shutil

from manifests.errors import SpaceError

KEEP_FREE = 256 << 20  # bytes of disk left for everyone else


def check_space(folder: str, more: int) -> None:
    """Raises SpaceError where `more` bytes would leave less than KEEP_FREE on the disk."""
    free = shutil.disk_usage(folder).free
    if free - more < KEEP_FREE:
        raise SpaceError(
            f"{folder}: {free >> 20} MB are left on the disk and {KEEP_FREE >> 20} have to stay free;"
            " what is finished stays, and the same command goes on once there is room"
        )

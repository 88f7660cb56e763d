"""The exceptions of this room, and which of them end a call.

UsageError              the caller named something wrong: the command line prints its one line and exits 2
├── ManifestError       the manifest as a whole cannot be read (a wrong row is an InvalidRow, never an exception)
├── RecipeError         the recipe has an unknown key, name or type, or a value out of range
├── LedgerError         the ledger cannot be read, or the condition given for it is not valid SQL
├── LeaseError          another run is writing to the same folder
├── ShardError          shards cannot go there: another format, or other bytes than were published
└── SpaceError          the disk is nearly full
StoreError              the store refused a path or gave back other bytes than were written
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UsageError(Exception):
    """Something the caller gave is wrong; the message is one sentence to show them."""


class ManifestError(UsageError):
    """The manifest as a whole cannot be read."""


class RecipeError(UsageError):
    """The recipe is wrong; the message names the file, the section, the key and the nearest valid one."""


class LedgerError(UsageError):
    """The ledger cannot be read, or the condition given for it is wrong."""


class LeaseError(UsageError):
    """Another run is writing to the same folder; the message names its process."""


class ShardError(UsageError):
    """The folder holds a data set of other settings, or a published shard that is no longer what it was."""


class SpaceError(UsageError):
    """The disk is nearly full; what is finished stays, and the same command goes on once there is room."""


class StoreError(Exception):
    """The store refused a path, or holds other bytes than were written."""


def nearest(word: str, known: Iterable[str]) -> str:
    """'; did you mean X?' for the closest known word, else '; known are …': the end of a message."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known are {', '.join(names)}" if names else ""

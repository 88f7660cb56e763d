"""What a place that data sets are pushed to has to answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class PushFile:
    """A file on its way: its path in the data set and where its bytes lie on this machine."""

    path: str
    local: str
    bytes: int


class Place(Protocol):
    """A bucket or a repository. Whatever `send` has sent is whole; killed in between, the next call goes on."""

    name: str
    at_once: int  # files that one `send` should bring

    def open(self) -> None:
        """Connect, and learn what is there. Raises UsageError, Refused, Unavailable."""
        ...

    def paths(self) -> set[str]:
        """The files that are there."""
        ...

    def size(self, path: str) -> int | None:
        """Bytes of a file, None where there is none."""
        ...

    def holds(self, path: str, data: bytes) -> bool:
        """Whether a small file that is there has this content."""
        ...

    def digest(self, path: str) -> str:
        """SHA-256 of a file that is there, where the place knows it without reading; "" where it does not."""
        ...

    def send(self, files: Sequence[PushFile], said: str) -> None:
        """Bring these files, in this order or all at once. Raises Refused, Unavailable, Unsure."""
        ...

    def close(self) -> None:
        """Nothing is left open."""
        ...

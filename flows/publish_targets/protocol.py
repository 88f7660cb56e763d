"""What every target of publishing can do, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from flows.publish_package import Package, Wants


class Processing(Exception):
    """The target has the asset and is still working on it; the next call looks again."""


@dataclass(frozen=True)
class Receipt:
    """Where a published asset is."""

    url: str
    state: str  # draft, published, bundle


@dataclass(frozen=True)
class Common:
    """Options that every target has."""

    draft: bool = field(default=True, metadata={"help": "leave it where only the account sees it"})
    territories: tuple[str, ...] = field(default=("world",), metadata={"help": "where it is offered, ISO 3166 codes"})
    allow_generators: tuple[str, ...] = field(default=(), metadata={"help": "generators whose terms you meet"})
    settle: float = field(
        default=5.0, metadata={"min": 0.0, "max": 600.0, "help": "seconds until a lost listing can be found"}
    )


class Target(Protocol):
    """A place to publish to. Methods raise `publish_http`'s exceptions; threads may share one target."""

    name: str  # service and account: under this the log knows it
    wants: Wants
    marks: bool  # whether the description has to hold the token, because listings are searched by it
    replaces: bool  # a new version takes the place of the one that is there
    finds_all: bool  # whether `find` sees everything that a lost `create` may have left

    def open(self) -> None:
        """Before the first call: credentials and connections. Raises UsageError for what is not set."""
        ...

    def find(self, package: Package) -> str:
        """The target's id of what an earlier try made; "" for nothing."""
        ...

    def create(self, package: Package) -> str:
        """Make the listing or its draft, once; its id. Raises Unsure when it cannot tell whether it was made."""
        ...

    def finish(self, remote: str, package: Package) -> Receipt:
        """All that is left to do. May be called again at any time and then does only what is not done yet."""
        ...

    def close(self) -> str:
        """After the last asset; a line about what was written besides, "" for nothing."""
        ...

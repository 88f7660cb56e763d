"""Which licences an asset may have: those named in the call, else those the row's own recipe allows."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from manifests.licences import plain_licence, plain_licences
from manifests.recipe_shelf import kept_text
from manifests.store import Store


class Licences:
    """Tells for a ledger row why its licence keeps it out."""

    def __init__(self, store: Store, named: Sequence[str] | None = None) -> None:
        """`named` are the licences allowed, whatever the recipes say; None to read them from the recipes kept."""
        self._store = store
        self._named = None if named is None else plain_licences(named)
        self._of_recipe: dict[str, frozenset[str] | None] = {}

    def reason(self, row: Mapping[str, Any]) -> str:
        """`licence.unknown`, `licence.not-allowed`, or "" where it may go; names as `plain_licence` has them."""
        allowed = self._allowed(row) if self._named is None else self._named
        licence = plain_licence(str(row["meta"].get("license", "")))
        if allowed is None or licence in allowed:
            return ""
        return "licence.not-allowed" if licence else "licence.unknown"

    def restricts(self, row: Mapping[str, Any]) -> bool:
        """Whether there is a list at all for this row."""
        return (self._allowed(row) if self._named is None else self._named) is not None

    def _allowed(self, row: Mapping[str, Any]) -> frozenset[str] | None:
        """What `[licences] allow` of the row's recipe names; None where it has no such section."""
        digest = (row["meta"].get("made_from") or {}).get("recipe", "")
        if digest not in self._of_recipe:
            self._of_recipe[digest] = licences_in(kept_text(self._store, digest)) if digest else None
        return self._of_recipe[digest]


def licences_in(recipe: str) -> frozenset[str] | None:
    """What `[licences] allow` of a recipe's text names; None without that section."""
    section = tomllib.loads(recipe).get("licences")
    return None if section is None else plain_licences(section.get("allow", ()))

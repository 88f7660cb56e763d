"""Models that rows name, each checked once before anything is spent, and how the rows of one that cannot run end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from itertools import islice

from flows.jobs import Failure
from flows.models import lacking_here
from manifests.errors import ManifestError
from manifests.readers import column_values, may_name

CODE = "model.missing-"  # what the codes of everything that a model may lack begin with
COLUMN = "generator"


class Readiness:
    """What was found out of each model and its options; a run asks of every row, and looks once."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, object], Failure | None] = {}

    def refusal(self, name: str, options: object) -> Failure | None:
        """How a row of that model ends: None where nothing is missing, as far as this machine can tell."""
        asked = name, options
        if asked not in self.found:
            missing = lacking_here(name, options)
            text = "; ".join(f"{each.code}: {each.text}" for each in missing)
            self.found[asked] = Failure("failed", missing[0].code, text) if missing else None
        return self.found[asked]


def unready(reasons: Iterable[str]) -> bool:
    """Whether a row was not made because its model could not run where it was asked."""
    return any(reason.startswith(CODE) for reason in reasons)


def named_generators(
    manifest: str, columns: Mapping[str, str], limit: int | None, known: Mapping[str, object]
) -> set[str]:
    """Those of the `known` generators that the first `limit` records of a manifest name: one pass over that column,
    none where the manifest has no such column, and never more in memory than there are generators."""
    if not may_name(manifest, COLUMN, columns):
        return set()
    named: set[str] = set()
    with contextlib.suppress(ManifestError):  # whoever reads the rows says what is wrong with them
        named.update(name for name in islice(column_values(manifest, COLUMN, columns), limit) if name in known)
    return named

"""Duplicates of a run: found from the signatures in its ledger, listed, and on request rejected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flows.outcomes import drop_other_files, repeat_row
from manifests.lease import Lease
from manifests.ledger import Ledger
from manifests.ledger_row import LedgerRow
from manifests.store import Store
from manifests.versions import superseded
from tasks.duplicates import duplicates
from tasks.signature import Signature

CODES = ("duplicate.exact", "duplicate.near")
BATCH = 1024  # rows written at once


@dataclass(frozen=True)
class Repeat:
    """A passed row whose asset repeats that of an earlier one."""

    id: str
    of: str
    distance: float  # 0 for the same geometry and colours

    @property
    def code(self) -> str:
        """The reason it is rejected for."""
        return CODES[self.distance > 0.0]


def find_repeats(store: Store, threshold: float, against: Sequence[Store] = ()) -> list[Repeat]:
    """Passed rows that repeat an earlier passed one, or one of the runs in `against`; in manifest order.

    Rows from before signatures are left out. Of an asset's versions only the current one is looked at: they are meant
    to be alike. What another run holds is named `RUN: ID`.
    """
    earlier = [(f"{other.uri}: {id}", found) for other in against for id, found in _signed(other)]
    all_of_them = [*earlier, *_signed(store)]
    found = duplicates([signature for _, signature in all_of_them], threshold)
    names = [name for name, _ in all_of_them]
    return [Repeat(names[each.index], names[each.of], each.distance) for each in found if each.index >= len(earlier)]


def _signed(store: Store) -> Iterator[tuple[str, Signature]]:
    """Passed rows with their signatures."""
    left_out = superseded(Ledger(store))
    for row in Ledger(store).rows("outcome = 'passed'", columns=["id", "meta"]):
        if "signature" in row["meta"] and row["id"] not in left_out:
            yield row["id"], Signature.of_text(row["meta"]["signature"])


def reject_repeats(store: Store, repeats: Sequence[Repeat]) -> None:
    """Make the rows `rejected` in the ledger, and remove their files but the poster; the next run skips them.

    Raises LeaseError while a run is writing there. Killed half way, the next call does the rest.
    """
    by_id = {each.id: each for each in repeats}
    with Lease(store) as lease:
        ledger = Ledger(store)
        ledger.index()
        chosen = [LedgerRow.from_dict(row) for row in ledger.rows("outcome = 'passed'") if row["id"] in by_id]
        gone = [by_id[row.id] for row in chosen]
        rejected = [repeat_row(row, each.code, each.of, each.distance) for row, each in zip(chosen, gone, strict=True)]
        for start in range(0, len(rejected), BATCH):
            lease.check()
            ledger.write_chunk("duplicates", rejected[start : start + BATCH])
        for row in ledger.rows(f"list_has_any(reasons, {list(CODES)})", columns=["id", "outputs"]):
            drop_other_files(store, row["id"], (output["uri"] for output in row["outputs"]))

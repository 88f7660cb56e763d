"""A review carried into the ledger: approvals recorded, rejections made outcomes, remakes left for the next run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from manifests.lease import Lease
from manifests.ledger import Ledger
from manifests.ledger_row import LedgerRow
from manifests.remakes import Remake, asked, load_remakes, save_remakes, withdrawn
from manifests.review_file import VERDICTS, Decision, Refused
from manifests.store import Store
from manifests.versions import rows_by_id
from ml.generators.registry import GENERATORS

BATCH = 1024  # rows written at once
UNDECIDED = "undecided"
SEEN = (
    "id",
    "key",
    "row",
    "outcome",
    "reasons",
    "message",
    "generator",
    "parent",
    "meta",
)  # what a decision depends on


@dataclass
class Review:
    """What became of the lines of a review file; every line is counted once."""

    changed: Counter[str] = field(default_factory=Counter)  # by decision
    unchanged: int = 0  # the ledger said so already
    refused: list[Refused] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        refused = sorted(self.refused, key=lambda each: each.line)
        return {"changed": dict(self.changed), "unchanged": self.unchanged, "refused": [asdict(one) for one in refused]}


def review_counts(store: Store) -> dict[str, int]:
    """Rows of the ledger by decision, `undecided` for those without one."""
    counts = Counter(decision_of(row["meta"]) or UNDECIDED for row in Ledger(store).rows(columns=["meta"]))
    return {name: counts[name] for name in (*VERDICTS, UNDECIDED)}


def decision_of(meta: Mapping[str, Any]) -> str:
    """approve, reject or remake as a ledger row's `meta` has it; "" where nobody decided.

    In duckdb: `json_extract_string(meta, '$.review.decision') = 'approve'`.
    """
    review = meta.get("review")
    return str(review.get("decision", "")) if isinstance(review, dict) else ""


def apply_review(store: Store, lines: Sequence[Decision | Refused]) -> Review:
    """Carry out each decision: `meta.review` says what was decided, and for what reason.

    Approve keeps an asset. Reject makes it `rejected` for `review.REASON`; its files stay, so that a later approval
    gives back what it was. Remake leaves the row as it is, under a seed that the next run of the manifest draws anew.
    Raises LeaseError while a run is writing there. Killed half way, the next call does the rest: the remakes are
    written first and count once however often they are asked for.
    """
    review = Review(refused=[line for line in lines if isinstance(line, Refused)])
    decisions = {line.id: line for line in lines if isinstance(line, Decision)}
    with Lease(store) as lease:
        ledger = Ledger(store)
        ledger.index()
        remakes = load_remakes(store)
        to_write = _judge(ledger, decisions, remakes, review)
        save_remakes(store, remakes)
        for start in range(0, len(to_write), BATCH):
            lease.check()
            ids = to_write[start : start + BATCH]
            rows = map(LedgerRow.from_dict, rows_by_id(ledger, ids).values())
            ledger.write_chunk("review", [decided(row, decisions[row.id]) for row in rows])
    return review


def _judge(ledger: Ledger, decisions: Mapping[str, Decision], remakes: dict[str, Remake], review: Review) -> list[str]:
    """Enter what each decision comes to in `review` and `remakes`; the ids whose rows have to be written."""
    to_write, unknown = list[str](), set(decisions)
    for plain in ledger.rows(columns=SEEN):
        line = decisions.get(plain["id"])
        if line is None:
            continue
        unknown.discard(line.id)
        row = LedgerRow.from_dict(plain)
        fault = _fault(row, line)
        if fault:
            review.refused.append(Refused(line.line, line.id, *fault))
            continue
        (asked if line.verdict == "remake" else withdrawn)(remakes, row.id, row.key)
        if decided(row, line) == row:
            review.unchanged += 1
        else:
            review.changed[line.verdict] += 1
            to_write.append(row.id)
    for id in unknown:
        review.refused.append(Refused(decisions[id].line, id, "review.unknown-id", "the ledger has no row of this id"))
    return to_write


def _fault(row: LedgerRow, line: Decision) -> tuple[str, str] | None:
    """Code and message of a decision that cannot be carried out."""
    if not row.key.startswith(line.key):
        return "review.made-since", "the asset that was looked at is not there any more: it was made again"
    if line.verdict == "approve" and _as_made(row).outcome != "passed":
        return "review.not-finished", f"a row that is {row.outcome} has no finished asset to approve"
    if line.verdict == "remake":
        return _cannot_remake(row)
    return None


def _cannot_remake(row: LedgerRow) -> tuple[str, str] | None:
    if row.outcome == "invalid":
        return "review.invalid-row", "the manifest's row is wrong: correct it there"
    if row.parent:
        return "review.has-parent", f"it was made from {row.parent}: refine that again"
    if row.generator in GENERATORS and not getattr(GENERATORS[row.generator][0], "uses_seed", True):
        return "review.no-seed", f"{row.generator} makes the same asset for every seed: refine it, or change its input"
    return None


def _as_made(row: LedgerRow) -> LedgerRow:
    """The row as the run wrote it, without any review."""
    review = row.meta.get("review")
    if not isinstance(review, dict):  # absent, or a column of the manifest that has this name
        return row
    meta = {name: value for name, value in row.meta.items() if name != "review"}
    meta |= {"review": review["column"]} if "column" in review else {}
    before = review.get("before", {})
    if before:
        before = {**before, "reasons": tuple(before["reasons"])}
    return replace(row, meta=meta, **before)


def decided(row: LedgerRow, line: Decision) -> LedgerRow:
    """The row with a decision in it, whatever was decided on it earlier."""
    row = _as_made(row)
    said: dict[str, Any] = {"decision": line.verdict, "reason": line.reason, "note": line.note}
    if "review" in row.meta:
        said["column"] = row.meta["review"]
    if line.verdict == "reject" and row.outcome == "passed":
        said["before"] = {"outcome": row.outcome, "reasons": list(row.reasons), "message": row.message}
        code = f"review.{line.reason or 'other'}"
        row = replace(row, outcome="rejected", reasons=(code,), message=f"{code}: {line.note}".rstrip(": "))
    return replace(row, meta={**row.meta, "review": said})

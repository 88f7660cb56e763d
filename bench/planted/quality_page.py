"""Writes bench/QUALITY.md: what was planted, what was found by which code, and what was said of sound assets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from faults import FAULTS, Fault
from judged import Finding, Judged

PAGE = Path(__file__).parents[1] / "QUALITY.md"
HEAD = """# Planted faults, and what the gate finds of them

`bench/quality.py` wrote this page on {day}: {planted} assets with one of {kinds} kinds of faults, {found} found by a
right code (recall {recall:.3f}, bar 0.99); {clean} sound ones, {refused} rejected all the same ({share:.3f}, bar 0.01).

Sound assets come from the procedural generator, public test meshes and the examples' imports, finished by the recipe
of the customer that judges them. Each fault is planted by a seeded function of `bench/planted/` in {times} of them and
written by plain writers that mend nothing. All files go through one `meshmill run` with a recipe that has no step,
and `meshmill duplicates` after it; the table is read from the ledger. A fault counts as found when a finding of a rule
that judges it is there, whatever else is said; the customer's profile decides whether that rejects or warns. A sound
asset is falsely rejected when any finding of its profile rejects it. The corpus has seed {seed}; measures,
thresholds and planters were mended after looking at others, of seeds {tuned}. A wrong unit is planted only where the
row's category has a usual size: of a rock or a tree nobody can tell.
"""
TABLE = """| fault | as | customer | planted | found | missed | right codes, how often and how severe |
|---|---|---|---:|---:|---:|---|"""


def write_page(found: Sequence[Judged], seed: int, tuned: Sequence[int]) -> None:
    """The page."""
    PAGE.write_text(markdown(found, seed, tuned))


def markdown(found: Sequence[Judged], seed: int, tuned: Sequence[int]) -> str:
    """Its text."""
    planted = [each for each in found if each.case.fault]
    clean = [each for each in found if not each.case.fault]
    hits = sum(bool(each.right) for each in planted)
    refused = [each for each in clean if each.rejections]
    head = HEAD.format(
        day=date.today().isoformat(),
        planted=len(planted),
        kinds=len(FAULTS),
        found=hits,
        recall=hits / len(planted),
        clean=len(clean),
        refused=len(refused),
        share=len(refused) / len(clean),
        times=len(planted) // len(FAULTS),
        seed=seed,
        tuned=", ".join(map(str, tuned)),
    )
    rows = [_fault_row(fault, [each for each in planted if each.case.fault is fault]) for fault in FAULTS]
    return "\n".join([head, TABLE, *rows, "", *_missed(planted), *_of_sound(clean)]) + "\n"


def _fault_row(fault: Fault, mine: Sequence[Judged]) -> str:
    hits = sum(bool(each.right) for each in mine)
    codes = Counter((finding.code, finding.severity) for each in mine for finding in each.right)
    said = ", ".join(f"`{code}` {count}× {severity}" for (code, severity), count in codes.most_common())
    cells = (fault.name, fault.form, fault.profile, len(mine), hits, len(mine) - hits or "", said)
    return f"| {' | '.join(map(str, cells))} |"


def _missed(planted: Sequence[Judged]) -> list[str]:
    """Every miss, and what was said instead."""
    misses = [each for each in planted if not each.right]
    lines = [f"- {each.case.id} in {each.case.base.name}: {_codes(each.findings)}" for each in misses]
    return ["## Missed", "", *(lines or ["Nothing."]), ""]


def _of_sound(clean: Sequence[Judged]) -> list[str]:
    """How many sound assets each customer has, and every finding about them."""
    customers = Counter(each.case.base.profile for each in clean)
    text = [
        "## Sound assets",
        "",
        "| customer | assets | rejected | findings about them |",
        "|---|---:|---:|---|",
    ]
    for profile, count in customers.most_common():
        mine = [each for each in clean if each.case.base.profile == profile]
        codes = Counter((finding.code, finding.severity) for each in mine for finding in each.findings)
        said = ", ".join(f"`{code}` {times}× {severity}" for (code, severity), times in codes.most_common())
        text.append(f"| {profile} | {count} | {sum(bool(each.rejections) for each in mine)} | {said} |")
    rejected = [
        f"- {each.case.base.name}, {each.case.base.profile}: {'; '.join(f.text for f in each.rejections)}"
        for each in clean
        if each.rejections
    ]
    return [*text, "", "Rejected:", "", *(rejected or ["None."])]


def _codes(findings: Sequence[Finding]) -> str:
    return ", ".join(finding.code for finding in findings) or "no finding"

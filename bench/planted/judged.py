"""One `meshmill run` over the corpus and `meshmill duplicates` after it, and what the ledger then says of each case."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from accounting import Account, run_accounted
from corpus_of_faults import Case

from manifests.ledger import Ledger
from manifests.store import Store

# Nothing is mended: the files are read, measured, judged and written.
RECIPE = """
name = "as-it-comes"
[generator]
use = "mesh"
[alignment]
[gate]
profile = "none"
[[exports]]
use = "glb"
"""


@dataclass(frozen=True)
class Finding:
    """One line of a verdict."""

    code: str
    severity: str
    text: str


@dataclass(frozen=True)
class Judged:
    """A case and every finding about it."""

    case: Case
    outcome: str
    findings: tuple[Finding, ...]

    @property
    def right(self) -> tuple[Finding, ...]:
        """The findings that name the planted fault."""
        codes = self.case.fault.codes if self.case.fault else frozenset()
        return tuple(finding for finding in self.findings if finding.code in codes)

    @property
    def rejections(self) -> tuple[Finding, ...]:
        """The findings for which the customer sends the asset back."""
        return tuple(finding for finding in self.findings if finding.severity == "reject")


def run(folder: Path) -> tuple[Account, Account]:
    """The two commands over `rows.csv`, with their costs; raises RuntimeError where one fails."""
    recipe = folder / "as-it-comes.toml"
    recipe.write_text(RECIPE)
    mill, out = str(Path(sys.executable).parent / "meshmill"), str(folder / "out")
    made = run_accounted(
        [mill, "run", str(folder / "rows.csv"), "--recipe", str(recipe), "--out", out, "--engine", "inline", "--json"]
    )
    compared = run_accounted([mill, "duplicates", out, "--json"])
    for account in (made, compared):
        if account.code:
            raise RuntimeError(f"meshmill ended with {account.code}")
    (folder / "duplicates.jsonl").write_text(compared.output)
    return made, compared


def judged(cases: Sequence[Case], folder: Path) -> list[Judged]:
    """What the ledger and the list of duplicates hold; raises KeyError for a row that is in neither."""
    repeats = {each["id"]: each for each in map(json.loads, (folder / "duplicates.jsonl").read_text().splitlines())}
    rows = {row["id"]: row for row in Ledger(Store(str(folder / "out"))).rows()}
    found = []
    for case in cases:
        row = rows[case.id]
        texts = dict(zip(_codes(row["message"]), row["message"].splitlines(), strict=True))
        findings = [
            Finding(each["code"], each["severity"], texts[each["code"]])
            for each in json.loads(row["meta"].get("findings", "[]"))
        ]
        if row["outcome"] not in ("passed", "rejected"):
            findings.append(Finding(row["reasons"][0], "reject", row["message"]))
        if case.id in repeats:
            code = "duplicate.near" if repeats[case.id]["distance"] else "duplicate.exact"
            findings.append(Finding(code, "warn", f"{code}: {repeats[case.id]['of']}"))
        found.append(Judged(case, row["outcome"], tuple(findings)))
    return found


def _codes(message: str) -> list[str]:
    return [line.split(":")[0] for line in message.splitlines()]

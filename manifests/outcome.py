"""The five ways a row can end, and what each means."""

from __future__ import annotations

from typing import Literal

Outcome = Literal["passed", "rejected", "failed", "quarantined", "invalid"]

MEANING: dict[Outcome, str] = {
    "passed": "finished, and the gate found nothing against it",
    "rejected": "a gate or a generator said no, with coded reasons",
    "failed": "an error, with its class and message",
    "quarantined": "native code hung, crashed or outgrew its memory in every try; isolated for good",
    "invalid": "the row itself is wrong",
}

"""Best of n: the candidates of one row, which of them stands, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal

from flows.jobs import Failure, Generated, Processed


@dataclass
class Candidates:
    """What was made for one row so far; candidates come one after the other, each with a seed of its own."""

    first_seed: int
    attempts: int
    enough: float  # the score that ends the search
    tried: list[dict[str, Any]] = field(default_factory=list)  # seed, outcome, score and reasons, for the ledger
    best: tuple[Generated, Processed] | None = None
    best_seed: int = 0
    seconds: float = 0.0  # of the candidates that do not stand
    restoring: bool = False

    @property
    def seed(self) -> int:
        """The seed of the candidate that is being made: the row's own first, then 31 bits drawn from it."""
        if not self.tried:
            return self.first_seed
        text = f"{self.first_seed}\0{len(self.tried)}".encode()
        return int.from_bytes(blake2b(text, digest_size=4).digest(), "big") >> 1

    @property
    def beat(self) -> float | None:
        """The score of the one that stands, None without one."""
        return self.best[1].metrics["score"] if self.best else None

    def add(self, mesh: Generated | None, answer: Processed | Failure) -> Literal["another", "restore", "done"]:
        """Take in what became of a candidate, and say what is next.

        A refusal or a killed child ends the search, because another seed asks for the same; an error may be the seed's
        alone. `restore`: a child was killed while it may have been writing over the best one's files.
        """
        if self.restoring:
            self.best = (self.best[0], answer) if self.best and isinstance(answer, Processed) else None
            return "done"
        if isinstance(answer, Failure) or mesh is None:
            return self._failed(mesh, answer)
        score, seed = answer.metrics["score"], self.seed
        self.tried.append({"seed": seed, "outcome": answer.outcome, "score": score, "reasons": list(answer.reasons)})
        if self.best is None or score > self.best[1].metrics["score"]:
            self.seconds += _seconds(*self.best) if self.best else 0.0
            self.best, self.best_seed = (mesh, answer), seed
        else:
            self.seconds += _seconds(mesh, answer)
        assert self.beat is not None
        return "another" if self.beat < self.enough and len(self.tried) < self.attempts else "done"

    def _failed(self, mesh: Generated | None, answer: Any) -> Literal["another", "restore", "done"]:
        self.tried.append({"seed": self.seed, "outcome": answer.outcome, "reasons": [answer.code]})
        self.seconds += mesh.seconds if mesh else 0.0
        if answer.outcome == "failed" and len(self.tried) < self.attempts:
            return "another"
        if self.best and mesh and answer.outcome == "quarantined":
            self.restoring = True
            return "restore"
        return "done"


def _seconds(mesh: Generated, answer: Processed) -> float:
    return mesh.seconds + sum(answer.timings.values())

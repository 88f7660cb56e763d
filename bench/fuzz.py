"""Broken manifests, recipes, GLBs and OBJs read in this process: executions, and how many ended in no coded answer.

`SECONDS=60 bench/fuzz.py` gives each reader that many CPU-seconds. Inputs that earned an answer nobody had had yet are
kept in build/fuzz, where the next run begins; what crashes or hangs is kept there as well, and exits non-zero.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from fuzzing.mutations import mutated
from fuzzing.targets import TARGETS, Target

SECONDS = float(os.environ.get("SECONDS", "20"))
CORPUS = Path(__file__).parents[1] / "build" / "fuzz"
HANG_SECONDS = 10
MEMORY = 6 << 30
LARGEST = 1 << 16  # bytes of an input: long files find what short ones do, slower


class Hang(BaseException):
    """Raised by the clock in the middle of a read."""


@dataclass
class Counted:
    """What one reader did with what it was given."""

    executions: int = 0
    answered: int = 0  # a value came back
    refused: int = 0  # a coded error came back
    crashes: list[str] = field(default_factory=list)
    answers: set[str] = field(default_factory=set)


def shape(error: BaseException) -> str:
    """An error without the numbers and names in it: what makes two refusals the same."""
    return re.sub(r"\d+|'[^']*'|\"[^\"]*\"", "#", f"{type(error).__name__} {error}")[:80]


def fuzz(target: Target, seconds: float, rng: random.Random) -> Counted:
    """Mutate inputs of the corpus for so many CPU-seconds; a new kind of answer joins the corpus."""
    folder = CORPUS / target.name
    folder.mkdir(parents=True, exist_ok=True)
    kept = [path.read_bytes() for path in sorted(folder.glob("kept-*"))]
    pool, found = [*target.seeds(), *kept], Counted()
    ends = time.process_time() + seconds
    while time.process_time() < ends:
        data = mutated(rng, pool, target.words)[:LARGEST]
        answer = execute(target.read, target.coded, data, found)
        if answer not in found.answers:
            found.answers.add(answer)
            pool.append(data)
            (folder / f"kept-{hashlib.sha256(data).hexdigest()[:16]}").write_bytes(data)
    return found


def execute(
    read: Callable[[bytes], object], coded: tuple[type[BaseException], ...], data: bytes, found: Counted
) -> str:
    """One execution, counted; what came of it, in few words."""
    found.executions += 1
    signal.setitimer(signal.ITIMER_REAL, HANG_SECONDS)
    try:
        answer = f"value {read(data)}"
        found.answered += 1
    except coded as error:
        answer = shape(error)
        found.refused += 1
    except (Exception, Hang) as error:
        answer = f"CRASH {shape(error)}"
        if answer not in found.answers:
            name = CORPUS / f"crash-{hashlib.sha256(data).hexdigest()[:16]}"
            name.write_bytes(data)
            print(f"{name}: {answer}", file=sys.stderr)
        found.crashes.append(answer)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return answer


def too_long(number: int, frame: FrameType | None) -> None:
    """The clock's signal."""
    raise Hang


def measure() -> Iterator[Figure]:
    """Every reader in turn."""
    signal.signal(signal.SIGALRM, too_long)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    total = crashes = 0
    for target in TARGETS:
        seed = int(os.environ.get("SEED", str(time.time_ns())))
        found = fuzz(target, SECONDS, random.Random(seed))
        total, crashes = total + found.executions, crashes + len(found.crashes)
        yield Figure(f"{target.name}: executions", found.executions, "", better="higher")
        yield Figure(f"{target.name}: kinds of answers", len(found.answers), "", better="higher")
        yield Figure(f"{target.name}: crashes and hangs", len(found.crashes), "", bar=0)
    yield Figure("executions of all readers", total, "", better="higher")
    yield Figure("crashes and hangs of all readers", crashes, "", bar=0)


if __name__ == "__main__":
    main(measure, __doc__ or "")

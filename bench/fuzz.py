"""Ten million broken manifests, recipes, GLBs and OBJs, each read whole: how many ended in no coded answer.

An execution is one call of a reader with one changed input. Each reader runs in a child of its own, so that one which
dies or hangs in native code is a count and not the end. Inputs that earned an answer nobody had had yet are kept in
build/fuzz, where the next run begins; what crashes or hangs is kept there as well. `EXECUTIONS=100000 bench/fuzz.py` is
shorter; SIGTERM ends a run early, with what it has done until then.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import pickle
import random
import re
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, main
from fuzzing.targets import TARGETS, Target

EXECUTIONS = int(os.environ.get("EXECUTIONS", "10_000_000"))
CORPUS = Path(__file__).parents[1] / "build" / "fuzz"
ROUNDS = 10
HANG_SECONDS, POLL_SECONDS = 10.0, 1.0  # of CPU in one execution
MEMORY = 6 << 30
LARGEST = 1 << 16  # bytes of an input: long files find what short ones do, slower
HEADER = 24  # executions so far, the length of the input that is being read, whether to stop


@dataclass
class Counted:
    """What one reader did with what it was given."""

    executions: int = 0
    answered: int = 0  # a value came back
    refused: int = 0  # a coded error came back
    seconds: float = 0.0  # of CPU
    crashes: list[str] = field(default_factory=list)
    answers: set[str] = field(default_factory=set)

    def add(self, other: Counted) -> None:
        """Another child's work."""
        self.executions += other.executions
        self.answered += other.answered
        self.refused += other.refused
        self.seconds += other.seconds
        self.crashes += other.crashes
        self.answers |= other.answers


class Seen:
    """Memory that a child shares with its parent: how far it is, and what it is reading."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, HEADER + LARGEST)

    def begin(self, number: int, data: bytes) -> None:
        """Execution `number` reads `data`."""
        self.memory[:16] = number.to_bytes(8, "little") + len(data).to_bytes(8, "little")
        self.memory[HEADER : HEADER + len(data)] = data

    def stop(self, *_: object) -> None:
        """Ask for an end: what was done until then is reported."""
        self.memory[16] = 1

    @property
    def stopped(self) -> bool:
        """Whether somebody asked."""
        return bool(self.memory[16])

    @property
    def number(self) -> int:
        """The execution that was begun last."""
        return int.from_bytes(self.memory[:8], "little")

    @property
    def data(self) -> bytes:
        """What it reads."""
        return self.memory[HEADER : HEADER + int.from_bytes(self.memory[8:16], "little")]


def shape(error: BaseException) -> str:
    """An error without the numbers and names in it: what makes two refusals the same."""
    return re.sub(r"\d+|'.*'|\".*\"", "#", f"{type(error).__name__} {error}", flags=re.DOTALL)[:60]


def fuzz(target: Target, executions: int, rng: random.Random, seen: Seen, known: Set[str]) -> Counted:
    """Change inputs of the corpus so many times; a new kind of answer joins the corpus."""
    folder = CORPUS / target.name
    folder.mkdir(parents=True, exist_ok=True)
    pool, found = list(target.seeds()), Counted(answers=set(known))
    usual = max(map(len, pool))
    pool += [path.read_bytes() for path in sorted(folder.glob("kept-*")) if path.stat().st_size <= usual]
    begun = time.process_time()
    while found.executions < executions and not seen.stopped:
        data = target.change(rng, pool, target.words)[:LARGEST]
        seen.begin(found.executions, data)
        answer = execute(target, data, found)
        if answer not in found.answers:
            found.answers.add(answer)
            keep(folder, "kept", data)
            if len(data) <= usual:  # what grows on and on would be read slower and slower
                pool.append(data)
    found.seconds = time.process_time() - begun
    return found


def execute(target: Target, data: bytes, found: Counted) -> str:
    """One execution, counted; what came of it, in few words."""
    found.executions += 1
    try:
        answer = f"value {target.read(data)}"
        found.answered += 1
    except target.coded as error:
        answer = shape(error)
        found.refused += 1
    except Exception as error:
        answer = f"CRASH {shape(error)}"
        crashed(answer, data, found)
    return answer


def crashed(answer: str, data: bytes, found: Counted) -> None:
    """Count a crash, and keep the first input of its kind."""
    if answer not in found.crashes:
        print(f"{keep(CORPUS, 'crash', data)}: {answer}", file=sys.stderr)
    found.crashes.append(answer)


def keep(folder: Path, kind: str, data: bytes) -> Path:
    """Write an input under a name of its content."""
    path = folder / f"{kind}-{hashlib.sha256(data).hexdigest()[:16]}"
    path.write_bytes(data)
    return path


def campaign(target: Target, executions: int, rng: random.Random, seen: Seen, total: Counted) -> Counted:
    """So many more executions in children; one that dies or hangs is a crash, and the next goes on behind it."""
    executions += total.executions
    while total.executions < executions and not seen.stopped:
        seen.begin(0, b"")
        near, far = Pipe(duplex=False)
        seed, left = rng.random(), executions - total.executions
        pid = os.fork()
        if pid == 0:
            child(target, left, random.Random(seed), seen, far, total.answers)
        far.close()
        found = watched(pid, near, seen)
        os.waitpid(pid, 0)
        total.add(found)
    return total


def child(target: Target, executions: int, rng: random.Random, seen: Seen, far: Connection, known: Set[str]) -> None:
    """The work of a forked process, which ends here whatever happens."""
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        far.send_bytes(pickle.dumps(fuzz(target, executions, rng, seen, known)))
    except Exception:  # the fuzzer's own, which its parent can only take for a death of the reader
        traceback.print_exc()
    finally:
        os._exit(0)


def watched(pid: int, near: Connection, seen: Seen) -> Counted:
    """What the child counted; of one that died or was killed for standing still, what it had begun."""
    number, since = seen.number, cpu_seconds(pid)
    with near:
        while not near.poll(POLL_SECONDS):
            if seen.number != number:
                number, since = seen.number, cpu_seconds(pid)
            elif cpu_seconds(pid) - since > HANG_SECONDS:
                os.kill(pid, signal.SIGKILL)
                return lost(seen, "CRASH hang")
        try:
            found: Counted = pickle.loads(near.recv_bytes())
        except EOFError:
            return lost(seen, "CRASH of the process")
        return found


def cpu_seconds(pid: int) -> float:
    """Of a process so far: a clock on the wall would take a busy machine for a hang."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def lost(seen: Seen, answer: str) -> Counted:
    """The count of a child that cannot tell any more: its last input is the crash."""
    found = Counted(executions=seen.number + 1)
    crashed(answer, seen.data, found)
    return found


def measure() -> Iterator[Figure]:
    """Every reader in turn, in rounds: where a run is stopped, each has had its share."""
    rng, seen = random.Random(int(os.environ.get("SEED", str(time.time_ns())))), Seen()
    signal.signal(signal.SIGTERM, seen.stop)
    counts = {target.name: Counted() for target in TARGETS}
    for target in TARGETS:  # here, where kernels are compiled for all children and no clock runs
        for data in target.seeds():
            execute(target, data, Counted())
    for _ in range(ROUNDS):
        for target in TARGETS:
            campaign(target, round(EXECUTIONS * target.share / ROUNDS), rng, seen, counts[target.name])
    total = Counted()
    for name, found in counts.items():
        total.add(found)
        yield Figure(f"{name}: executions", found.executions, "", better="higher")
        yield Figure(f"{name}: executions that were read", found.answered, "", better="higher")
        yield Figure(f"{name}: kinds of answers", len(found.answers), "", better="higher")
        yield Figure(f"{name}: executions a CPU-second", found.executions / (found.seconds or 1.0), "", better="higher")
        yield Figure(f"{name}: crashes and hangs", len(found.crashes), "", bar=0)
    yield Figure("executions of all readers", total.executions, "", bar=10_000_000, better="higher")
    yield Figure("crashes and hangs of all readers", len(total.crashes), "", bar=0)


if __name__ == "__main__":
    main(measure, __doc__ or "")

"""Calls of a model in the largest batches that its memory takes: halve, retry, grow again, remember."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ml.asset import InputError

T = TypeVar("T")
R = TypeVar("R")

GOOD = 8  # full batches that have to go well before a larger one is tried: the attempt may cost a call


@dataclass(frozen=True)
class Known:
    """What a process found out about its model's batches, for the next one."""

    largest: int  # taken now
    went: int = 0  # the largest that went well, 0 before any did
    failed: int = 0  # the smallest that was too large, 0 where none was


class Batches:
    """The size that works, found by halving what is too large and by bisecting upwards after GOOD full batches; kept
    from call to call of a warm model."""

    def __init__(self, largest: int) -> None:
        """`largest` items a call at most, whatever the memory takes."""
        self.most = largest
        self.known = Known(largest)
        self.good = 0

    def recall(self, known: Known) -> None:
        """Go on from what another process found out; what this one said itself is no news."""
        if known != self.known:
            self.known, self.good = known, 0

    def run(self, items: Sequence[T], call: Callable[[Sequence[T]], list[R]]) -> list[R | InputError]:
        """`call` over the items in order; an item that runs out of memory alone becomes `model.out-of-memory`."""
        answers: list[R | InputError] = []
        while len(answers) < len(items):
            batch = items[len(answers) : len(answers) + self.known.largest]
            made = _tried(batch, call)
            if not isinstance(made, str):
                answers += made
                self._went(len(batch))
                continue
            _release()  # only now, when no traceback holds the failed call's tensors any more
            if len(batch) == 1:
                answers.append(InputError("model.out-of-memory", f"one item needs too much memory: {made}"))
            else:
                self._failed(len(batch))
        return answers

    def _failed(self, size: int) -> None:
        """Back to what went before, or to half where that is no longer smaller: others took of the memory."""
        went = self.known.went if self.known.went < size else 0
        self.known, self.good = Known(went or size // 2, went, size), 0

    def _went(self, size: int) -> None:
        known = self.known
        self.good += size == known.largest
        if size > known.went:
            self.known = known = Known(known.largest, size, known.failed)
        if self.good >= GOOD and known.largest + 1 < known.failed:
            self.known, self.good = Known((known.largest + known.failed) // 2, known.went, known.failed), 0


def _tried(batch: Sequence[T], call: Callable[[Sequence[T]], list[R]]) -> list[R] | str:
    """What `call` answers, or how it ran out of memory."""
    try:
        return call(batch)
    except Exception as error:
        if not out_of_memory(error):
            raise
        return str(error)


def out_of_memory(error: BaseException) -> bool:
    """Whether torch ran out of the accelerator's memory: by name, as torch need not be there."""
    return type(error).__name__ == "OutOfMemoryError" or (
        isinstance(error, RuntimeError) and "out of memory" in str(error)
    )


def _release() -> None:
    """Give back what the failed call had reserved, or the smaller one fails as well."""
    import sys

    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()

"""Calls of a model in the largest batches that its memory takes: halve, retry, remember."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ml.asset import InputError

T = TypeVar("T")
R = TypeVar("R")


class Batches:
    """The size that worked last, kept from call to call of a warm model."""

    def __init__(self, largest: int) -> None:
        self.largest = largest

    def run(self, items: Sequence[T], call: Callable[[Sequence[T]], list[R]]) -> list[R | InputError]:
        """`call` over the items in order; an item that runs out of memory alone becomes `model.out-of-memory`."""
        answers: list[R | InputError] = []
        while len(answers) < len(items):
            batch = items[len(answers) : len(answers) + self.largest]
            made = _tried(batch, call)
            if not isinstance(made, str):
                answers += made
                continue
            _release()  # only now, when no traceback holds the failed call's tensors any more
            if len(batch) == 1:
                answers.append(InputError("model.out-of-memory", f"one item needs too much memory: {made}"))
            else:
                self.largest = len(batch) // 2
        return answers


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

"""The fuzzer: what crashes or hangs is counted and kept, what is refused or read is not; the readers stand a moment."""

from __future__ import annotations

import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "bench"))

import fuzz
from fuzzing.targets import TARGETS, Target


@pytest.fixture(autouse=True)
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An alarm after a fifth of a second, and a corpus of this test's own."""
    monkeypatch.setattr(fuzz, "CORPUS", tmp_path)
    monkeypatch.setattr(fuzz, "HANG_SECONDS", 0.2)
    before = signal.signal(signal.SIGALRM, fuzz.too_long)
    yield
    signal.signal(signal.SIGALRM, before)


def read(data: bytes) -> str:
    """Refuses, reads, crashes or hangs, by the first byte."""
    kind = data[:1]
    while kind == b"h":
        pass
    if kind == b"c":
        raise RuntimeError(f"at byte {len(data)}")
    if kind == b"r":
        raise ValueError("refused")
    return "read"


@pytest.mark.parametrize(
    ("data", "ends"), [(b"ok", ""), (b"r", ""), (b"c", "CRASH RuntimeError"), (b"h", "CRASH Hang")]
)
def test_only_what_has_no_coded_answer_is_a_crash(data: bytes, ends: str, tmp_path: Path) -> None:
    found = fuzz.Counted()
    answer = fuzz.execute(read, (ValueError,), data, found)
    assert answer.startswith(ends)
    assert (found.executions, len(found.crashes)) == (1, int(bool(ends)))
    assert [path.read_bytes() for path in tmp_path.glob("crash-*")] == ([data] if ends else [])


def test_new_answers_join_the_corpus(tmp_path: Path) -> None:
    target = Target("toy", lambda data: len(data) % 3, (ValueError,), (b"a",), lambda: [b"seed"])
    found = fuzz.fuzz(target, 0.2, random.Random(1))
    assert found.answers == {"value 0", "value 1", "value 2"}
    assert len(list((tmp_path / "toy").glob("kept-*"))) == 3
    assert found.executions == found.answered > 100


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_readers_stand_a_moment(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "HANG_SECONDS", 20.0)
    found = fuzz.fuzz(target, 0.3, random.Random(7))
    assert found.crashes == []
    assert found.executions > 20
    assert len(found.answers) > 3

"""The fuzzer: what crashes, hangs or kills is counted and kept, what is refused or read is not; the readers stand."""

from __future__ import annotations

import copy
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "bench"))

import fuzz
from fuzzing.containers import VALUES, change_glb, change_parquet, changed_tree, split_glb, split_parquet
from fuzzing.targets import TARGETS, Target


@pytest.fixture(autouse=True)
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus of this test's own."""
    monkeypatch.setattr(fuzz, "CORPUS", tmp_path)
    return tmp_path


def read(data: bytes) -> str:
    """Refuses, reads, crashes, hangs or ends the process, by the first byte."""
    kind = data[:1]
    while kind == b"h":
        pass
    if kind == b"c":
        raise RuntimeError(f"at byte {len(data)}")
    if kind == b"r":
        raise ValueError("refused")
    if kind == b"k":
        os.kill(os.getpid(), signal.SIGKILL)
    return "read"


def toy(seed: bytes) -> Target:
    """A reader of inputs that never change."""
    return Target("toy", read, (ValueError,), (), lambda: [seed], change=lambda rng, pool, words: seed)


@pytest.mark.parametrize(
    ("data", "ends"),
    [
        (b"ok", ""),
        (b"r", ""),
        (b"c", "CRASH RuntimeError"),
        (b"h", "CRASH hang"),
        (b"k", "CRASH of the process"),
    ],
)
def test_only_what_has_no_coded_answer_is_a_crash(
    data: bytes, ends: str, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz, "HANG_SECONDS", 0.2)
    monkeypatch.setattr(fuzz, "POLL_SECONDS", 0.05)
    found = fuzz.campaign(toy(data), 2, random.Random(1), fuzz.Seen(), fuzz.Counted())
    assert found.executions == 2
    assert len(found.crashes) == (2 if ends else 0)
    assert all(crash.startswith(ends) for crash in found.crashes)
    assert [path.read_bytes() for path in corpus.glob("crash-*")] == ([data] if ends else [])


def test_new_answers_join_the_corpus(corpus: Path) -> None:
    target = Target("toy", lambda data: len(data) % 3, (ValueError,), (b"a",), lambda: [b"seed"])
    found = fuzz.campaign(target, 500, random.Random(1), fuzz.Seen(), fuzz.Counted())
    assert found.answers == {"value 0", "value 1", "value 2"}
    assert len(list((corpus / "toy").glob("kept-*"))) == 3
    assert found.executions == found.answered == 500


def test_a_run_that_is_asked_to_stop_tells_what_it_did() -> None:
    seen = fuzz.Seen()
    threading.Timer(0.3, seen.stop).start()
    found = fuzz.campaign(toy(b"ok"), 10**9, random.Random(1), seen, fuzz.Counted())
    assert 0 < found.executions == found.answered < 10**9


def test_shares_make_a_whole() -> None:
    assert sum(target.share for target in TARGETS) == pytest.approx(1.0)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_readers_stand_a_moment(target: Target) -> None:
    """All that they begin with is read, some of it as rows that are wrong; changes leave most lengths in order."""
    for seed in target.seeds():
        assert target.read(seed)
    begun = time.process_time()
    found = fuzz.campaign(target, 300, random.Random(7), fuzz.Seen(), fuzz.Counted())
    assert found.crashes == []
    assert found.executions == 300
    assert found.refused > 10
    assert len(found.answers) > 3
    assert time.process_time() - begun < 20


def test_changed_containers_are_containers() -> None:
    rng = random.Random(3)
    (glbs,) = (target.seeds() for target in TARGETS if target.name == "GLB")
    (tables,) = (target.seeds() for target in TARGETS if target.name == "manifest (Parquet)")
    assert sum(split_glb(change_glb(rng, glbs, ()))[0] != b"" for _ in range(100)) > 80
    assert sum(split_parquet(change_parquet(rng, tables, ()))[1] != b"" for _ in range(100)) > 80


def test_changed_values_never_lie_within_themselves() -> None:
    rng = random.Random(0)
    before = copy.deepcopy(VALUES)
    start = b'{"a":[{"b":[1,2]},{"c":{}}],"d":0}'
    for _ in range(300):
        text = start
        for _ in range(10):
            text = changed_tree(rng, text)
    assert before == VALUES

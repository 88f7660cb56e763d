"""One driver at a time: a live lease refuses, a dead one is taken over by exactly one, a lost one is noticed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from manifests import lease
from manifests.errors import LeaseError
from manifests.lease import LOCK, STALE_SECONDS, Holder, Lease, born
from manifests.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "out"))


def myself() -> Holder:
    return Lease(Store("nowhere")).me


@pytest.fixture
def elsewhere() -> Holder:
    """A holder on another machine, last heard of now."""
    return replace(myself(), host="node-7", machine="another boot", pid=1, heartbeat=time.time())


def leave(store: Store, holder: Holder) -> None:
    store.put(LOCK, json.dumps(asdict(holder)).encode())


def holder_of(store: Store) -> int:
    pid: int = json.loads(store.read(LOCK))["pid"]
    return pid


def test_it_is_held_and_let_go(store: Store) -> None:
    with Lease(store) as held:
        assert holder_of(store) == os.getpid()
        held.check()
    assert list(store.list()) == []


def test_a_live_holder_refuses_with_one_line(store: Store) -> None:
    with Lease(store):
        with pytest.raises(LeaseError, match=f"process {os.getpid()} on ") as caught, Lease(store):
            pass
        assert "\n" not in str(caught.value)
        assert list(store.list()) == [LOCK]
    with Lease(store):
        pass


def test_a_killed_holder_is_found_dead_at_once(store: Store) -> None:
    code = f"import time; from manifests.lease import *; Lease(Store({store.uri!r})).__enter__(); print(1, flush=True)"
    process = subprocess.Popen([sys.executable, "-c", f"{code}; time.sleep(60)"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    with pytest.raises(LeaseError), Lease(store):
        pass
    os.kill(process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and nobody has waited for it: still in /proc
    started = time.monotonic()
    with Lease(store):
        assert time.monotonic() - started < 1
        assert holder_of(store) == os.getpid()
    process.communicate()


def test_a_pid_that_is_used_again_is_another_process(store: Store) -> None:
    leave(store, replace(myself(), born="12"))
    with Lease(store):
        assert json.loads(store.read(LOCK))["born"] == born(os.getpid())


def test_a_holder_elsewhere_counts_by_its_heartbeat(store: Store, elsewhere: Holder) -> None:
    leave(store, replace(elsewhere, heartbeat=time.time() - STALE_SECONDS + 5))
    with pytest.raises(LeaseError, match="node-7"), Lease(store):
        pass
    leave(store, replace(elsewhere, heartbeat=time.time() - STALE_SECONDS - 1))
    with Lease(store):
        assert holder_of(store) == os.getpid()


@pytest.mark.parametrize("data", [b"", bytes(200), b"{}", b"[1]", b"null", b"\xff"])
def test_what_a_power_cut_leaves_is_no_holder(store: Store, data: bytes) -> None:
    store.put(LOCK, data)
    with Lease(store):
        assert holder_of(store) == os.getpid()


def contend(store: Store, start: threading.Barrier, holding: list[int], seen: list[int]) -> None:
    start.wait()
    try:
        with Lease(store):
            holding.append(1)
            seen.append(len(holding))
            time.sleep(0.02)
            holding.pop()
    except LeaseError:
        seen.append(0)


def test_of_many_that_find_it_dead_one_takes_it(store: Store, elsewhere: Holder) -> None:
    for _ in range(10):
        leave(store, replace(elsewhere, heartbeat=0))
        seen: list[int] = []
        arguments = (store, threading.Barrier(8), [], seen)
        threads = [threading.Thread(target=contend, args=arguments) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(seen) == 8
        assert max(seen) == 1
        assert list(store.list()) == []


def test_one_that_died_while_taking_over_is_taken_over(store: Store, elsewhere: Holder) -> None:
    leave(store, replace(elsewhere, heartbeat=0))
    store.put(f"{LOCK}.claim", json.dumps(asdict(replace(myself(), pid=2**22, born="1"))).encode())
    with Lease(store):
        assert holder_of(store) == os.getpid()
    assert list(store.list()) == []


def test_a_lost_lease_is_noticed_and_left_alone(
    store: Store, elsewhere: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.02)
    with Lease(store) as held:
        before = json.loads(store.read(LOCK))["heartbeat"]
        time.sleep(0.2)
        held.check()
        assert json.loads(store.read(LOCK))["heartbeat"] > before
        leave(store, elsewhere)
        time.sleep(0.2)
        with pytest.raises(LeaseError, match="taken over"):
            held.check()
    assert holder_of(store) == elsewhere.pid

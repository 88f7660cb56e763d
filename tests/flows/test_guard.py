"""The guard kills what hangs, survives what crashes, bounds memory, and keeps the child's last words."""

import ctypes
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from flows.guard import Guard, Killed, Limits


def add(a: int, b: int) -> int:
    return a + b


def own_pid() -> int:
    return os.getpid()


def hang_in_c() -> None:
    ctypes.PyDLL(None).sleep(60)  # PyDLL keeps the GIL: no Python thread of the child could interrupt it


def hang_with_grandchild() -> None:
    child = subprocess.Popen(["sleep", "60"])
    print(f"grandchild {child.pid}", file=sys.stderr, flush=True)
    ctypes.PyDLL(None).sleep(60)


def segfault() -> None:
    print("about to read address 0", file=sys.stderr, flush=True)
    ctypes.string_at(0)


def balloon() -> int:
    return sum(int(np.ones(50_000_000).size) for _ in [np.ones(50_000_000) for _ in range(40)])


def raise_value_error() -> None:
    raise ValueError("odd")


def leave() -> None:
    os._exit(7)


@pytest.fixture(scope="module")
def guard() -> Iterator[Guard]:
    guard = Guard(Limits(seconds=20, memory_bytes=1 << 30), (__name__.rpartition(".")[2],))
    yield guard
    guard.close()


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    """The child imports this file by its name."""
    folder = str(Path(__file__).parent)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = folder
    module, name = sys.modules[__name__], __name__.rpartition(".")[2]
    sys.modules.setdefault(name, module)
    for function in (add, own_pid, hang_in_c, hang_with_grandchild, segfault, balloon, raise_value_error, leave):
        function.__module__ = name
    yield
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_the_child_is_warm(guard: Guard) -> None:
    assert guard.call(add, 2, 3) == 5
    assert guard.call(own_pid) == guard.call(own_pid) != os.getpid()


def test_native_hang_is_killed_at_its_deadline(guard: Guard) -> None:
    before = guard.call(own_pid)
    started = time.monotonic()
    with pytest.raises(Killed) as caught:
        guard.call(hang_in_c, seconds=0.5)
    assert caught.value.code == "guard.timeout"
    assert time.monotonic() - started < 3
    assert not alive(before)
    assert guard.call(own_pid) != before


@pytest.mark.slow
def test_the_whole_process_group_dies(guard: Guard) -> None:
    with pytest.raises(Killed) as caught:
        guard.call(hang_with_grandchild, seconds=1.0)
    grandchild = int(caught.value.stderr.split("grandchild ")[1].split()[0])
    deadline = time.monotonic() + 5
    while alive(grandchild) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(grandchild)


def test_segfault_is_named_and_stderr_kept(guard: Guard) -> None:
    with pytest.raises(Killed) as caught:
        guard.call(segfault)
    assert caught.value.code == "guard.crash.SIGSEGV"
    assert "Segmentation fault" in caught.value.stderr
    assert guard.call(add, 1, 1) == 2


@pytest.mark.slow
def test_memory_is_capped(guard: Guard) -> None:
    with pytest.raises(Killed) as caught:
        guard.call(balloon)
    assert caught.value.code == "guard.memory"
    assert guard.call(add, 1, 1) == 2


def test_exit_is_a_crash(guard: Guard) -> None:
    with pytest.raises(Killed, match="status 7") as caught:
        guard.call(leave)
    assert caught.value.code == "guard.crash.exit"


def test_python_errors_pass_through_with_their_traceback(guard: Guard) -> None:
    before = guard.call(own_pid)
    with pytest.raises(ValueError, match="odd") as caught:
        guard.call(raise_value_error)
    assert "raise_value_error" in "".join(caught.value.__notes__)
    assert guard.call(own_pid) == before


def test_a_call_that_the_child_cannot_read_is_an_error_not_a_crash(
    guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a plugin is installed for the driver and not for the worker."""
    plugin = ModuleType("plugin_of_the_driver")
    plugin.options = type("options", (), {"__module__": plugin.__name__})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, plugin.__name__, plugin)
    before = guard.call(own_pid)
    with pytest.raises(ModuleNotFoundError, match="plugin_of_the_driver"):
        guard.call(add, plugin.options, 1)
    assert guard.call(own_pid) == before


def test_a_child_killed_from_outside_is_a_crash(guard: Guard) -> None:
    os.kill(guard.call(own_pid), signal.SIGKILL)
    with pytest.raises(Killed) as caught:
        guard.call(add, 1, 1)
    assert caught.value.code == "guard.crash.SIGKILL"
    assert guard.call(add, 1, 1) == 2


def test_nothing_outlives_a_killed_driver() -> None:
    """kill -9 of the driver while its child hangs in native code: no process of the guard stays behind."""
    code = textwrap.dedent(
        f"""
        import threading, time
        import {__name__.rpartition(".")[2]} as t
        from flows.guard import Guard, Limits
        guard = Guard(Limits(), (t.__name__,))
        print(guard.call(t.own_pid), flush=True)
        threading.Thread(target=lambda: guard.call(t.hang_in_c), daemon=True).start()
        time.sleep(60)
        """
    )
    driver = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    child = int(driver.stdout.readline())
    assert alive(child)
    time.sleep(0.3)
    driver.kill()
    driver.wait()
    driver.stdout.close()
    deadline = time.monotonic() + 5
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(child)

"""Finding the processes a drill may kill: always descendants of, or marked by, what the drill itself started."""

import os
import signal
import time
from pathlib import Path


def process_ids() -> list[int]:
    """Every process there is."""
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def command_line(pid: int) -> str:
    """Its arguments, "" for one that is gone or not ours to look at."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def parents() -> dict[int, int]:
    """The parent of every process that is not a zombie."""
    found = {}
    for pid in process_ids():
        try:
            state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state not in "ZX":
            found[pid] = int(parent)
    return found


def descendants(ancestor: int) -> set[int]:
    """All processes below this one."""
    parent, found, grown = parents(), {ancestor}, True
    while grown:
        below = {pid for pid, above in parent.items() if above in found} - found
        found, grown = found | below, bool(below)
    return found - {ancestor}


def left_of(pids: set[int], patience: float) -> list[str]:
    """Command lines of those that still live after a while for those that are just ending."""
    deadline = time.monotonic() + patience
    while (alive := pids & parents().keys()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return [command_line(pid) for pid in alive]


def guarded_children(ancestor: int) -> list[int]:
    """The workers at the end of every chain template > watcher > worker below a process."""
    parent = parents()
    servers = {pid for pid in descendants(ancestor) if "flows.guard_server" in command_line(pid)}
    with_child = {parent.get(pid) for pid in servers}
    return sorted(pid for pid in servers - with_child if parent.get(parent.get(pid, 0)) in servers)


def dask_workers(nannies: list[int]) -> list[int]:
    """The worker process of each nanny."""
    parent = parents()
    return sorted(pid for pid, above in parent.items() if above in nannies and "spawn_main" in command_line(pid))


def ray_actors(token: str, name: str = "GeneratorActor") -> list[int]:
    """Living actors of that class of the cluster that was started with this token."""
    named = [pid for pid in process_ids() if command_line(pid).startswith(f"ray::{name}")]
    return sorted(pid for pid in named if marked(pid, token))


def marked(pid: int, mark: str) -> bool:
    """Whether a process was started with this text in its environment."""
    try:
        return mark.encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


def kill_hard(pid: int) -> bool:
    """SIGKILL; False when it had ended already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True

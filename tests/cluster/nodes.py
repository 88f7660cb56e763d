"""Machines that share nothing: each a network, mount and process namespace with its own address, disk and /tmp."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
SUBNET = "10.83.0"
HOST = f"{SUBNET}.1"  # this process, so that it can look into the store and the server
BIN = str(Path(sys.executable).parent)
MARK = "mesh"  # of every name that these drills give: one at a time on a machine
SPACES = ("--mount", "--net", "--pid", "--uts")
# What is started on a machine joins its control group first, so that nothing escapes the count of its CPU.
JOIN = ("sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"')
# Everything is read-only but a disk of the node's own: what a process leaves for another goes through the store.
PREPARE = """
set -e
mount --make-rprivate /
mount --bind {hosts} /etc/hosts
mount -t tmpfs -o size={disk} disk /tmp
mount -t tmpfs -o size=512m shm /dev/shm
mount -o remount,bind,ro /
ip link set lo up
hostname {name}
exec sleep infinity
"""


def clear_away() -> None:
    """What an earlier run left that was killed; its processes ended with it."""
    subprocess.run(["ip", "link", "del", f"{MARK}h"], capture_output=True, check=False)
    listed = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout.splitlines()
    for name in [line.split()[0] for line in listed if line.startswith(f"{MARK}-")]:
        subprocess.run(["ip", "netns", "del", name], check=False)


def able() -> bool:
    """Whether this process may make namespaces, links between them, and control groups."""
    name = f"try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode == 0
    if made:
        subprocess.run(["ip", "netns", "del", name], check=False)
    return made and bool(control_groups())


def control_groups() -> Path | None:
    """Where Linux mounts version 2 of its control groups, if it does: they count CPU with no controller enabled."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return next((Path(place) for _, place, kind, *_ in mounts if kind == "cgroup2"), None)


def remove(group: Path) -> None:
    """A control group, once what was killed in it has ended; another machine of that name may have removed it."""
    deadline = time.monotonic() + 30
    while group.exists():
        try:
            group.rmdir()
        except OSError:
            assert time.monotonic() < deadline, f"something still runs in {group}"
            time.sleep(0.1)


def ip(*words: str) -> None:
    """The command of iproute2; raises CalledProcessError."""
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class Node:
    """One machine: its first process holds the namespaces, and takes all others with it when it is killed."""

    def __init__(self, name: str, number: int, link: str, first: subprocess.Popen[bytes], folder: Path) -> None:
        self.name, self.address, self.link, self.first, self.folder = name, f"{SUBNET}.{number}", link, first, folder
        self.started: list[subprocess.Popen[bytes]] = []
        self.group = (control_groups() or folder) / f"{MARK}-{number}"
        self.group.mkdir(exist_ok=True)  # a machine that replaces another goes on counting
        children = Path(f"/proc/{first.pid}/task/{first.pid}/children")
        deadline = time.monotonic() + 30
        while not (found := children.read_text().split()) or not self.ready(int(found[0])):
            assert time.monotonic() < deadline, f"node {name} did not start"
            time.sleep(0.05)
        self.pid = int(found[0])

    @staticmethod
    def ready(pid: int) -> bool:
        """Whether its first process has made the mounts."""
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/comm").read_text().strip() == "sleep"
        return False

    @property
    def disk(self) -> Path:
        """Its /tmp, seen from here."""
        return Path("/proc", str(self.pid), "root", "tmp")

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Run a command there, output in FOLDER/NODE-NAME.log and .out."""
        inside = [*JOIN, str(self.group), "nsenter", f"--target={self.pid}", *SPACES, "--wdns=/tmp", *command]
        with (
            (self.folder / f"{self.name}-{name}.log").open("ab") as log,
            (self.folder / f"{self.name}-{name}.out").open("wb") as out,
        ):
            plain = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": "/tmp", "TMPDIR": "/tmp", **env}
            self.started.append(subprocess.Popen(inside, env=plain, stdout=out, stderr=log, start_new_session=True))
        return self.started[-1]

    def run(self, *command: str, env: Mapping[str, str] | None = None) -> str:
        """A short command there; its output. Raises CalledProcessError."""
        inside = ["nsenter", f"--target={self.pid}", *SPACES, "--wdns=/tmp", *command]
        plain = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": "/tmp", **(env or {})}
        return subprocess.run(inside, env=plain, check=True, capture_output=True, text=True, timeout=120).stdout

    def pids(self, text: str) -> list[int]:
        """Processes there whose command line holds this text, by their number here."""
        space = Path(f"/proc/{self.pid}/ns/pid").readlink()
        found = []
        for path in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if path.name.isdigit() and (path / "ns/pid").readlink() == space:
                    line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                    found += [int(path.name)] if text in line else []
        return sorted(found)

    def cpu(self) -> float:
        """Seconds that everything started here has used, what has ended included (cgroup v2, cpu.stat)."""
        return int((self.group / "cpu.stat").read_text().split()[1]) / 1e6

    def end(self) -> None:
        """End all that was started here, as a container ends with its first process."""
        (self.group / "cgroup.kill").write_text("1")
        for process in self.started:
            process.wait()
        self.started.clear()

    def lose_power(self) -> None:
        """Every process there ends at once."""
        self.first.kill()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, 9)
        self.first.wait()
        for process in self.started:
            process.wait()


class Switch:
    """The cable between nodes, and to this process."""

    def __init__(self, folder: Path, hosts: Mapping[str, int]) -> None:
        self.folder, self.hosts = folder, hosts
        self.space = f"{MARK}-switch"
        (folder / "hosts").write_text(
            "127.0.0.1 localhost\n" + "".join(f"{SUBNET}.{number} {name}\n" for name, number in hosts.items())
        )

    @contextmanager
    def on(self) -> Iterator[Switch]:
        """Made, and gone at the end."""
        clear_away()
        ip("netns", "add", self.space)
        try:
            ip("-n", self.space, "link", "add", "bridge", "type", "bridge")
            ip("-n", self.space, "link", "set", "bridge", "up")
            ip("link", "add", f"{MARK}h", "type", "veth", "peer", "name", "host", "netns", self.space)
            ip("-n", self.space, "link", "set", "host", "master", "bridge", "up")
            ip("addr", "add", f"{HOST}/24", "dev", f"{MARK}h")
            ip("link", "set", f"{MARK}h", "up")
            yield self
        finally:
            clear_away()

    @contextmanager
    def node(self, name: str, disk: str = "4g") -> Iterator[Node]:
        """A machine with that name and its address; every process of it ends with the block."""
        number, space = self.hosts[name], f"{MARK}-{self.hosts[name]}"
        with ExitStack() as stack:
            ip("netns", "add", space)
            stack.callback(subprocess.run, ["ip", "netns", "del", space], check=False)
            link = f"n{number}"
            ip("link", "add", "eth0", "netns", space, "type", "veth", "peer", "name", link, "netns", self.space)
            ip("-n", self.space, "link", "set", link, "master", "bridge", "up")
            ip("-n", space, "addr", "add", f"{SUBNET}.{number}/24", "dev", "eth0")
            ip("-n", space, "link", "set", "eth0", "up")
            script = PREPARE.format(name=name, hosts=self.folder / "hosts", disk=disk)
            # Both end with this process, however that ends.
            last = ["setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", space]
            unshare = [
                "unshare",
                "--kill-child",
                "--fork",
                "--pid",
                "--uts",
                "--mount",
                "--mount-proc",
                "sh",
                "-c",
                script,
            ]
            first = subprocess.Popen([*last, *unshare], start_new_session=True)
            node = Node(name, number, link, first, self.folder)
            stack.callback(remove, node.group)
            stack.callback(node.lose_power)
            yield node

    def cut(self, node: Node, down: bool) -> None:
        """Pull the node's cable, or plug it in again."""
        ip("-n", self.space, "link", "set", node.link, "down" if down else "up")

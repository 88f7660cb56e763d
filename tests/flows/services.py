"""A real Ray head, Dask scheduler with two workers, and Prefect server, each in processes of their own."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from processes import command_line, kill_hard, marked, process_ids

BIN = Path(sys.executable).parent
RAY = str(BIN.parent / "lib")  # its daemons lie in, or are started from, the installed package


@dataclass(frozen=True)
class Services:
    """What drivers need to attach, and what drills need to find processes."""

    env: dict[str, str]
    token: str
    nannies: list[int]


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports: list[int] = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@contextmanager
def running(name: str, command: list[str], env: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A service with its output in FOLDER/NAME.log, ended at the end."""
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Until it answers; fails with its log when it ended or took two minutes."""
    deadline = time.monotonic() + 120
    while not ready():
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.2)


def listening(port: int) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def ray_head(folder: Path, env: dict[str, str], cpus: int = 2, gpus: int = 0) -> Iterator[str]:
    """A Ray head with a temp folder and ports of its own; its address."""
    names = ("node-manager", "object-manager", "runtime-env-agent", "dashboard-agent-listen")
    port, metrics, *others = free_ports(2 + len(names))
    temp = tempfile.mkdtemp(prefix="mr-")  # short: Unix sockets lie below it
    ports = [f"--{name}-port={number}" for name, number in zip(names, others, strict=True)]
    options = [f"--num-cpus={cpus}", f"--num-gpus={gpus}", f"--temp-dir={temp}"]
    options += ["--object-store-memory=83886080", "--include-dashboard=false"]
    host = ["--head", "--node-ip-address=127.0.0.1", f"--port={port}", "--disable-usage-stats", "--block"]
    command = [str(BIN / "ray"), "start", *host, *options, *ports, f"--metrics-export-port={metrics}"]
    try:
        with running("ray", command, env, folder) as process:
            log = folder / "ray.log"
            wait_until(lambda: "Ray runtime started" in log.read_text(), process, log)
            yield f"127.0.0.1:{port}"
    finally:
        for pid in process_ids():  # what `ray start` did not end itself
            if marked(pid, env["RAY_AUTH_TOKEN"]) and command_line(pid).startswith(("ray::", RAY)):
                kill_hard(pid)
        shutil.rmtree(temp, ignore_errors=True)


@contextmanager
def dask_cluster(folder: Path, env: dict[str, str]) -> Iterator[tuple[str, list[int]]]:
    """A scheduler and two one-thread workers under nannies; its address and the nannies' pids."""
    (port,) = free_ports(1)
    address, dask = f"tcp://127.0.0.1:{port}", str(BIN / "dask")
    with ExitStack() as stack:
        command = [dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
        scheduler = stack.enter_context(running("scheduler", command, env, folder))
        wait_until(lambda: listening(port), scheduler, folder / "scheduler.log")
        nannies = []
        for name in ("worker-0", "worker-1"):
            options = ["--nthreads", "1", "--no-dashboard", "--name", name, "--local-directory", str(folder / "dask")]
            worker = stack.enter_context(running(name, [dask, "worker", address, *options], env, folder))
            nannies.append(worker.pid)
        yield address, nannies


@contextmanager
def prefect_server(folder: Path, env: dict[str, str]) -> Iterator[str]:
    """A server with a database of its own; its API's address."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/api"
    command = [str(BIN / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with running("prefect", command, {**env, "PREFECT_API_URL": url}, folder) as process:
        wait_until(lambda: healthy(url), process, folder / "prefect.log")
        yield url


def healthy(url: str) -> bool:
    """Whether the server answers."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2):
            return True
    except OSError:
        return False


@contextmanager
def services(folder: Path, plugins: dict[str, str]) -> Iterator[Services]:
    """All three, knowing the test generator."""
    token = secrets.token_hex(32)
    env = {**os.environ, **plugins, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
    env |= {"RAY_USAGE_STATS_ENABLED": "0", "PREFECT_HOME": str(folder / "prefect"), "DO_NOT_TRACK": "1"}
    env |= {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_LOGGING_LEVEL": "ERROR"}
    with ExitStack() as stack:
        ray = stack.enter_context(ray_head(folder, env))
        dask, nannies = stack.enter_context(dask_cluster(folder, env))
        prefect = stack.enter_context(prefect_server(folder, env))
        addresses = {"RAY_ADDRESS": ray, "DASK_SCHEDULER_ADDRESS": dask, "PREFECT_API_URL": prefect}
        yield Services({**env, **addresses}, token, nannies)

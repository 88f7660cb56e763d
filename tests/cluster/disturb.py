"""What is done to a cluster in the middle of a run; each names the machine that the same command is given on again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable

from box import Box
from nodes import Node
from rows import Rows

PAUSE = 30.0
AWAY = 5.0  # seconds until a service that was killed is started again
FREE = 20.0  # seconds that a disk stays full
REFUSAL = 240.0  # seconds after which a second driver should have been refused, Ray's start included

Process = subprocess.Popen[bytes]


def kill(node: Node, text: str, how: int = signal.SIGKILL) -> None:
    """Every process there whose command line holds the text; there must be one."""
    pids = node.pids(text)
    assert pids, f"nothing like {text!r} runs on {node.name}"
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)


def nothing(rows: Rows, process: Process) -> str:
    return "driver"


def driver(rows: Rows, process: Process) -> str:
    kill(rows.box.nodes["driver"], "meshmill run")
    process.wait(60)
    return "driver"


def prefect(rows: Rows, process: Process) -> str:
    kill(rows.box.nodes["prefect"], "prefect")
    time.sleep(AWAY)
    rows.box.start_prefect()
    return "driver"


def postgres(rows: Rows, process: Process) -> str:
    kill(rows.box.nodes["postgres"], "postgres")
    time.sleep(AWAY)
    rows.box.start_postgres()
    return "driver"


def ray_worker(rows: Rows, process: Process) -> str:
    rows.box.replace("ray-worker")
    return "driver"


def ray_head(rows: Rows, process: Process) -> str:
    rows.box.replace("ray-head")
    return "driver"


def dask_worker(rows: Rows, process: Process) -> str:
    rows.box.replace("dask-worker")
    return "driver"


def dask_scheduler(rows: Rows, process: Process) -> str:
    kill(rows.box.nodes["dask-scheduler"], "dask scheduler")
    time.sleep(AWAY)
    rows.box.start_scheduler()
    return "driver"


def gateway(rows: Rows, process: Process) -> str:
    kill(rows.box.nodes["s3"], "radosgw", signal.SIGSTOP)
    time.sleep(PAUSE)
    kill(rows.box.nodes["s3"], "radosgw", signal.SIGCONT)
    return "driver"


def network(rows: Rows, process: Process) -> str:
    node = rows.box.nodes["dask-worker-2"]
    rows.box.switch.cut(node, down=True)
    time.sleep(PAUSE)
    rows.box.switch.cut(node, down=False)
    return "driver"


def disks(rows: Rows, process: Process) -> str:
    """Of every machine that works: not a byte is free on them for a while."""
    nodes = [rows.box.nodes[name] for name in ("ray-worker", "ray-worker-2", "dask-worker", "dask-worker-2", "driver")]
    for node in nodes:
        with contextlib.suppress(subprocess.CalledProcessError):
            node.run("dd", "if=/dev/zero", "of=/tmp/full", "bs=1M")
    time.sleep(FREE)
    for node in nodes:
        (node.disk / "full").unlink()
    return "driver"


def credentials(rows: Rows, process: Process) -> str:
    """The key ends; a while later another is given to every service, as a vault's agent would, and to this process."""
    box = rows.box
    admin = ["radosgw-admin", "--conf", "/tmp/store/ceph.conf", "key"]
    of = ["--uid=meshmill", "--key-type=s3"]
    box.nodes["s3"].run(*admin, "rm", *of, f"--access-key={box.values['S3_ACCESS_KEY']}")
    process.wait(300)
    box.values |= {"S3_ACCESS_KEY": "second", "S3_SECRET_KEY": os.urandom(16).hex()}
    keys = [f"--access-key={box.values['S3_ACCESS_KEY']}", f"--secret-key={box.values['S3_SECRET_KEY']}"]
    box.nodes["s3"].run(*admin, "create", *of, *keys)
    os.environ.update(box.host_environment())
    forget_connections()
    for name in ("ray-worker", "ray-worker-2", "dask-worker", "dask-worker-2"):
        box.replace(name)
    return "driver"


def forget_connections() -> None:
    """fsspec keeps file systems with the keys that they were made with."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()


def two_drivers(rows: Rows, process: Process) -> str:
    """Done at the start, by both_at_once: whichever went on is given the command again where it has to be."""
    return rows.driver


def both_at_once(rows: Rows, out: str) -> Process:
    """Two machines are given the same command at one instant: one of them is refused, the other goes on."""
    machine(rows.box, "driver-2")
    both = {name: rows.start(out, name) for name in ("driver", "driver-2")}
    deadline = time.monotonic() + REFUSAL
    while not (ended := [name for name, process in both.items() if process.poll() is not None]):
        assert time.monotonic() < deadline, "neither of two drivers was refused"
        time.sleep(0.2)
    assert_refused(both.pop(ended[0]), log_of(rows, ended[0]))
    ((rows.driver, process),) = both.items()
    return process


def log_of(rows: Rows, driver: str) -> str:
    """What the commands on that machine have said so far."""
    return (rows.box.folder / f"{driver}-run.log").read_text()


def assert_refused(process: Process, said: str) -> None:
    """It ended with an error that names who writes there."""
    assert process.returncode != 0
    assert "another run is writing" in said, said[-2000:]


def lost_machine(rows: Rows, process: Process) -> str:
    """The driver's machine goes for good; another takes its work over once it was not heard of for a minute."""
    rows.box.nodes.pop("driver").lose_power()
    process.wait(60)
    machine(rows.box, "driver-2")
    time.sleep(65)
    return "driver-2"


def machine(box: Box, name: str) -> Node:
    """The node of that name, made where there is none."""
    return box.nodes.get(name) or box.node(name)


DISTURBANCES: dict[str, Callable[[Rows, Process], str]] = {
    "Nothing": nothing,
    "Driver, kill -9": driver,
    "Prefect server, kill -9 and started again": prefect,
    "Postgres, kill -9 and started again": postgres,
    "Ray worker, its machine lost and replaced": ray_worker,
    "S3 gateway, stopped for 30 s": gateway,
    "Network, of one Dask worker cut for 30 s": network,
    "Two drivers, given the same command at once": two_drivers,
    "Dask worker, its machine lost and replaced": dask_worker,
    "Dask scheduler, kill -9 and started again": dask_scheduler,
    "Disks, of all workers and the driver full for 20 s": disks,
    "Ray head, its machine lost and replaced": ray_head,
    "Credentials, of the store expire and are renewed": credentials,
    "Driver's machine, lost for good": lost_machine,
}

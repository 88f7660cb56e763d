"""The services of infra/compose/compose.yaml, by the same commands and settings, each on a node of its own."""

from __future__ import annotations

import os
import re
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml
from nodes import MARK, ROOT, SUBNET, Node, Switch

COMPOSE = ROOT / "infra" / "compose" / "compose.yaml"
HOSTS = {
    "s3": 10,
    "postgres": 11,
    "prefect": 12,
    "ray-head": 13,
    "ray-worker": 14,
    "ray-worker-2": 15,
    "dask-scheduler": 16,
    "dask-worker": 17,
    "dask-worker-2": 18,
    "driver": 19,
    "driver-2": 20,
}
# What images hold, by where it lies here; a named volume is a folder of the node's own disk.
PLACES = {
    "make-certificates": f"{ROOT}/infra/tls/make.sh",
    "driver": f"{ROOT}/infra/images/driver.sh",
    "/certificates": "/tmp/certificates",
    "/spill": "/tmp/spill",
}
POSTGRES = "/usr/lib/postgresql/15/bin"
PATIENCE = 180.0


class Box:
    """The running services, and how drills reach and change them."""

    def __init__(self, folder: Path, switch: Switch, stack: ExitStack, plugins: dict[str, str]) -> None:
        self.folder, self.switch, self.stack, self.plugins = folder, switch, stack, plugins
        self.services: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
        self.nodes: dict[str, Node] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        password = secrets.token_hex(16)
        self.values = {
            "POSTGRES_PASSWORD": secrets.token_hex(16),
            "PREFECT_AUTH": f"meshmill:{password}",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "S3_ACCESS_KEY": "drill",
            "S3_SECRET_KEY": secrets.token_hex(16),
            "RAY_WORKER_CPUS": "4",
            "DASK_WORKER_THREADS": "2",
            "STORE_BYTES": str(4 << 30),
        }
        subprocess.run([f"{ROOT}/infra/tls/make.sh", str(folder / "certificates")], check=True)

    def filled(self, text: str) -> str:
        """A text of the compose file with its variables and places put in."""
        text = re.sub(
            r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}", lambda match: self.values.get(match[1], match[2] or ""), text
        )
        for place, here in PLACES.items():
            text = here if text == place else text.replace(place, here) if place.startswith("/") else text
        return text.replace("10.83.0.10", f"{SUBNET}.{HOSTS['s3']}")

    def environment(self, service: str) -> dict[str, str]:
        """What the compose file tells a service, and what tests need."""
        told = {name: self.filled(str(value)) for name, value in self.services[service]["environment"].items()}
        kernels = {"NUMBA_CACHE_DIR": os.environ["NUMBA_CACHE_DIR"]} if "NUMBA_CACHE_DIR" in os.environ else {}
        return {**told, **kernels, **self.plugins, "OMP_NUM_THREADS": "1", "PREFECT_LOGGING_LEVEL": "ERROR"}

    def command(self, service: str) -> list[str]:
        """The compose file's command of a service."""
        return [self.filled(word) for word in self.services[service]["command"]]

    def node(self, name: str, disk: str = "2g") -> Node:
        """A new machine of that name, with the certificates of Dask on its disk."""
        node = self.nodes[name] = self.stack.enter_context(self.switch.node(name, disk))
        (node.disk / "spill").mkdir()
        (node.disk / "certificates").mkdir()
        for path in (self.folder / "certificates").iterdir():
            (node.disk / "certificates" / path.name).write_bytes(path.read_bytes())
        return node

    def start(self, name: str) -> None:
        """A service of the compose file on its node, which is made where there is none."""
        if (earlier := self.processes.pop(name, None)) is not None:
            earlier.kill()
            earlier.wait()  # its node or its service is gone, so that this cannot last
        service = name.removesuffix("-2")
        node = self.nodes.get(name) or self.node(name)
        self.processes[name] = node.start("service", self.command(service), self.environment(service))

    def start_s3(self) -> None:
        """Ceph on its node; its memory is its disk."""
        node = self.nodes.get("s3") or self.node("s3", "5g")
        env = {**{name: self.values[name] for name in ("S3_ACCESS_KEY", "S3_SECRET_KEY", "STORE_BYTES")}}
        command = [f"{ROOT}/infra/s3/one-node.sh", "/tmp/store", *self.command("s3")]
        self.processes["s3"] = node.start("service", command, {**env, "STORE": "memstore"})
        self.until(lambda: answers(f"http://{node.address}:7480"), "s3")

    def start_postgres(self) -> None:
        """Debian's Postgres, in place of the image's."""
        node = self.nodes.get("postgres") or self.node("postgres")
        if not (node.disk / "data").exists():
            (node.disk / "password").write_text(self.values["POSTGRES_PASSWORD"])
            node.run("install", "-d", "-o", "postgres", "-g", "postgres", "/tmp/data")
            node.run("chmod", "644", "/tmp/password")
            options = ["-D", "/tmp/data", "-U", "prefect", "--pwfile=/tmp/password", "-A", "scram-sha-256"]
            node.run("setpriv", "--reuid=postgres", "--clear-groups", f"{POSTGRES}/initdb", *options)
            (node.disk / "data" / "pg_hba.conf").write_text(f"host all all {SUBNET}.0/24 scram-sha-256\n")
        if (earlier := self.processes.pop("postgres", None)) is not None:
            earlier.wait()
        command = ["setpriv", "--reuid=postgres", "--clear-groups", f"{POSTGRES}/postgres"]
        command += ["-D", "/tmp/data", "-h", node.address, "-k", "/tmp"]
        self.processes["postgres"] = node.start("service", command, {})
        self.until(lambda: port_open(node.address, 5432), "postgres")
        if "prefect" not in self.sql("select datname from pg_database").split():
            self.sql("create database prefect")

    def sql(self, command: str) -> str:
        """What the database answers."""
        ask = ["psql", "-h", self.nodes["postgres"].address, "-U", "prefect", "-d", "postgres", "-tc", command]
        env = {**os.environ, "PGPASSWORD": self.values["POSTGRES_PASSWORD"]}
        return subprocess.run(ask, env=env, capture_output=True, text=True, check=True).stdout

    def start_prefect(self) -> None:
        """The server, waiting until it answers and asks for a password."""
        self.start("prefect")
        url = f"http://{self.nodes['prefect'].address}:4200/api"
        self.until(lambda: answers(f"{url}/health", self.values["PREFECT_AUTH"]), "prefect")

    def start_ray_head(self) -> None:
        """The head, waiting until it listens."""
        self.start("ray-head")
        self.until(lambda: port_open(self.nodes["ray-head"].address, 6379), "ray-head")

    def start_scheduler(self) -> None:
        """Dask's scheduler, waiting until it listens."""
        self.start("dask-scheduler")
        self.until(lambda: port_open(self.nodes["dask-scheduler"].address, 8786), "dask-scheduler")

    def until(self, ready: Callable[[], bool], name: str) -> None:
        """Wait for a service; fails with the end of its log."""
        deadline = time.monotonic() + PATIENCE
        log = self.folder / f"{name}-service.log"
        while not ready():
            ended = self.processes[name].poll() is not None
            assert not ended, f"{name} ended: {log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"{name} does not answer: {log.read_text()[-2000:]}"
            time.sleep(0.3)

    def revive(self) -> None:
        """Start again what ended, but for what a drill stopped, as compose does."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None and name in self.nodes and name.startswith(("ray-", "dask-")):
                self.start(name)

    def replace(self, name: str) -> None:
        """The node loses its power; another of the same name and address takes its place."""
        self.nodes.pop(name).lose_power()
        subprocess.run(["ip", "netns", "del", f"{MARK}-{HOSTS[name]}"], check=False)
        time.sleep(1.0)
        self.start(name)

    def host_environment(self) -> dict[str, str]:
        """What this process needs to look into the store."""
        return {
            "AWS_ENDPOINT_URL": f"http://{self.nodes['s3'].address}:7480",
            "AWS_ACCESS_KEY_ID": self.values["S3_ACCESS_KEY"],
            "AWS_SECRET_ACCESS_KEY": self.values["S3_SECRET_KEY"],
            "AWS_DEFAULT_REGION": "us-east-1",
        }


@contextmanager
def box(folder: Path, plugins: dict[str, str]) -> Iterator[Box]:
    """All services up: store, database, server, Ray with two workers, Dask with two workers, and a driver's node."""
    with ExitStack() as stack:
        switch = stack.enter_context(Switch(folder, HOSTS).on())
        found = Box(folder, switch, stack, plugins)
        found.start_s3()
        found.start_postgres()
        found.start_prefect()
        found.start_ray_head()
        found.start_scheduler()
        for name in ("ray-worker", "ray-worker-2", "dask-worker", "dask-worker-2"):
            found.start(name)
        found.node("driver")
        yield found


def port_open(address: str, port: int) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


def answers(url: str, auth: str = "") -> bool:
    """Whether a server answers, be it with a refusal of S3's."""
    request = urllib.request.Request(url)
    if auth:
        request.add_header("Authorization", f"Basic {b64encode(auth.encode()).decode()}")
    try:
        with urllib.request.urlopen(request, timeout=2):
            return True
    except urllib.error.HTTPError as error:
        return not auth and error.code == 403
    except OSError:
        return False

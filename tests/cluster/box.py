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
from collections.abc import Callable, Iterator, Mapping
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
    "ray-node": f"{ROOT}/infra/images/ray-node.sh",
    "/certificates": "/tmp/certificates",
    "/spill": "/tmp/spill",
}
POSTGRES = "/usr/lib/postgresql/15/bin"
DISKS = {"s3": "5g"}  # all others have two
PATIENCE = 180.0


class Box:
    """The running services, and how drills reach and change them."""

    def __init__(
        self, folder: Path, switch: Switch, stack: ExitStack, plugins: Mapping[str, str], settings: Mapping[str, str]
    ) -> None:
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
            "STORE_BYTES": str(4 << 30),
            **settings,
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
        image = {"OMP_NUM_THREADS": "1", "DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
        return {**told, **kernels, **self.plugins, **image, "PREFECT_LOGGING_LEVEL": "ERROR"}

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
        """A service on its machine, which is made where there is none; what is left of an earlier start ends first."""
        node = self.nodes.get(name) or self.node(name, DISKS.get(name, "2g"))
        node.end()
        self.processes[name] = node.start("service", *self.launch(name))

    def launch(self, name: str) -> tuple[list[str], dict[str, str]]:
        """Command and environment of a service: the compose file's, with Debian's programs for the two other images."""
        if name == "s3":
            told = {key: self.values[key] for key in ("S3_ACCESS_KEY", "S3_SECRET_KEY", "STORE_BYTES")}
            return [f"{ROOT}/infra/s3/one-node.sh", "/tmp/store", *self.command(name)], {**told, "STORE": "memstore"}
        if name == "postgres":
            command = ["setpriv", "--reuid=postgres", "--clear-groups", f"{POSTGRES}/postgres", "-D", "/tmp/data"]
            return [*command, "-h", self.nodes[name].address, "-k", "/tmp"], {}
        service = name.removesuffix("-2")
        return self.command(service), self.environment(service)

    def start_s3(self) -> None:
        """Ceph on its machine; its memory is its disk."""
        self.start("s3")
        self.until(lambda: answers(f"http://{self.nodes['s3'].address}:7480"), "s3")

    def start_postgres(self) -> None:
        """Debian's Postgres, with its database made where there is none."""
        node = self.nodes.get("postgres") or self.node("postgres")
        if not (node.disk / "data").exists():
            (node.disk / "password").write_text(self.values["POSTGRES_PASSWORD"])
            node.run("install", "-d", "-o", "postgres", "-g", "postgres", "/tmp/data")
            node.run("chmod", "644", "/tmp/password")
            options = ["-D", "/tmp/data", "-U", "prefect", "--pwfile=/tmp/password", "-A", "scram-sha-256"]
            node.run("setpriv", "--reuid=postgres", "--clear-groups", f"{POSTGRES}/initdb", *options)
            (node.disk / "data" / "pg_hba.conf").write_text(f"host all all {SUBNET}.0/24 scram-sha-256\n")
        self.start("postgres")
        self.until(lambda: port_open(node.address, 5432), "postgres")
        if "prefect" not in self.sql("select datname from pg_database").split():
            self.sql("create database prefect")

    def sql(self, command: str, password: str = "") -> str:
        """What the database answers; raises CalledProcessError."""
        ask = ["psql", "-h", self.nodes["postgres"].address, "-U", "prefect", "-d", "postgres", "-tc", command]
        env = {**os.environ, "PGPASSWORD": password or self.values["POSTGRES_PASSWORD"]}
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
        """Start again what ended, as compose does."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None and name in self.nodes:
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
def box(folder: Path, plugins: Mapping[str, str], settings: Mapping[str, str]) -> Iterator[Box]:
    """All services up: store, database, server, Ray with two workers, Dask with two workers, and a driver's node."""
    with ExitStack() as stack:
        switch = stack.enter_context(Switch(folder, HOSTS).on())
        found = Box(folder, switch, stack, plugins, settings)
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

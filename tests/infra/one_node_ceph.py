"""Ceph of one node, started by the house's own script: an S3 server that judges users and policies as Ceph does."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "infra" / "s3" / "one-node.sh"
NEEDED = ("radosgw", "radosgw-admin", "ceph-mon", "ceph-osd", "ceph", "monmaptool", "ceph-authtool")
LACKING = [name for name in NEEDED if not shutil.which(name)]
PATIENCE = 240.0  # seconds; it takes 14 on an idle machine


@dataclass(frozen=True)
class Keys:
    """One user's."""

    access: str
    secret: str


@dataclass(frozen=True)
class Ceph:
    """A running gateway, and the keys of the user who owns its buckets."""

    url: str
    folder: Path
    owner: Keys

    def user(self, name: str) -> Keys:
        """A new user without any rights but to buckets of his own."""
        command = ["radosgw-admin", "--conf", f"{self.folder}/ceph.conf", "user", "create"]
        command += [f"--uid={name}", f"--display-name={name}", "--max-buckets=-1"]  # none of his own
        made = subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
        (keys,) = json.loads(made.stdout)["keys"]
        return Keys(keys["access_key"], keys["secret_key"])


@contextmanager
def ceph(folder: Path) -> Iterator[Ceph]:
    """Ceph in memory on loopback, ended with all its processes."""
    port, keys = free_ports(), Keys("owner", secrets.token_hex(16))
    env = {**os.environ, "S3_ACCESS_KEY": keys.access, "S3_SECRET_KEY": keys.secret}
    env |= {"STORE": "memstore", "STORE_BYTES": str(1 << 30)}
    with (folder / "ceph.log").open("wb") as log:
        process = subprocess.Popen(
            [str(SCRIPT), str(folder), "127.0.0.1", str(port)],
            env=env, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers(url):
            ended = (folder / "ceph.log").read_text(errors="replace")[-2000:]
            assert process.poll() is None, ended
            assert time.monotonic() < deadline, ended
            time.sleep(0.5)
        yield Ceph(url, folder, keys)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_ports() -> int:
    """A port that is free, and the next one as well: the gateway's and the monitor's."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def answers(url: str) -> bool:
    """Whether it serves S3, be it with a refusal."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError as error:
        return error.code == 403
    except OSError:
        return False

"""Looks over an installation: what is there, what is reachable, how much room is left, and what to do."""

from __future__ import annotations

import base64
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from flows.engine import usable_cpus
from flows.publish_targets.credentials import CREDENTIALS
from flows.run import FACTS
from flows.signing import signer
from flows.tracing import ENDPOINTS, endpoint, is_installed
from manifests.errors import UsageError
from manifests.inputs import is_remote
from manifests.lease import LOCK, parse
from manifests.ledger import Ledger
from manifests.store import Store
from tasks.spent import COLUMNS, spent_by

State = Literal["ok", "absent", "wrong"]  # absent: works without it; wrong: will not work
PACKAGES = ("meshmill", "numpy", "numba", "prefect", "ray", "dask", "pyarrow", "duckdb")
EXTRAS = {
    "learned": ("torch", "transformers", "open_clip_torch"),
    "publish": ("huggingface_hub", "c2pa-python"),
    "otel": ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"),
    "gpl": ("pymeshlab",),
    "quads": ("pyinstantmeshes",),
}
WEB = Path(__file__).parents[1] / "tasks" / "web" / "node_modules"
LEAST_DISK, LEAST_MEMORY = 5 << 30, 4 << 30  # a day's work of the quickstart's kind; a guarded child's memory cap
PATIENCE = 5.0  # seconds for each thing that is asked over the network
SOON = timedelta(days=30)


@dataclass(frozen=True)
class Line:
    """One thing that was looked at."""

    what: str
    state: State
    found: str
    do: str = ""  # what to do about it; "" for nothing


def examine(out: str = "out") -> list[Line]:
    """Everything, at most a few seconds: what is asked over the network is asked at once."""
    checks: tuple[Callable[[], Line], ...] = (
        *(lambda extra=extra: _extra(extra) for extra in EXTRAS),
        _web,
        _gpu,
        _memory,
        lambda: _disk("disk of the run", out if not is_remote(out) else "."),
        lambda: _disk("temporary disk", os.environ.get("TMPDIR", "/tmp")),
        _ray,
        _dask,
        _prefect,
        _traces,
        lambda: _store(out),
        lambda: _driver(out),
        lambda: _spent(out),
        _signing,
        _credentials,
    )
    with ThreadPoolExecutor(len(checks)) as pool:
        return [_python(), _packages(), *pool.map(lambda check: check(), checks)]


def to_dict(lines: list[Line]) -> dict[str, Any]:
    """Plain values for JSON."""
    return {"ok": all(line.state != "wrong" for line in lines), "lines": [asdict(line) for line in lines]}


def _python() -> Line:
    found = f"{platform.python_version()}, {usable_cpus()} CPUs usable"
    fits = sys.version_info >= (3, 11)
    return Line("python", "ok" if fits else "wrong", found, "" if fits else "install Python 3.11 or newer")


def _packages() -> Line:
    found = {name: _version(name) for name in PACKAGES}
    lacking = [name for name, there in found.items() if not there]
    text = ", ".join(f"{name} {there}" for name, there in found.items() if there)
    return Line("packages", "wrong" if lacking else "ok", text, f"install {', '.join(lacking)}" if lacking else "")


def _extra(extra: str) -> Line:
    found = {name: _version(name) for name in EXTRAS[extra]}
    text = ", ".join(f"{name} {there}" for name, there in found.items() if there) or "not installed"
    lacking = not all(found.values())
    return Line(
        f"extra {extra}", "absent" if lacking else "ok", text, f"pip install -e '.[{extra}]'" if lacking else ""
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _web() -> Line:
    there = WEB.is_dir() and any(WEB.iterdir())
    return Line(
        "report viewer",
        "ok" if there else "absent",
        "installed" if there else "not installed",
        "" if there else "make demo installs it",
    )


def _gpu() -> Line:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Line("gpu", "absent", "no NVIDIA driver: generators run on the CPU")
    asked = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=2 * PATIENCE, check=True)
    except (subprocess.SubprocessError, OSError) as error:
        return Line("gpu", "wrong", f"nvidia-smi: {error}", "look at the driver")
    return Line("gpu", "ok", "; ".join(done.stdout.strip().splitlines()))


def _memory() -> Line:
    free = next(
        (
            int(line.split()[1]) << 10
            for line in Path("/proc/meminfo").read_text().splitlines()
            if line.startswith("MemAvailable")
        ),
        0,
    )
    fits = free >= LEAST_MEMORY
    return Line(
        "memory",
        "ok" if fits else "wrong",
        f"{free / 2**30:.1f} GiB free",
        "" if fits else "a chain may need 4 GiB: stop something",
    )


def _disk(what: str, place: str) -> Line:
    folder = Path(place).resolve()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    fits = free >= LEAST_DISK
    return Line(
        what,
        "ok" if fits else "wrong",
        f"{free / 2**30:.1f} GiB free at {folder}",
        "" if fits else "make room, or name another --out",
    )


def _ray() -> Line:
    return _address("ray", "RAY_ADDRESS", "a local Ray is started for each run", "ray start --head")


def _dask() -> Line:
    return _address("dask", "DASK_SCHEDULER_ADDRESS", "local threads do the work", "dask scheduler")


def _address(what: str, variable: str, without: str, start: str) -> Line:
    """Whether something listens where an environment variable points to."""
    value = os.environ.get(variable, "")
    if not value:
        return Line(what, "absent", f"{variable} is not set: {without}")
    return _listens(what, value, f"{start}, or unset {variable}")


def _listens(what: str, address: str, do: str) -> Line:
    place = urlsplit(address if "://" in address else f"tcp://{address}")
    try:
        port = place.port or {"http": 80, "https": 443}.get(place.scheme, 0)
        with socket.create_connection((place.hostname or "", port), PATIENCE):
            return Line(what, "ok", f"{_shown(address)} answers")
    except (OSError, ValueError) as error:
        return Line(what, "wrong", f"{_shown(address)}: {error}", do)


def _traces() -> Line:
    address = endpoint()
    if not address:
        return Line("traces", "absent", f"{ENDPOINTS[1]} is not set: no traces")
    if not is_installed():
        return Line("traces", "wrong", f"none go to {_shown(address)}", "pip install -e '.[otel]'")
    return _listens("traces", address, f"start a collector, or unset {ENDPOINTS[1]}")


def _shown(address: str) -> str:
    """An address without the user name and password that may stand in it."""
    return re.sub(r"//[^/@]*@", "//", address)


def _prefect() -> Line:
    url = os.environ.get("PREFECT_API_URL", "").rstrip("/")
    if not url:
        return Line("prefect", "absent", "PREFECT_API_URL is not set: each run starts a server of its own")
    headers = {}
    if key := os.environ.get("PREFECT_API_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    elif pair := os.environ.get("PREFECT_API_AUTH_STRING"):
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    try:
        request = urllib.request.Request(f"{url}/admin/version", headers=headers)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            there = json.load(answer)
    except (OSError, ValueError) as error:
        found = f"{_shown(url)}: {error}"
        return Line("prefect", "wrong", found, "prefect server start, or unset PREFECT_API_URL")
    same = there == _version("prefect")
    return Line(
        "prefect",
        "ok" if same else "wrong",
        f"{_shown(url)}, {there}",
        "" if same else f"run prefect {_version('prefect')} there",
    )


def _store(out: str) -> Line:
    """Whether files can be written there, and only once: everything that survives a kill rests on that."""
    store, path = Store(out), f"doctor-{uuid.uuid4().hex}"
    if not is_remote(out) and not Path(out).exists():
        return Line("store", "ok", f"{store.uri} is not there yet")
    try:
        first, second = store.put_if_absent(path, b"1"), store.put_if_absent(path, b"2")
        store.delete(path)
    except Exception as error:  # whatever a store's client raises
        return Line(
            "store", "wrong", f"{store.uri}: {type(error).__name__}: {error}", "look at the address and the credentials"
        )
    fits = first and not second
    return Line(
        "store",
        "ok" if fits else "wrong",
        f"{store.uri} can be written",
        "" if fits else "it ignores conditional writes (If-None-Match)",
    )


def _driver(out: str) -> Line:
    try:
        holder = parse(Store(out).read(LOCK))
    except Exception:  # a store that is away is said so in its own line
        holder = None
    if holder is None:
        return Line("run under way", "ok", "none")
    who = f"process {holder.pid} on {holder.host} since {holder.started[:19]}"
    return Line("run under way", "ok", who if holder.alive() else f"{who}, gone: the next run takes over")


def _spent(out: str) -> Line:
    store = Store(out)
    try:
        told = spent_by(Ledger(store).rows(columns=COLUMNS)).told(_currency(store))
    except Exception as error:  # a damaged ledger, or a store that is away
        return Line(
            "spent on gpus", "absent", f"not known: {type(error).__name__}: {error}", "look at the ledger there"
        )
    return Line("spent on gpus", "ok", told or "nothing")


def _currency(store: Store) -> str:
    """That of the run's report; "" before there is one."""
    try:
        return str(json.loads(store.read(FACTS)).get("currency", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _signing() -> Line:
    try:
        keys = signer()
    except UsageError as error:
        return Line("signing", "wrong", str(error), "name a PEM key and its certificates, or unset both")
    if keys is None:
        return Line("signing", "absent", "MESHMILL_SIGN_KEY and _CERT are not set: nothing is signed")
    ends = keys.chain[0].not_valid_after_utc
    left = ends - datetime.now(UTC)
    state: State = "wrong" if left < timedelta(0) else "ok"
    return Line("signing", state, f"certificate until {ends:%Y-%m-%d}", "renew the certificate" if left < SOON else "")


def _credentials() -> Line:
    there = [target for target, name in CREDENTIALS.items() if os.environ.get(name)]
    lacking = [f"{name} for {target}" for target, name in CREDENTIALS.items() if target not in there]
    return Line(
        "publishing",
        "ok" if there else "absent",
        f"credentials for {', '.join(there) or 'nothing'}",
        f"set {', '.join(lacking)}" if lacking else "",
    )


def describe(lines: list[Line]) -> Iterator[str]:
    """The screen a person reads."""
    marks = {"ok": "ok     ", "absent": "–      ", "wrong": "WRONG  "}
    wide = max(len(line.what) for line in lines)
    for line in lines:
        yield f"{marks[line.state]}{line.what:<{wide}}  {line.found}" + (f"  →  {line.do}" if line.do else "")

"""Figures of a run that is under way, for Prometheus to ask over HTTP: queues, rates, and how busy the machine is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from flows.metrics import Labels, Sample, family, labelled
from flows.progress import Progress
from manifests.errors import UsageError

SETTING = "MESHMILL_METRICS"  # host:port to listen at, as 127.0.0.1:9464
GPU_SECONDS = 10.0  # nvidia-smi is asked at most this often
ASKED = "index,utilization.gpu,memory.used"


class Machine:
    """How busy this machine is."""

    def __init__(self) -> None:
        self.times = cpu_times()
        self.busy = 0.0
        self.gpus: list[Sample] = []
        self.looked = -GPU_SECONDS
        self.lock = threading.Lock()

    def cpu(self) -> float:
        """Share of all CPUs' time since it was asked last, 0 to 1."""
        with self.lock:
            (idle, total), self.times = self.times, cpu_times()
            passed = self.times[1] - total
            if passed > 0:
                self.busy = 1.0 - (self.times[0] - idle) / passed
            return self.busy

    def gpu(self) -> list[Sample]:
        """Share of the time that each GPU worked, 0 to 1, by its index; empty without one."""
        with self.lock:
            if time.monotonic() - self.looked >= GPU_SECONDS:
                self.looked, self.gpus = time.monotonic(), gpu_shares()
            return self.gpus


def cpu_times() -> tuple[float, float]:
    """Ticks that all CPUs idled, waiting for disks included, and all ticks (proc_stat(5))."""
    ticks = [float(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def gpu_shares() -> list[Sample]:
    """As the NVIDIA driver tells; nothing where there is none or it does not answer."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    command = [tool, f"--query-gpu={ASKED}", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=5.0, check=True).stdout
        rows = [[cell.strip() for cell in line.split(",")] for line in told.splitlines() if line.strip()]
        return [({"gpu": index}, float(busy) / 100.0) for index, busy, _ in rows]
    except (OSError, subprocess.SubprocessError, ValueError):
        return []


def live_exposition(progress: Progress, machine: Machine) -> str:
    """The figures now (exposition format 0.0.4)."""
    with progress.lock:
        rows, stages, queues = dict(progress.outcomes), dict(progress.stages), list(progress.queues.values())
        skipped, total, seconds = progress.skipped, progress.total, time.monotonic() - progress.started
    waiting = {"generate": float(sum(each[0] for each in queues)), "chain": float(sum(each[1] for each in queues))}
    none: Labels = {}
    lines = [
        *family("meshmill_live_rows", "Rows of this run by outcome", labelled("outcome", rows)),
        *family("meshmill_live_skipped_rows", "Rows that the ledger held before", [(none, float(skipped))]),
        *family("meshmill_live_expected_rows", "Rows of the manifest, about", [(none, float(total or 0))]),
        *family("meshmill_live_stage_seconds", "Seconds of this run's rows by stage", labelled("stage", stages)),
        *family("meshmill_live_queue_rows", "Rows at a generator or in a chain, waiting ones included",
                labelled("place", waiting)),
        *family("meshmill_live_chunks", "Chunks under way", [(none, float(len(queues)))]),
        *family("meshmill_live_seconds", "Seconds since this run began", [(none, seconds)]),
        *family("meshmill_live_cpu_share", "Share of this machine's CPU time in use", [(none, machine.cpu())]),
        *family("meshmill_live_gpu_share", "Share of the time that a GPU of this machine works", machine.gpu()),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


@contextmanager
def served(progress: Progress) -> Iterator[str]:
    """The figures at the address that MESHMILL_METRICS names, inside a with block; that address, "" without one.

    Raises UsageError for what is no address; one that is taken costs the figures, not the run.
    """
    said = os.environ.get(SETTING, "")
    host, _, port = said.rpartition(":")
    if said and not port.isdigit():
        raise UsageError(f"{SETTING}={said} is no address, as 127.0.0.1:9464 is")
    machine = Machine()
    answers = handler(lambda: live_exposition(progress, machine))
    try:
        server = ThreadingHTTPServer((host or "127.0.0.1", int(port)), answers) if said else None
    except (OSError, OverflowError) as error:
        print(f"metrics: nobody can listen at {said} ({error}); the run goes on without", file=sys.stderr)
        server = None
    if server is None:
        yield ""
        return
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    try:
        yield f"{server.server_address[0]!s}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def handler(text: Callable[[], str]) -> type[BaseHTTPRequestHandler]:
    """Answers GET /metrics with the text, everything else with 404."""

    class Figures(BaseHTTPRequestHandler):
        timeout = 10.0  # of a client that says nothing

        def do_GET(self) -> None:
            found = self.path.split("?")[0] == "/metrics"
            body = text().encode() if found else b""
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Figures

"""A Prefect API for one run, where none is configured: it ends with the driver, however that ends, and not before.

Prefect would start a temporary server itself, in the terminal's process group and without a tie to its parent: Ctrl-C
would stop it first, so that the driver waits over a minute for its answers, and a driver that is killed would leave it
running.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from flows.guard import spawn_from_lasting_thread
from flows.guard_server import die_with_parent

STOP_SECONDS = 5.0


@contextmanager
def prefect_api() -> Iterator[None]:
    """The API that is configured, else one of this run's own on a loopback port, inside a with block."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    if PREFECT_API_URL.value():
        yield
        return
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:  # who connects early waits in the backlog
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/api"
        command = [sys.executable, "-m", "flows.prefect_server", str(listening.fileno())]
        server = spawn_from_lasting_thread(command, listening.fileno())
    try:
        with temporary_settings({PREFECT_API_URL: url}):
            yield
    finally:
        stop(server)


def stop(server: subprocess.Popen[bytes]) -> None:
    """End it, giving its database a moment to close."""
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def serve(descriptor: int) -> None:
    """Serve the API on a listening socket until SIGTERM."""
    import uvicorn

    die_with_parent()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a handler would be replaced by uvicorn's
    os.environ.update(PREFECT_UI_ENABLED="0", PREFECT__SERVER_EPHEMERAL="1", PREFECT__SERVER_FINAL="1")
    app = "prefect.server.api.server:create_app"
    uvicorn.run(app, factory=True, fd=descriptor, log_level="error", lifespan="on")


if __name__ == "__main__":
    serve(int(sys.argv[1]))

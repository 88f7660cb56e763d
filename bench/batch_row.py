"""One row's work, the same for us and for the peers: 10 ms of CPU and a line in a log; or a crash in native code."""

from __future__ import annotations

import ctypes
import os
import time

SECONDS = 0.01


def make_row(id: str, crash: bool, log: str) -> None:
    """Note that the row was begun, then work."""
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{id}\n".encode())
    os.close(descriptor)
    if crash:
        ctypes.string_at(0)
    began = time.process_time()
    while time.process_time() - began < SECONDS:
        pass

"""A real OTLP/HTTP receiver for tests: what it is sent is handed on as it came."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest
from posts import receiver


@contextmanager
def receiving(monkeypatch: pytest.MonkeyPatch, take: Callable[[bytes], None]) -> Iterator[None]:
    """While it is open, the environment names a receiver that gives each unpacked body to `take`."""

    def unpacked(path: str, headers: Mapping[str, str], body: bytes) -> None:
        assert (path, headers["Content-Type"]) == ("/v1/traces", "application/x-protobuf")
        take(gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body)

    with receiver(unpacked) as address:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        yield

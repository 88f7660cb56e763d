"""Inputs over HTTP come from public addresses alone: names, redirects and names that change their address included."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.admission import sha256
from manifests.inputs import InputFault, Inputs
from manifests.public_hosts import ALLOWED, is_allowed
from ml.asset import InputError
from ml.sources import Source


class Server:
    """A web server on an address of this machine; /redirect leads to `target`, all else is an image of one byte."""

    def __init__(self, address: str) -> None:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                redirect = self.path.startswith("/redirect")
                self.send_response(302 if redirect else server.status if self.command == "GET" else 200)
                self.send_header("Location", server.target) if redirect else None
                self.send_header("Content-Length", "1")
                self.end_headers()
                self.wfile.write(b"x" if self.command == "GET" else b"")

            def do_HEAD(self) -> None:
                self.do_GET()

            def log_message(self, *_: Any) -> None:
                pass

        self.asked: list[str] = []
        self.target = ""
        self.status = 200  # of a GET
        self.server = ThreadingHTTPServer((address, 0), Handler)
        self.url = f"http://{address}:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, Server]]:
    """One that is allowed, as a public one would be, and one that is not."""
    from fsspec.implementations.http import HTTPFileSystem

    monkeypatch.setenv(ALLOWED, "127.0.0.1/32")
    pair = (Server("127.0.0.1"), Server("127.0.0.2"))
    HTTPFileSystem.clear_instance_cache()
    yield pair
    for server in pair:
        server.close()


def code(root: str, name: str) -> str:
    """The code of a row that names this file, "" where it is found."""
    try:
        Inputs(f"{root}/rows.csv").find(name)
    except InputFault as fault:
        return fault.code
    return ""


@pytest.mark.slow
def test_only_allowed_addresses_are_asked(servers: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch) -> None:
    allowed, other = servers
    assert (code(allowed.url, "a.png"), code(other.url, "a.png")) == ("", "row.outside")
    assert (allowed.asked != [], other.asked) == (True, [])
    monkeypatch.setenv(ALLOWED, "")
    assert code(allowed.url, "b.png") == "row.outside"


def test_a_list_that_is_none_is_said(servers: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOWED, "127.0.0.1/8")
    with pytest.raises(InputFault, match=f"{ALLOWED} has to be networks .* has host bits set"):
        Inputs(f"{servers[0].url}/rows.csv").find("a.png")


def test_a_server_that_fails_has_a_coded_answer(servers: tuple[Server, Server]) -> None:
    server, _ = servers
    file = Inputs(f"{server.url}/rows.csv").find("a.glb")
    server.status = 500
    with pytest.raises(InputError, match="500") as caught:
        Source(file.uri, file.root).read()
    assert caught.value.code == "input.unreadable"
    assert sha256(file) == f"unread {file.uri}"


def test_a_redirect_leads_nowhere_else(servers: tuple[Server, Server]) -> None:
    allowed, other = servers
    allowed.target = f"{other.url}/latest/meta-data"
    assert code(allowed.url, "redirect.png") == "row.outside"
    with pytest.raises(InputError, match=r"127\.0\.0\.2 is not a public address"):
        Source(f"{allowed.url}/redirect.png", allowed.url).read()
    assert other.asked == []
    allowed.target = f"{allowed.url}/b.png"
    assert code(allowed.url, "redirect.png") == ""


@pytest.mark.slow
def test_a_name_that_changes_its_address_is_refused(
    servers: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed, other = servers
    answers = iter(["127.0.0.1", "127.0.0.2"])
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        return real(next(answers) if host == "rebind.example" else host, port, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    port = allowed.url.rpartition(":")[2]
    assert code(f"http://rebind.example:{port}", "a.png") == ""
    from fsspec.implementations.http import HTTPFileSystem

    HTTPFileSystem.clear_instance_cache()  # and with it the connection that is kept alive, and the resolver's memory
    from manifests import inputs

    inputs._filesystem.cache_clear()
    port = other.url.rpartition(":")[2]
    assert code(f"http://rebind.example:{port}", "b.png") == "row.outside"
    assert other.asked == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::5db8:d822", True),
    ],
)
def test_public_means_public(address: str, public: bool) -> None:
    assert is_allowed(address, "") is public
    assert is_allowed(address, "0.0.0.0/0, ::/0")


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:{}", "64:ff9b::{}"]))
def test_an_address_in_an_address_is_judged_alike(address: Any, form: str) -> None:
    assert is_allowed(form.format(address), "") == is_allowed(str(address), "")

"""A service that assets are published to, over real HTTP: threads, a token, and the failures of real ones on order."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, dict[str, str], Any]  # status, headers, JSON or bytes
FAULTS = ("429", "500", "lost", "lost after", "dropped")


class Shop:
    """What a service remembers, and the faults it is to make.

    `share` of the requests go wrong, in turn: 429 with Retry-After, 500 before anything is done, the answer lost after
    everything was done, a 500 after everything was done, and the connection dropped before the request is read.
    """

    token = "Token secret-of-the-shop"
    header = "Authorization"

    def __init__(self, share: float = 0.0, seed: int = 0) -> None:
        self.share, self.random = share, random.Random(seed)
        self.lock = threading.RLock()
        self.asked: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.planned: list[str] = []  # faults of the next requests, whatever the share
        self.url = ""

    def fault(self) -> str:
        """The fault of this request; "" for none."""
        with self.lock:
            if self.planned:
                chosen = self.planned.pop(0)
            else:
                chosen = self.random.choice(FAULTS) if self.random.random() < self.share else ""
            if chosen:
                self.faults[chosen] += 1
            return chosen

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, kind: str) -> Answer:
        """Carry a request out."""
        raise NotImplementedError

    def free(self, path: str) -> bool:
        """Whether a path needs no token."""
        return False


class Handler(BaseHTTPRequestHandler):
    """Hands requests to the shop and makes its faults."""

    protocol_version = "HTTP/1.1"
    shop: Shop

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""

    def _handle(self) -> None:
        fault = self.shop.fault()
        if fault == "dropped":
            self.close_connection = True
            self.connection.close()
            return None
        body = self._body()
        address = urlsplit(self.path)
        self.shop.asked[f"{self.command} {address.path}"] += 1
        if fault == "429":
            return self._say(429, {"Retry-After": "0"}, {"detail": "Request was throttled."})
        if fault == "500":
            return self._say(500, {}, {"detail": "before anything was done"})
        if self.headers.get(self.shop.header) != self.shop.token and not self.shop.free(address.path):
            return self._say(401, {}, {"detail": f"who is {self.headers.get(self.shop.header)}?"})
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        with self.shop.lock:
            status, headers, content = self.shop.answer(
                self.command, address.path, query, body, self.headers.get("Content-Type", "")
            )
        if fault == "lost":
            self.close_connection = True
            self.connection.close()
            return None
        if fault == "lost after":
            return self._say(500, {}, {"detail": "after everything was done"})
        return self._say(status, headers, content)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    do_GET = do_POST = do_PUT = do_PATCH = do_HEAD = _handle  # noqa: N815  # names of http.server

    def _say(self, status: int, headers: dict[str, str], content: Any) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


class QuietServer(ThreadingHTTPServer):
    """Connections that are closed on purpose are nobody's error."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing."""


@contextmanager
def serving(shop: Shop) -> Iterator[Shop]:
    """The shop on a free port of this machine."""
    server = QuietServer(("127.0.0.1", 0), type("Bound", (Handler,), {"shop": shop}))
    shop.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield shop
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def form(body: bytes, kind: str) -> dict[str, list[tuple[str, bytes]]]:
    """Fields of a multipart body: for each name its (file name, bytes)."""
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    found: dict[str, list[tuple[str, bytes]]] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        found.setdefault(str(name), []).append((part.get_filename() or "", part.get_payload(decode=True)))
    return found


Fields = Callable[[str], list[str]]


class SketchfabShop(Shop):
    """The Data API v3 as documented: uploads, one's own models in pages of 24, processing that takes time."""

    def __init__(self, share: float = 0.0, seed: int = 0, looks: int = 2) -> None:
        super().__init__(share, seed)
        self.models: dict[str, dict[str, Any]] = {}
        self.looks = looks  # at a model before it is processed
        self.fails: set[str] = set()  # names of models that cannot be processed

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, kind: str) -> Answer:
        if (method, path) == ("POST", "/v3/models"):
            return self._upload(form(body, kind))
        if (method, path) == ("GET", "/v3/me/models"):
            return self._page(int(query.get("cursor", 0)))
        model = self.models.get(path.rpartition("/")[2])
        if model is None:
            return 404, {}, {"detail": "Not found."}
        if method == "PATCH":
            model["isPublished"] = json.loads(body)["isPublished"]
            return 204, {}, b""
        model["looks"] += 1
        ready = "FAILED" if model["name"] in self.fails else "SUCCEEDED"
        status = ready if model["looks"] > self.looks else ("PENDING", "PROCESSING")[model["looks"] % 2]
        return 200, {}, {"uid": model["uid"], "name": model["name"], "status": {"processing": status}}

    def _upload(self, fields: dict[str, list[tuple[str, bytes]]]) -> Answer:
        name, tags = fields["name"][0][1].decode(), [value.decode() for _, value in fields.get("tags", [])]
        description = fields["description"][0][1].decode()
        if len(name) > 48 or len(description) > 1024 or len(tags) > 42:
            return 400, {}, {"detail": {"name": ["too long"]}}
        uid = f"{len(self.models):032x}"
        self.models[uid] = {
            "uid": uid,
            "name": name,
            "description": description,
            "tags": tags,
            "file": fields["modelFile"][0],
            "license": fields["license"][0][1].decode() if "license" in fields else "",
            "isPublished": fields["isPublished"][0][1] == b"true",
            "looks": 0,
        }
        return 201, {"Location": f"{self.url}/v3/models/{uid}"}, {"uid": uid, "uri": f"{self.url}/v3/models/{uid}"}

    def _page(self, first: int) -> Answer:
        newest = list(self.models.values())[::-1]
        shown = [
            {
                "uid": model["uid"],
                "name": model["name"],
                "description": model["description"],
                "tags": [{"name": tag, "slug": tag} for tag in model["tags"]],
            }
            for model in newest[first : first + 24]
        ]
        following = f"{self.url}/v3/me/models?cursor={first + 24}" if first + 24 < len(newest) else None
        return 200, {}, {"results": shown, "next": following, "previous": None}

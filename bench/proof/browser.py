"""Loads a web export with three.js or <model-viewer> in headless Chromium, from a server of this machine alone."""

from __future__ import annotations

import atexit
import base64
import mimetypes
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import numpy as np
import read_gltf
from facts import COLUMNS, Facts, PartFacts, gathered, keep_image
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
MODULES = HERE.parents[1] / "tasks/web/node_modules"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless=new", "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
HOST = "127.0.0.1"
# The viewer wants a classic script that sets a global; three.js ships the decoder as a module.
EXPORT = b"export { MeshoptDecoder };"
LIMIT = 60_000
_pages: dict[str, tuple[Any, list[str]]] = {}


class Files(BaseHTTPRequestHandler):
    """Serves the two pages, the packages of tasks/web, and any file by its absolute path below /files."""

    def do_GET(self) -> None:
        """One file or 404."""
        path = unquote(urlsplit(self.path).path)
        if path == "/meshopt_decoder.js":
            data = (MODULES / "three/examples/jsm/libs/meshopt_decoder.module.js").read_bytes().replace(EXPORT, b"")
            self.reply(data, "text/javascript")
            return
        roots = {"/node_modules/": MODULES, "/files/": Path("/"), "/": HERE}
        root = next(prefix for prefix in roots if path.startswith(prefix))
        file = roots[root] / path.removeprefix(root)
        if file.is_file():
            kind = "application/wasm" if file.suffix == ".wasm" else mimetypes.guess_type(file.name)[0]
            self.reply(file.read_bytes(), kind or "application/octet-stream")
        else:
            self.send_error(404)

    def reply(self, data: bytes, kind: str) -> None:
        """The whole answer."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def page(name: str) -> tuple[Any, list[str]]:
    """The page three.html or viewer.html, opened once, and the growing list of what went wrong in it."""
    if name not in _pages:
        if "server" not in _pages:
            server = ThreadingHTTPServer((HOST, 0), Files)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            driver = sync_playwright().start()
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            atexit.register(lambda: (browser.close(), driver.stop()))
            _pages["server"] = (browser, [str(server.server_port)])
        browser, (port,) = _pages["server"]
        complaints: list[str] = []
        opened = browser.new_page(base_url=f"http://{HOST}:{port}")
        opened.set_default_timeout(LIMIT)
        opened.on("console", lambda said: said.type == "error" and complaints.append(f"console: {said.text[:200]}"))
        opened.on("pageerror", lambda error: complaints.append(f"page: {str(error)[:200]}"))
        opened.on("request", lambda request: complaints.extend(foreign(request.url)))
        opened.on("requestfailed", lambda request: complaints.append(f"failed: {request.url[:200]}"))
        opened.goto(f"/{name}.html")
        opened.wait_for_function("window.ready")
        _pages[name] = opened, complaints
    return _pages[name]


def foreign(url: str) -> list[str]:
    """A sentence when a request goes to another host."""
    parts = urlsplit(url)
    return [] if parts.scheme in ("data", "blob") or parts.hostname == HOST else [f"asks {parts.hostname}"]


def read(
    path: Path, folder: Path, viewer: str = "three", name: str = "", centre: Any = None, radius: float = 1.0
) -> Facts | dict[str, Any]:
    """three.js: Facts as it decoded them, and with a `name` a picture; viewer: its complaints and the size it shows."""
    opened, complaints = page(viewer)
    complaints.clear()
    url = f"/files{quote(str(path.resolve()))}"
    if viewer == "viewer":
        return {**opened.evaluate("url => load(url)", url), "complaints": list(complaints)}
    made = opened.evaluate("([url, centre, radius]) => load(url, centre, radius)", [url, centre, radius])
    if name:
        (folder / f"{name}.png").write_bytes(base64.b64decode(made["picture"].split(",", 1)[1]))
    document = read_gltf.Document(path)
    images = [keep_image(folder, data) for data in document.images()]
    facts = Facts(
        **gathered([[rows(m[name], width) for name, width in COLUMNS.items()] for m in made["meshes"]]),
        parts=[PartFacts(m["name"], len(rows(m["corners"], 3)) // 3, str(m["material"])) for m in made["meshes"]],
        warnings=list(complaints),
    )
    for index, spec in enumerate(document.json.get("materials", [])):
        facts.materials[str(index)] = read_gltf.material_facts(spec, document.json, images)
    return facts


def rows(text: str, width: int) -> Any:
    """The float32 values of a base64 text; None for an empty one."""
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(-1, width).astype(np.float64) if text else None
